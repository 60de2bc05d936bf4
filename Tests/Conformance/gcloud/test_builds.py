"""Cloud Build: a Dockerfile becomes an image in the registry; exit codes and logs are true."""

import base64
import concurrent.futures
import hashlib
import json
import time
import urllib.request
import zipfile

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


def test_files_packages_and_outputs_of_a_build_are_kept(cloud, name, bucket, tmp_path):
    location = "europe-west1"
    cloud.sh(f"gcloud artifacts repositories create {name} --repository-format=python --location={location}")
    repository = f"https://{location}-python.pkg.dev/{cloud.project}/{name}"
    (tmp_path / "cloudbuild.yaml").write_text(
        f"""
steps:
- name: busybox
  script: |
    mkdir -p dist/deep
    echo one > dist/a.txt
    head -c 3000000 /dev/zero > dist/deep/big.bin
    echo sdist > dist/fog-lamp-1.0.tar.gz
    echo "$BUILD_WORD" > $BUILDER_OUTPUT/output
  env: ['BUILD_WORD=said']
artifacts:
  objects:
    location: '{bucket}/$BUILD_ID/'
    paths: ['dist/*.txt', 'dist/**/*.bin']
  pythonPackages:
  - repository: '{repository}'
    paths: ['dist/*.tar.gz']
"""
    )
    result = cloud.sh("gcloud builds submit --no-source --config=cloudbuild.yaml --format=json", cwd=tmp_path, timeout=1200)
    build = json.loads(result.stdout[result.stdout.rindex("\n{"):])
    results = build["results"]
    assert results["numArtifacts"] == "2"
    assert base64.b64decode(results["buildStepOutputs"][0]) == b"said\n"
    folder = f"{bucket}/{build['id']}"
    assert results["artifactManifest"] == f"{folder}/artifacts-{build['id']}.json"
    lines = [json.loads(line) for line in cloud.sh(f"gcloud storage cat {results['artifactManifest']}").stdout.splitlines()]
    assert sorted(line["location"].split("#")[0] for line in lines) == [f"{folder}/a.txt", f"{folder}/big.bin"]
    assert cloud.sh(f"gcloud storage cat {folder}/a.txt").stdout == "one\n"
    hashed = hashlib.md5(b"\0" * 3_000_000).digest()
    big = next(line for line in lines if "big.bin" in line["location"])
    assert base64.b64decode(big["file_hash"][0]["file_hash"][0]["value"]) == hashed
    assert results["pythonPackages"][0]["uri"] == f"{repository}/fog-lamp/fog-lamp-1.0.tar.gz"
    listed = cloud.sh(f"gcloud artifacts versions list --package=fog-lamp --repository={name} --location={location}")
    assert "1.0" in listed.stdout


def test_a_log_in_cloud_logging_alone_is_read_there(cloud, tmp_path):
    (tmp_path / "cloudbuild.yaml").write_text(
        "steps:\n- name: busybox\n  args: ['echo', 'said to Cloud Logging']\noptions:\n  logging: CLOUD_LOGGING_ONLY\n"
    )
    cloud.sh("gcloud builds submit --no-source --config=cloudbuild.yaml", cwd=tmp_path, timeout=1200)
    build = json.loads(cloud.sh("gcloud builds list --limit=1 --format=json").stdout)[0]
    log = cloud.sh(f"gcloud builds log {build['id']}").output
    assert "said to Cloud Logging" in log and "DONE" in log
    entries = json.loads(cloud.sh(
        f"gcloud logging read 'resource.type=build AND resource.labels.build_id={build['id']}' --format=json"
    ).stdout)
    assert {entry["logName"] for entry in entries} == {f"projects/{cloud.project}/logs/cloudbuild"}


def test_hundreds_of_megabytes_are_logged_in_bounded_memory(cloud, tmp_path):
    line = "x" * 999
    (tmp_path / "cloudbuild.yaml").write_text(
        f"steps:\n- name: busybox\n  args: ['sh', '-c', 'yes {line} | head -n 300000; echo the end']\n"
        "options:\n  logging: GCS_ONLY\n"
    )
    cloud.clear_peak()
    before = cloud.memory("VmRSS")
    cloud.sh("gcloud builds submit --no-source --config=cloudbuild.yaml --suppress-logs", cwd=tmp_path, timeout=1200)
    build = json.loads(cloud.sh("gcloud builds list --limit=1 --format=json").stdout)[0]
    log = f"{build['logsBucket']}/log-{build['id']}.txt"
    count, end = cloud.sh(f"gcloud storage cat {log} | tee >(tail -n 2 >&2) | grep -cx '{line}'").output.split("\n", 1)
    assert int(count) == 300_000 and "the end\nDONE" in end
    assert cloud.memory("VmHWM") - before < 64, "MiB"


