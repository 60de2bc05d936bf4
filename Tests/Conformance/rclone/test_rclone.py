"""rclone with a service account's key file, everything else as it comes."""

import os

import pytest

pytestmark = pytest.mark.needs("rclone")


@pytest.fixture
def rclone(cloud, tmp_path):
    (tmp_path / "rclone.conf").write_text(
        "[r]\ntype = google cloud storage\nbucket_policy_only = true\n"
        f"project_number = {cloud.project}\n"
        f"service_account_file = {cloud.environment['GOOGLE_APPLICATION_CREDENTIALS']}\n"
    )

    def run(arguments):
        return cloud.sh(f"rclone --config {tmp_path}/rclone.conf {arguments}", cwd=tmp_path)

    return run


def test_a_folder_is_copied_checked_moved_and_removed(rclone, bucket, tmp_path):
    root = f"r:{bucket[5:]}"
    (tmp_path / "local/sub").mkdir(parents=True)
    (tmp_path / "local/big").write_bytes(os.urandom(20_000_000))
    (tmp_path / "local/sub/a b.txt").write_text("hi\n")
    rclone(f"copy local {root}/x")
    assert "2 matching files" in rclone(f"check local {root}/x").output
    assert rclone(f"cat '{root}/x/sub/a b.txt'").stdout == "hi\n"
    rclone(f"moveto {root}/x/big {root}/y")
    rclone(f"copy {root}/y back")
    assert (tmp_path / "back/y").read_bytes() == (tmp_path / "local/big").read_bytes()
    rclone(f"purge {root}/x")
    assert rclone(f"lsf -R {root}").stdout.split() == ["y"]
    rclone(f"sync local {root}")
    assert sorted(rclone(f"lsf -R --files-only {root}").stdout.splitlines()) == ["big", "sub/a b.txt"]


def test_a_stream_of_unknown_length_becomes_an_object(rclone, bucket):
    rclone(f"rcat r:{bucket[5:]}/piped < <(seq 100000)")
    assert rclone(f"cat r:{bucket[5:]}/piped | tail -1").stdout.strip() == "100000"
