"""Artifact Registry through gcloud: repositories, access, cleanup, files, versions and tags."""

import base64
import hashlib
import json
import socket
import subprocess

import pytest

from registry_client import Registry

pytestmark = pytest.mark.needs("gcloud")
LOCATION = "europe-west1"
HOST = f"{LOCATION}-docker.pkg.dev"


@pytest.fixture
def repository(cloud, name):
    cloud.sh(f"gcloud artifacts repositories create {name} --repository-format=docker --location={LOCATION}")
    return name


@pytest.fixture
def owner(cloud):
    return Registry(cloud, HOST, cloud.token)


def test_a_repository_is_described_changed_listed_and_deleted(cloud, repository):
    there = f"{repository} --location={LOCATION}"
    cloud.sh(f"gcloud artifacts repositories update {there} --description='team images' --update-labels=a=b")
    described = json.loads(cloud.sh(f"gcloud artifacts repositories describe {there} --format=json").stdout)
    assert (described["description"], described["labels"]) == ("team images", {"a": "b"})
    assert described["registryUri"] == f"{HOST}/{cloud.project}/{repository}"
    full = f"projects/{cloud.project}/locations/{LOCATION}/repositories"
    for condition, found in ((f"{full}/{repository[:6]}*", True), (f"{full}/other*", False)):
        listed = cloud.sh(f"gcloud artifacts repositories list --location={LOCATION} --filter='name=\"{condition}\"'")
        assert (repository in listed.stdout) == found
    cloud.sh(f"gcloud artifacts repositories delete {there} -q")
    assert "not found" in cloud.sh(f"gcloud artifacts repositories describe {there}", check=False).output


def test_images_versions_tags_and_files(cloud, repository, owner, tmp_path):
    name = f"{cloud.project}/{repository}/team/app"
    digests = [owner.push(name, tag, tag.encode())[1] for tag in ("v1", "v2", "v3")]
    image = f"{HOST}/{name}"
    listed = cloud.sh(f"gcloud artifacts docker images list {image} --include-tags --format='value(version,tags)'")
    assert sorted(line.split() for line in listed.stdout.splitlines()) == sorted(
        [digest, tag] for digest, tag in zip(digests, ("v1", "v2", "v3"))
    )
    described = cloud.sh(f"gcloud artifacts docker images describe {image}:v2")
    assert digests[1] in described.stdout
    cloud.sh(f"gcloud artifacts docker tags add {image}:v1 {image}:stable")
    tags = cloud.sh(f"gcloud artifacts docker tags list {image} --format='value(tag)'").stdout.split()
    assert sorted(tags) == ["stable", "v1", "v2", "v3"]
    cloud.sh(f"gcloud artifacts docker tags delete {image}:v1 -q")
    where = f"--repository={repository} --location={LOCATION}"
    assert cloud.sh(f"gcloud artifacts packages list {where} --format='value(name)'").stdout.strip().endswith("team/app")
    versions = cloud.sh(
        f"gcloud artifacts versions list --package=team/app {where} --sort-by=~create_time --page-size=1 --format='value(name)'"
    )
    assert [line.split("/")[-1] for line in versions.stdout.split()] == digests[::-1]
    tagged = cloud.sh(f"gcloud artifacts tags list --package=team/app {where} --format='value(name)'").stdout.split()
    assert sorted(line.split("/")[-1] for line in tagged) == ["stable", "v2", "v3"]
    layer = "sha256:" + hashlib.sha256(b"v3").hexdigest()
    files = cloud.sh(f"gcloud artifacts files list {where} --format='value(name)'").stdout
    assert layer in files
    owned = cloud.sh(f"gcloud artifacts files list {where} --package=team/app --tag=v3 --format='value(name)'").stdout
    assert layer in owned and len(owned.split()) == 2, "the layer, and the manifest"
    described = cloud.sh(f"gcloud artifacts files describe {layer} {where} --format=json").stdout
    assert json.loads(described)["hashes"][0]["value"] == layer.removeprefix("sha256:")
    cloud.sh(f"gcloud artifacts files download {layer} {where} --destination={tmp_path} --local-filename=layer")
    assert (tmp_path / "layer").read_bytes() == b"v3"
    cloud.sh(f"gcloud artifacts docker images delete {image}@{digests[1]} --delete-tags -q")
    cloud.sh(f"gcloud artifacts versions delete {digests[2]} --package=team/app {where} --delete-tags -q")
    assert digests[0] in cloud.sh(f"gcloud artifacts docker images list {image} --format='value(version)'").stdout
    cloud.sh(f"gcloud artifacts packages delete team/app {where} -q")
    assert cloud.sh(f"gcloud artifacts packages list {where} --format='value(name)'").stdout == ""


