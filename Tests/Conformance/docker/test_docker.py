"""The docker client against the registry, by Google's own image names."""

import pytest

pytestmark = pytest.mark.needs("docker", "dockerd", "gcloud")


def test_push_and_pull_by_a_gcr_name(cloud, name, tmp_path):
    image = f"gcr.io/{cloud.project}/{name}:v1"
    cloud.sh("gcloud auth configure-docker -q")
    (tmp_path / "f").write_text(name)
    cloud.sh(f"tar -C {tmp_path} -c f | docker import - {image}")
    cloud.sh(f"docker push {image}")
    cloud.sh(f"docker rmi {image} && docker pull {image}")
    listed = cloud.sh(f"gcloud container images list-tags gcr.io/{cloud.project}/{name} --format='value(tags)'")
    assert listed.stdout.strip() == "v1"


def test_an_artifact_registry_repository(cloud, name, tmp_path):
    cloud.sh(f"gcloud artifacts repositories create {name} --repository-format=docker --location=europe-west1")
    host = "europe-west1-docker.pkg.dev"
    cloud.sh(f"gcloud auth configure-docker {host} -q")
    (tmp_path / "f").write_text(name)
    cloud.sh(f"tar -C {tmp_path} -c f | docker import - {host}/{cloud.project}/{name}/app && docker push {host}/{cloud.project}/{name}/app")
    assert "app" in cloud.sh(f"gcloud artifacts docker images list {host}/{cloud.project}/{name}").stdout


def test_a_missing_image_is_refused(cloud):
    result = cloud.sh(f"docker pull gcr.io/{cloud.project}/nothing-here", check=False)
    assert result.status != 0
