"""Ubuntu's images: what is said where they cannot be made, and an instance of one that can."""

import os
import time

import pytest

import ubuntu_archive

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"
IMAGE = "--image-family=ubuntu-2404-lts-amd64 --image-project=ubuntu-os-cloud"
CREATE = f"gcloud compute instances create lab {ZONE} --machine-type=e2-small {IMAGE}"


def test_without_an_archive_the_reason_and_the_remedy_are_told_and_nothing_is_left(new_cloud, tmp_path):
    keyring = tmp_path / "keys.gpg"
    keyring.touch()
    images = tmp_path / "images"
    cloud = new_cloud(
        BRUME_ENGINE="managed",
        BRUME_UBUNTU_MIRROR="http://127.0.0.1:9/ubuntu",
        BRUME_UBUNTU_KEYRING=str(keyring),
        BRUME_IMAGE_CACHE=str(images),
    )
    cloud.up("--no-spare-machines")
    began = time.monotonic()
    refused = cloud.sh(CREATE, check=False)
    assert refused.status != 0 and time.monotonic() - began < 30
    assert "http://127.0.0.1:9/ubuntu" in refused.stderr and "Connection refused" in refused.stderr
    assert "BRUME_UBUNTU_MIRROR" in refused.stderr and "debian-12" in refused.stderr
    for kind in ("instances", "disks"):
        assert cloud.sh(f"gcloud compute {kind} list --format='value(name)'").stdout == ""
    assert not images.exists() or list(images.iterdir()) == []

    keyring.unlink()
    refused = cloud.sh(CREATE, check=False)
    assert str(keyring) in refused.stderr and "apt-get install ubuntu-keyring" in refused.stderr
    assert cloud.sh("gcloud compute disks list --format='value(name)'").stdout == ""


@pytest.mark.skipif(
    "ubuntu-24.04" not in os.environ.get("BRUME_TEST_RECIPES", "").split(),
    reason="takes minutes: BRUME_TEST_RECIPES=ubuntu-24.04 runs it",
)
def test_an_instance_is_made_of_the_packages_of_an_archive(new_cloud, tmp_path):
    keyring = ubuntu_archive.make(tmp_path, "noble")
    with ubuntu_archive.Server(tmp_path) as server:
        cloud = new_cloud(
            BRUME_ENGINE="managed",
            BRUME_UBUNTU_MIRROR=f"{server.address}/ubuntu",
            BRUME_UBUNTU_KEYRING=str(keyring),
            BRUME_IMAGE_CACHE=str(tmp_path / "images"),
        )
        cloud.up("--no-spare-machines")
        cloud.sh(CREATE, timeout=1200)
        inside = """set -e
            . /etc/os-release; echo $ID $VERSION_ID $VERSION_CODENAME
            sudo id -u; id -un 1000; readlink /bin; command -v apt-get
            python3 -m venv /tmp/v && /tmp/v/bin/python -c 'print("venv")'
            cat /etc/apt/sources.list.d/*.sources
            curl -s -H 'Metadata-Flavor: Google' metadata.google.internal/computeMetadata/v1/instance/image; echo
            systemctl is-system-running --wait || systemctl --failed --no-legend"""
        ssh = f"gcloud compute ssh ada@lab {ZONE} -q --command='bash -s' <<'E'\n{inside}\nE"
        seen = cloud.sh(ssh).stdout.split("\n")
        seen = seen[seen.index("ubuntu 24.04 noble") :]
        assert seen[1:6] == ["0", "ubuntu", "usr/bin", "/usr/bin/apt-get", "venv"]
        assert " -----BEGIN PGP PUBLIC KEY BLOCK-----" in seen
        assert seen[-3].startswith("projects/ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v")
        assert seen[-2] == "running"
        licenses = cloud.sh(f"gcloud compute disks describe lab {ZONE} --format='value(licenses)'").stdout
        assert licenses.strip().endswith("/projects/ubuntu-os-cloud/global/licenses/ubuntu-2404-lts")
        cloud.sh(f"gcloud compute instances delete lab {ZONE} -q")