def test_many_builds_at_once_run_some_at_a_time_and_all_end(cloud):
    """Ends of steps come in bursts; a build that misses its own would wait for ever."""
    root = f"http://127.0.0.1:{cloud.port}/cloudbuild/v1/projects/{cloud.project}/builds"
    token = cloud.token
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(path="", body=None):
        request = urllib.request.Request(root + path, body and json.dumps(body).encode(), headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.load(answer)

    config = {"steps": [{"name": "busybox", "args": ["true"]}] * 2, "options": {"logging": "NONE"}}
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: call(body=config)["metadata"]["build"]["id"], range(30)))
    cloud.sh(f"gcloud builds log --stream {made[-1]}", timeout=300)
    deadline = time.monotonic() + 60
    most = 0
    while (statuses := [call(f"/{build}")["status"] for build in made]) != ["SUCCESS"] * 30:
        assert set(statuses) <= {"QUEUED", "WORKING", "SUCCESS"} and time.monotonic() < deadline, statuses
        most = max(most, statuses.count("WORKING"))
    assert most <= 4


def test_steps_that_fork_hang_and_print_anything_end_and_are_told(cloud, tmp_path):
    (tmp_path / "cloudbuild.yaml").write_text(
        """
steps:
- {name: busybox, id: forks, allowFailure: true, script: "i=0; while [ $i -lt 5000 ]; do sleep 100 & i=$((i+1)); done"}
- {name: busybox, id: hangs, allowFailure: true, timeout: 2s, script: "trap '' TERM; while true; do sleep 100; done"}
- {name: busybox, id: binary, script: "head -c 300000 /dev/urandom"}
- {name: busybox, id: last, args: [echo, said at the end]}
"""
    )
    said = cloud.sh("gcloud builds submit --no-source --config=cloudbuild.yaml", cwd=tmp_path, timeout=600)
    build = json.loads(cloud.sh("gcloud builds list --limit=1 --format=json").stdout)[0]
    assert [step["status"] for step in build["steps"]] == ["FAILURE", "TIMEOUT", "SUCCESS", "SUCCESS"]
    assert "can't fork" in said.output and 'Step #3 - "last": said at the end' in said.output


def test_a_zip_is_built(cloud, tmp_path):
    words = " ".join(str(number * number) for number in range(100_000))
    with zipfile.ZipFile(tmp_path / "source.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/words", words)
        archive.writestr("run.sh", "#!/bin/sh\nmd5sum folder/words stored\n")
        archive.writestr("stored", bytes(range(256)) * 1000, zipfile.ZIP_STORED)
        archive.writestr("n" * 120 + "/deep", "x")
    (tmp_path / "cloudbuild.yaml").write_text("steps:\n- name: busybox\n  args: ['./run.sh']\n")
    said = cloud.sh("gcloud builds submit source.zip --config=cloudbuild.yaml", cwd=tmp_path, timeout=1200).output
    assert hashlib.md5(words.encode()).hexdigest() in said
    assert hashlib.md5(bytes(range(256)) * 1000).hexdigest() in said
    damaged = bytearray((tmp_path / "source.zip").read_bytes())
    damaged[5000:5010] = bytes(10)
    (tmp_path / "source.zip").write_bytes(damaged)
    refused = cloud.sh("gcloud builds submit source.zip --config=cloudbuild.yaml", cwd=tmp_path, check=False)
    assert refused.status == 1 and "failed to fetch source" in refused.output


def test_a_build_runs_in_a_private_pool(cloud, name, tmp_path):
    where = "--region=europe-west1"
    cloud.sh(f"gcloud builds worker-pools create {name} {where} --worker-machine-type=e2-standard-2")
    described = json.loads(cloud.sh(f"gcloud builds worker-pools describe {name} {where} --format=json").stdout)
    assert described["state"] == "RUNNING"
    assert name in cloud.sh(f"gcloud builds worker-pools list {where} --format='value(name)'").stdout
    (tmp_path / "cloudbuild.yaml").write_text("steps:\n- name: busybox\n  args: ['echo', 'in the pool']\n")
    pool = f"projects/{cloud.project}/locations/europe-west1/workerPools/{name}"
    submit = f"gcloud builds submit --no-source --config=cloudbuild.yaml --worker-pool={pool}"
    assert "SUCCESS" in cloud.sh(submit, cwd=tmp_path, timeout=1200).output
    cloud.sh(f"gcloud builds worker-pools update {name} {where} --worker-disk-size=200GB")
    described = json.loads(cloud.sh(f"gcloud builds worker-pools describe {name} {where} --format=json").stdout)
    assert described["privatePoolV1Config"]["workerConfig"] == {"machineType": "e2-standard-2", "diskSizeGb": "200"}
    cloud.sh(f"gcloud builds worker-pools delete {name} {where} -q")
    refused = cloud.sh(submit, cwd=tmp_path, check=False)
    assert refused.status == 1 and "not found" in refused.output
