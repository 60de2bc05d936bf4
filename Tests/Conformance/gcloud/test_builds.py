"""Cloud Build: a Dockerfile becomes an image in the registry; exit codes and logs are true."""

import json

import pytest

pytestmark = pytest.mark.needs("gcloud", "dockerd")


@pytest.fixture
def source(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY hello.txt /hello.txt\nCMD [\"cat\", \"/hello.txt\"]\n")
    (tmp_path / "hello.txt").write_text("hello from an image\n")
    return tmp_path


def build_file(folder, image, extra=""):
    (folder / "cloudbuild.yaml").write_text(
        f"""
steps:
   - name: 'gcr.io/cloud-builders/docker'
     args: ['build', '-t', '{image}', '.']
   - name: 'gcr.io/cloud-builders/docker'
     args: ['push', '{image}']
{extra}"""
    )


def test_the_sheets_two_steps_build_and_push(cloud, source, name):
    image = f"gcr.io/{cloud.project}/{name}"
    build_file(source, image)
    result = cloud.sh("gcloud builds submit --config=cloudbuild.yaml .", cwd=source, timeout=1200)
    assert "Step #0" in result.output and "Step #1" in result.output and "SUCCESS" in result.output
    assert image in cloud.sh(f"gcloud container images list --repository=gcr.io/{cloud.project}").stdout
    assert "latest" in cloud.sh(f"gcloud container images list-tags {image}").stdout


def test_a_tag_builds_a_dockerfile(cloud, source, name):
    image = f"gcr.io/{cloud.project}/{name}"
    result = cloud.sh(f"gcloud builds submit --tag {image} .", cwd=source, timeout=1200)
    assert "SUCCESS" in result.output
    build = json.loads(cloud.sh("gcloud builds list --limit=1 --format=json").stdout)[0]
    assert build["status"] == "SUCCESS" and build["results"]["images"][0]["digest"].startswith("sha256:")


def test_a_failing_step_fails_the_build(cloud, source):
    (source / "cloudbuild.yaml").write_text(
        "steps:\n- name: busybox\n  args: ['sh', '-c', 'echo before; exit 3']\n- name: busybox\n  args: ['echo', 'never']\n"
    )
    result = cloud.sh("gcloud builds submit --config=cloudbuild.yaml .", cwd=source, check=False, timeout=1200)
    assert result.status == 1
    assert "before" in result.output and "non-zero status: 3" in result.output and "never" not in result.stdout
    build = json.loads(cloud.sh("gcloud builds list --limit=1 --format=json").stdout)[0]
    assert build["status"] == "FAILURE"


@pytest.mark.parametrize("yaml, said", [
    ("steps: []\n", "at least one step"),
    ("steps:\n- name: busybox\n  args: ['$_MISSING']\n", "_MISSING"),
    ("steps:\n- name: busybox\n  waitFor: ['nobody']\n", "nobody"),
])
def test_a_wrong_configuration_is_refused(cloud, source, yaml, said):
    (source / "cloudbuild.yaml").write_text(yaml)
    result = cloud.sh("gcloud builds submit --config=cloudbuild.yaml .", cwd=source, check=False)
    assert result.status == 1 and said in result.output
