"""Customer-supplied encryption keys with the clients that people use: what one encrypts, another reads, and nobody without the key."""
import base64
import hashlib
import os


def key():
    return base64.b64encode(os.urandom(32)).decode()


def lies_on_disk(cloud, marker):
    return any(marker in file.read_bytes() for file in (cloud.data / "blobs").rglob("*") if file.is_file())


def test_the_sdk_writes_reads_and_rewrites(cloud, bucket):
    script = """
import os, sys
from google.api_core.exceptions import BadRequest
from google.cloud import storage
bucket = storage.Client().bucket(sys.argv[1][5:])
key, other = os.urandom(32), os.urandom(32)
for size, chunk in ((0, None), (65536, None), (9 << 20, None), (3000001, 262144)):
    data = os.urandom(size)
    bucket.blob("a", encryption_key=key, chunk_size=chunk).upload_from_string(data)
    blob = bucket.blob("a", encryption_key=key)
    assert blob.download_as_bytes() == data
    assert size < 70000 or blob.download_as_bytes(start=65000, end=70000) == data[65000:70001]
    for wrong in (None, other):
        try:
            bucket.blob("a", encryption_key=wrong).download_as_bytes()
        except BadRequest:
            continue
        sys.exit("read without the key")
assert bucket.get_blob("a").md5_hash is None and bucket.get_blob("a", encryption_key=key).md5_hash
rotated = bucket.blob("a", encryption_key=other)
rotated.rewrite(bucket.blob("a", encryption_key=key))
assert rotated.download_as_bytes() == data
plain = bucket.blob("plain")
plain.rewrite(rotated)
assert bucket.blob("plain").download_as_bytes() == data
print("done")
"""
    assert "done" in cloud.python(script, bucket).stdout


def test_gcloud_and_gsutil_share_what_is_encrypted(cloud, bucket, tmp_path):
    (first, second), marker = (key(), key()), os.urandom(24)
    source = tmp_path / "source"
    source.write_bytes(marker * 200_000)
    cloud.sh(f"gcloud storage cp {source} {bucket}/a --encryption-key={first}")
    refused = cloud.sh(f"gcloud storage cp {bucket}/a {tmp_path}/refused", check=False)
    assert refused.status != 0 and not (tmp_path / "refused").exists()
    cloud.sh(f"gcloud storage cp {bucket}/a {tmp_path}/back --decryption-keys={first}")
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    cloud.sh(f"gcloud storage objects compose {bucket}/a {bucket}/a {bucket}/joined --encryption-key={first}")
    joined = cloud.sh(f"gcloud storage cat {bucket}/joined --decryption-keys={first} | sha256sum").stdout.split()[0]
    assert joined == hashlib.sha256(source.read_bytes() * 2).hexdigest()
    cloud.sh(f"gsutil -o GSUtil:encryption_key={second} -o GSUtil:decryption_key1={first} cp {bucket}/a {bucket}/b")
    cloud.sh(f"gsutil -o GSUtil:decryption_key1={second} cp {bucket}/b {tmp_path}/again")
    assert (tmp_path / "again").read_bytes() == source.read_bytes()
    assert not lies_on_disk(cloud, marker)
    cloud.sh(f"gcloud storage cp {bucket}/b {bucket}/plain --decryption-keys={second}")
    assert lies_on_disk(cloud, marker)
    assert "0 damaged" in cloud.brume("doctor", "--scrub", check=False).output
