"""The Python SDKs as user code uses them: default credentials, no endpoint."""


def test_storage_round_trip(cloud, bucket):
    script = f"""
from google.cloud import storage
client = storage.Client()
bucket = client.bucket("{bucket[5:]}")
bucket.blob("from/python.txt").upload_from_string("hello")
assert bucket.blob("from/python.txt").download_as_text() == "hello"
print([b.name for b in client.list_blobs(bucket)])
"""
    assert "['from/python.txt']" in cloud.sh(f"python - <<'E'\n{script}\nE").stdout


def test_builds_over_rest(cloud, name):
    script = f"""
from google.cloud.devtools import cloudbuild_v1
client, project = cloudbuild_v1.CloudBuildClient(transport="rest"), "{cloud.project}"
step = {{"name": "busybox", "args": ["true"]}}
build = client.create_build(project_id=project, build={{"steps": [step], "tags": ["{name}"]}}).result(timeout=300)
assert build.status == cloudbuild_v1.Build.Status.SUCCESS, build.status
hanging = client.create_build(project_id=project, build={{"steps": [{{"name": "busybox", "args": ["sleep", "1000"]}}]}})
cancelled = client.cancel_build(project_id=project, id=hanging.metadata.build.id)
assert cancelled.status == cloudbuild_v1.Build.Status.CANCELLED, cancelled.status
assert client.get_build(project_id=project, id=build.id).tags == ["{name}"]
print([one.id == build.id for one in client.list_builds(project_id=project, filter='tags="{name}"')])
"""
    assert "[True]" in cloud.sh(f"python - <<'E'\n{script}\nE").stdout
