"""What google-cloud-storage offers beyond single calls: the transfer manager, batches, file-like objects, sessions."""


def test_many_files_and_parts_of_one_travel_at_once(cloud, bucket, tmp_path):
    script = """
import os, sys
from google.cloud import storage
from google.cloud.storage import transfer_manager
bucket, folder = storage.Client().bucket(sys.argv[1][5:]), sys.argv[2]
names = [str(n) for n in range(20)]
for n in names:
    with open(f"{folder}/{n}", "wb") as file:
        file.write(os.urandom(1000 * int(n) + 1))
threads = dict(worker_type=transfer_manager.THREAD)
sent = transfer_manager.upload_many_from_filenames(
    bucket, names, source_directory=folder, blob_name_prefix="m/", **threads)
assert not any(isinstance(result, Exception) for result in sent), sent
os.mkdir(f"{folder}/back")
came = transfer_manager.download_many_to_path(
    bucket, names, destination_directory=f"{folder}/back", blob_name_prefix="m/", **threads)
assert not any(isinstance(result, Exception) for result in came), came
assert all(open(f"{folder}/{n}", "rb").read() == open(f"{folder}/back/{n}", "rb").read() for n in names)
with open(f"{folder}/big", "wb") as file:
    file.write(os.urandom(20 << 20))
part = dict(chunk_size=5 << 20, max_workers=3, **threads)
transfer_manager.upload_chunks_concurrently(f"{folder}/big", bucket.blob("big"), **part)
transfer_manager.download_chunks_concurrently(bucket.blob("big"), f"{folder}/back/big", **part)
assert open(f"{folder}/big", "rb").read() == open(f"{folder}/back/big", "rb").read()
print("done")
"""
    assert cloud.python(script, bucket, str(tmp_path)).stdout.strip() == "done"


def test_calls_travel_in_batches_and_text_through_files(cloud, bucket):
    script = """
import sys
from google.cloud import storage
client = storage.Client()
bucket = client.bucket(sys.argv[1][5:])
for n in range(5):
    bucket.blob(f"b/{n}").upload_from_string("x")
with client.batch():
    for n in range(4):
        bucket.blob(f"b/{n}").delete()
assert [blob.name for blob in client.list_blobs(bucket)] == ["b/4"]
with bucket.blob("text").open("w") as file:
    file.writelines(f"line {n}\\n" for n in range(3000))
with bucket.blob("text").open("r") as file:
    assert sum(1 for _ in file) == 3000
assert client.get_service_account_email().endswith("gs-project-accounts.iam.gserviceaccount.com")
bucket.delete(force=True)
print("done")
"""
    assert cloud.python(script, bucket).stdout.strip() == "done"
