"""gcsfs, and pandas through it: default credentials, no setting, `gs://` addresses as in user code."""

import pytest


def test_files_are_written_listed_moved_and_read_in_ranges(cloud, bucket):
    script = """
import os, sys, gcsfs
root, fs = sys.argv[1][5:], gcsfs.GCSFileSystem()
fs.pipe(f"{root}/d/a.txt", b"hello")
assert fs.cat(f"{root}/d/a.txt") == b"hello" and fs.info(f"{root}/d/a.txt")["size"] == 5
assert fs.isdir(f"{root}/d") and not fs.exists(f"{root}/nothing")
data = os.urandom(12 << 20)
with fs.open(f"{root}/big", "wb", block_size=5 << 20) as file:
    file.write(data)
with fs.open(f"{root}/big", "rb") as file:
    file.seek(6 << 20)
    assert file.read(100) == data[6 << 20 : (6 << 20) + 100]
assert fs.cat(f"{root}/big") == data
assert fs.cat_ranges([f"{root}/d/a.txt"] * 2, [0, 2], [2, 5]) == [b"he", b"llo"]
fs.cp(f"{root}/d/a.txt", f"{root}/d/b.txt")
fs.mv(f"{root}/d/b.txt", f"{root}/e/b.txt")
assert sorted(fs.glob(f"{root}/**/*.txt")) == [f"{root}/d/a.txt", f"{root}/e/b.txt"]
assert fs.du(root) == (12 << 20) + 10
fs.rm(f"{root}/d", recursive=True)
fs.invalidate_cache()
assert fs.find(root) == [f"{root}/big", f"{root}/e/b.txt"]
try:
    fs.cat(f"{root}/d/a.txt")
except FileNotFoundError:
    print("done")
"""
    result = cloud.python(script, bucket)
    assert result.stdout.strip() == "done" and "Could not determine bucket type" not in result.stderr


def test_pandas_keeps_its_frames_in_a_bucket(cloud, bucket):
    script = """
import sys, pandas
frame = pandas.DataFrame({"digit": range(1000), "share": [i / 7 for i in range(1000)]})
for name in ["f.csv", "f.csv.gz"]:
    frame.to_csv(f"{sys.argv[1]}/{name}", index=False)
    pandas.testing.assert_frame_equal(pandas.read_csv(f"{sys.argv[1]}/{name}"), frame)
print("done")
"""
    assert cloud.python(script, bucket).stdout.strip() == "done"


def test_datasets_are_loaded_streamed_and_saved(cloud, bucket):
    if cloud.sh("python -c 'import datasets'", check=False).status != 0:
        pytest.skip("Hugging Face's datasets are not installed")
    script = """
import sys, datasets, pandas
root = sys.argv[1]
frame = pandas.DataFrame({"text": [f"line {i}" for i in range(1000)], "label": [i % 10 for i in range(1000)]})
frame.to_csv(f"{root}/train.csv", index=False)
train = datasets.load_dataset("csv", data_files=f"{root}/train.csv", split="train")
assert train.num_rows == 1000 and train[7] == {"text": "line 7", "label": 7}
assert sum(1 for _ in datasets.load_dataset("csv", data_files=f"{root}/train.csv", split="train", streaming=True)) == 1000
train.save_to_disk(f"{root}/saved")
assert datasets.load_from_disk(f"{root}/saved")[999]["label"] == 9
train.to_parquet(f"{root}/train.parquet")
assert datasets.load_dataset("parquet", data_files=f"{root}/train.parquet", split="train").num_rows == 1000
print("done")
"""
    assert cloud.python(script, bucket).stdout.strip().endswith("done")
