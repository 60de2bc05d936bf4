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
