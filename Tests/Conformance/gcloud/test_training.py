"""Vertex AI custom jobs: submitted from a file, followed, succeeded or failed as their code does."""

import json

import pytest

pytestmark = pytest.mark.needs("gcloud", "dockerd")
REGION = "--region=europe-west1"


def submit(cloud, tmp_path, name, command, image="python:3.11-slim"):
    config = tmp_path / "config.yaml"
    config.write_text(
        f"""
workerPoolSpecs:
   machineSpec:
      machineType: n1-highmem-2
   replicaCount: 1
   containerSpec:
      imageUri: {image}
      command: {json.dumps(command)}
"""
    )
    cloud.sh(f"gcloud ai custom-jobs create {REGION} --display-name={name} --config={config}", timeout=1200)
    jobs = json.loads(cloud.sh(f"gcloud ai custom-jobs list {REGION} --filter=displayName={name} --format=json").stdout)
    return jobs[0]["name"]


def follow(cloud, job):
    return cloud.sh(f"gcloud ai custom-jobs stream-logs {job} --polling-interval=1", timeout=600).output


def state(cloud, job):
    return json.loads(cloud.sh(f"gcloud ai custom-jobs describe {job} --format=json").stdout)


def test_a_job_runs_and_its_lines_are_streamed(cloud, tmp_path, name):
    job = submit(cloud, tmp_path, name, ["python", "-c", "import os; print('line of', os.environ['CLOUD_ML_JOB_ID'])"])
    assert f"line of {job.split('/')[-1]}" in follow(cloud, job)
    assert state(cloud, job)["state"] == "JOB_STATE_SUCCEEDED"


def test_a_failing_job_says_why(cloud, tmp_path, name):
    job = submit(cloud, tmp_path, name, ["python", "-c", "raise SystemExit(5)"])
    follow(cloud, job)
    described = state(cloud, job)
    assert described["state"] == "JOB_STATE_FAILED"
    assert "non-zero status of 5" in described["error"]["message"]


@pytest.mark.parametrize("line, said", [
    ("      machineType: n1-enormous-2", "n1-enormous-2"),
    ("      machineTipe: n1-standard-4", "machineTipe"),
])
def test_a_wrong_field_is_named(cloud, tmp_path, line, said):
    config = tmp_path / "config.yaml"
    config.write_text(f"workerPoolSpecs:\n   machineSpec:\n{line}\n   containerSpec:\n      imageUri: python:3.11-slim\n")
    result = cloud.sh(f"gcloud ai custom-jobs create {REGION} --display-name=wrong --config={config}", check=False)
    assert result.status == 1 and said in result.output


def test_logging_writes_and_reads(cloud, name):
    cloud.sh(f"gcloud logging write my-log 'a line of {name}' --severity=WARNING")
    assert name in cloud.sh(f"gcloud logging read 'textPayload:{name}' --format='value(textPayload)'").stdout