def test_roles_on_one_repository_decide(cloud, repository, owner, name):
    app = f"{cloud.project}/{repository}/app"
    owner.push(app, "v1", b"one")
    cloud.sh(f"gcloud iam service-accounts create {name}")
    email = f"{name}@{cloud.project}.iam.gserviceaccount.com"
    cloud.sh(f"gcloud iam service-accounts keys create {name}.json --iam-account={email}")
    key = (cloud.folder / f"{name}.json").read_bytes()
    basic = base64.b64encode(b"_json_key:" + key).decode()
    signed_in = Registry(cloud).call("GET", "/v2/token", Authorization=f"Basic {basic}").json
    robot = Registry(cloud, HOST, signed_in["token"])
    there = f"{repository} --location={LOCATION}"

    def bind(member, role, verb="add"):
        cloud.sh(
            f"gcloud artifacts repositories {verb}-iam-policy-binding {there} --member={member} --role=roles/artifactregistry.{role}"
        )

    pull = f"{app}/manifests/v1"
    assert robot.call("GET", pull).status == 403
    bind(f"serviceAccount:{email}", "reader")
    assert robot.call("GET", pull).status == 200
    assert robot.push(app, "v2", b"two")[0] == 403
    bind(f"serviceAccount:{email}", "writer")
    assert robot.push(app, "v2", b"two")[0] == 201
    assert robot.call("DELETE", f"{app}/manifests/v2").status == 403
    bind(f"serviceAccount:{email}", "repoAdmin")
    assert robot.call("DELETE", f"{app}/manifests/v2").status == 202
    assert email in cloud.sh(f"gcloud artifacts repositories get-iam-policy {there}").stdout
    # Another repository of the same project is not opened by it.
    cloud.sh(f"gcloud artifacts repositories create {name}-2 --repository-format=docker --location={LOCATION}")
    assert robot.push(f"{cloud.project}/{name}-2/app", "v1", b"two")[0] == 403

    anybody = Registry(cloud, HOST, "anonymous")
    assert anybody.call("GET", pull).status == 401
    bind("allUsers", "reader")
    assert anybody.call("GET", pull).status == 200
    assert anybody.push(app, "v3", b"three")[0] == 401
    bind("allUsers", "reader", "remove")
    assert anybody.call("GET", pull).status == 401


def test_cleanup_policies_are_kept_as_they_were_set(cloud, repository, tmp_path):
    there = f"{repository} --location={LOCATION}"
    (tmp_path / "policies.json").write_text(
        json.dumps(
            [
                {"name": "old", "action": {"type": "Delete"}, "condition": {"tagState": "UNTAGGED", "olderThan": "30d"}},
                {"name": "recent", "action": {"type": "Keep"}, "mostRecentVersions": {"keepCount": 5}},
            ]
        )
    )
    cloud.sh(f"gcloud artifacts repositories set-cleanup-policies {there} --policy=policies.json --dry-run", cwd=tmp_path)
    listed = json.loads(cloud.sh(f"gcloud artifacts repositories list-cleanup-policies {there} --format=json").stdout)
    assert {policy["name"]: policy["action"]["type"].lower() for policy in listed} == {"old": "delete", "recent": "keep"}
    described = json.loads(cloud.sh(f"gcloud artifacts repositories describe {there} --format=json").stdout)
    assert float(described["cleanupPolicies"]["old"]["condition"]["olderThan"].rstrip("s")) == 2592000
    assert described["cleanupPolicyDryRun"] is True
    cloud.sh(f"gcloud artifacts repositories delete-cleanup-policies {there} --policynames=old")
    left = json.loads(cloud.sh(f"gcloud artifacts repositories list-cleanup-policies {there} --format=json").stdout)
    assert [policy["name"] for policy in left] == ["recent"]


@pytest.fixture
def upstream(tmp_path):
    """Debian's docker-registry, empty, without sign-in; it can be stopped."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    (tmp_path / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '{address}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/files}}}}\n"
    )
    command = ["docker-registry", "serve", str(tmp_path / "config.yml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            socket.create_connection(tuple(address.split(":"))).close()
            break
        except OSError:
            continue
    process.address = address
    yield process
    process.kill()
    process.wait()


@pytest.mark.needs("gcloud", "docker", "dockerd", "docker-registry")
def test_a_remote_repository_serves_what_it_fetched_when_its_upstream_is_gone(cloud, upstream, name, tmp_path):
    location = "europe-west1"
    cloud.sh(
        f"gcloud artifacts repositories create {name} --repository-format=docker --location={location}"
        f" --mode=remote-repository --remote-docker-repo=http://{upstream.address} --disable-remote-validation"
    )
    described = cloud.sh(f"gcloud artifacts repositories describe {name} --location={location}").stdout
    assert "REMOTE_REPOSITORY" in described and upstream.address in described
    cloud.sh(f"gcloud auth configure-docker {location}-docker.pkg.dev -q")
    (tmp_path / "said").write_text(name)
    theirs = f"{upstream.address}/tools/said:1"
    ours = f"{location}-docker.pkg.dev/{cloud.project}/{name}/tools/said:1"
    cloud.sh(f"tar -c said | docker import - {theirs} && docker push -q {theirs} && docker rmi {theirs}", cwd=tmp_path)
    first = cloud.sh(f"docker pull -q {ours} && docker inspect -f '{{{{.RepoDigests}}}}' {ours} && docker rmi {ours}").stdout
    upstream.kill()
    upstream.wait()
    again = cloud.sh(f"docker pull -q {ours} && docker inspect -f '{{{{.RepoDigests}}}}' {ours}").stdout
    assert "sha256:" in again and again.splitlines()[1] == first.splitlines()[1]
    listed = cloud.sh(f"gcloud artifacts docker images list {location}-docker.pkg.dev/{cloud.project}/{name} --include-tags")
    assert "tools/said" in listed.stdout
    refused = cloud.sh(f"docker push {ours}", check=False)
    assert refused.status != 0 and "REMOTE_REPOSITORY" in refused.output
    missing = cloud.sh(f"docker pull {location}-docker.pkg.dev/{cloud.project}/{name}/tools/none", check=False)
    assert missing.status != 0 and "503" in missing.output
    policies = [
        {"id": "mirror", "repository": f"projects/{cloud.project}/locations/{location}/repositories/{name}", "priority": 1}
    ]
    (tmp_path / "policies.json").write_text(json.dumps(policies))
    cloud.sh(
        f"gcloud artifacts repositories create {name}-all --repository-format=docker --location={location}"
        " --mode=virtual-repository --upstream-policy-file=policies.json",
        cwd=tmp_path,
    )
    cloud.sh(f"docker rmi {ours} && docker pull -q {ours.replace(name, f'{name}-all', 1)}")
