"""skopeo and podman against the registry: layouts, formats, copies between repositories."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest

pytestmark = pytest.mark.needs("gcloud")


def layout(folder, platforms):
    """Writes an OCI layout of one index with an image for each platform."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def keep(content, media_type, **more):
        name = hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        return {"mediaType": media_type, "size": len(content), "digest": f"sha256:{name}", **more}

    manifests = []
    for platform in platforms:
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            entry = tarfile.TarInfo("platform")
            entry.size = len(platform)
            archive.addfile(entry, io.BytesIO(platform.encode()))
        # Compressed: what is not, skopeo compresses, and the digests would not be the same.
        layer = keep(gzip.compress(tar.getvalue()), "application/vnd.oci.image.layer.v1.tar+gzip")
        content = f"sha256:{hashlib.sha256(tar.getvalue()).hexdigest()}"
        config = {"architecture": platform, "os": "linux", "config": {},
                  "rootfs": {"type": "layers", "diff_ids": [content]}}
        image = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": keep(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [layer],
        }
        manifests.append(keep(json.dumps(image).encode(), image["mediaType"],
                              platform={"architecture": platform, "os": "linux"}))
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
    top = keep(json.dumps(index).encode(), index["mediaType"], annotations={"org.opencontainers.image.ref.name": "v1"})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return top["digest"]


@pytest.fixture(scope="module")
def password(cloud):
    return cloud.token


@pytest.mark.needs("skopeo")
def test_an_index_is_copied_in_between_and_out_unchanged(cloud, name, password, tmp_path):
    digest = layout(tmp_path / "in", ["amd64", "arm64"])
    one, two = f"docker://gcr.io/{cloud.project}/{name}", f"docker://gcr.io/{cloud.project}/{name}-copy"
    sign_in = f"--creds oauth2accesstoken:{password}"
    both = f"--src-creds oauth2accesstoken:{password} --dest-creds oauth2accesstoken:{password}"
    policy = "skopeo --insecure-policy"
    cloud.sh(f"{policy} copy --all --dest-creds oauth2accesstoken:{password} oci:{tmp_path}/in:v1 {one}:v1")
    raw = cloud.sh(f"{policy} inspect --raw {sign_in} {one}:v1").stdout.encode()
    assert "sha256:" + hashlib.sha256(raw).hexdigest() == digest
    cloud.sh(f"{policy} copy --all {both} {one}:v1 {two}:v2")
    cloud.sh(f"{policy} copy --all --src-creds oauth2accesstoken:{password} {two}:v2 oci:{tmp_path}/out:v1")
    assert json.loads((tmp_path / "out" / "index.json").read_text())["manifests"][0]["digest"] == digest
    cloud.sh(f"{policy} copy --format v2s2 --override-arch amd64 {both} {one}:v1 {one}:docker")
    listed = json.loads(cloud.sh(f"{policy} list-tags {sign_in} {one}").stdout)
    assert sorted(listed["Tags"]) == ["docker", "v1"]
    inspected = json.loads(cloud.sh(f"{policy} inspect {sign_in} {one}:docker").stdout)
    assert inspected["Architecture"] == "amd64"
    cloud.sh(f"gcloud container images untag gcr.io/{cloud.project}/{name}:docker -q")
    refused = cloud.sh(f"{policy} inspect {sign_in} {one}:docker", check=False)
    assert refused.status != 0


@pytest.mark.needs("skopeo")
def test_anonymous_pulls_need_a_public_repository(cloud, name, password, tmp_path):
    layout(tmp_path / "in", ["amd64"])
    location = "europe-west1"
    cloud.sh(f"gcloud artifacts repositories create {name} --repository-format=docker --location={location}")
    image = f"docker://{location}-docker.pkg.dev/{cloud.project}/{name}/app:v1"
    policy = "skopeo --insecure-policy"
    cloud.sh(f"{policy} copy --all --dest-creds oauth2accesstoken:{password} oci:{tmp_path}/in:v1 {image}")
    assert cloud.sh(f"{policy} inspect --raw --no-creds {image}", check=False).status != 0
    cloud.sh(
        f"gcloud artifacts repositories add-iam-policy-binding {name} --location={location}"
        " --member=allUsers --role=roles/artifactregistry.reader"
    )
    cloud.sh(f"{policy} inspect --raw --no-creds {image}")
    assert cloud.sh(f"{policy} copy --dest-no-creds oci:{tmp_path}/in:v1 {image}", check=False).status != 0


@pytest.mark.needs("podman")
def test_podman_pulls_and_pushes(cloud, name, password, tmp_path):
    layout(tmp_path / "in", ["amd64"])
    # Its run folder may have no more than 50 characters.
    store = f"podman --root {tmp_path}/root --runroot {cloud.folder}/pod --storage-driver vfs"
    image = f"gcr.io/{cloud.project}/{name}"
    loaded = cloud.sh(f"{store} pull -q --arch amd64 oci:{tmp_path}/in:v1").stdout.strip()
    sign_in = f"--creds oauth2accesstoken:{password}"
    cloud.sh(f"{store} push -q {sign_in} {loaded} {image}:v1 && {store} rmi {loaded}")
    cloud.sh(f"{store} pull -q --arch amd64 {sign_in} {image}:v1")
    assert image in cloud.sh(f"{store} images --format '{{{{.Repository}}}}'").stdout
