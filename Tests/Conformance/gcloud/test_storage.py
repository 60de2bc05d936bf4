"""gcloud storage, through the gateway, with no endpoint override."""

import hashlib
import os

import pytest

pytestmark = pytest.mark.needs("gcloud")


def test_a_bucket_is_created_listed_and_removed(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gcloud storage buckets create {url} --location=europe-west1")
    assert f"{url}/" in cloud.sh("gcloud storage ls").stdout.split()
    assert "EUROPE-WEST1" in cloud.sh(f"gcloud storage buckets describe {url} --format='value(location)'").stdout
    cloud.sh(f"gcloud storage rm -r {url}")
    assert f"{url}/" not in cloud.sh("gcloud storage ls", check=False).stdout.split()


@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024 - 1, 20 * 1024 * 1024])
def test_a_file_comes_back_as_it_went(cloud, bucket, tmp_path, size):
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(size))
    cloud.sh(f"gcloud storage cp {source} {bucket}/a/b.bin && gcloud storage cp {bucket}/a/b.bin {back}")
    assert hashlib.sha256(back.read_bytes()).digest() == hashlib.sha256(source.read_bytes()).digest()


@pytest.mark.parametrize("key", ["with space.txt", "sub//double/slash", "ünïcödé-😀.txt", "percent%2Fsign", "..", "a/../b"])
def test_names_are_plain_names_never_paths(cloud, bucket, key):
    if key == "..":
        result = cloud.sh(f"echo x | gcloud storage cp - '{bucket}/..'", check=False)
        assert result.status != 0
        return
    cloud.sh(f"echo content | gcloud storage cp - '{bucket}/{key}'")
    assert cloud.sh(f"gcloud storage cat '{bucket}/{key}'").stdout == "content\n"


def test_objects_are_moved_copied_and_deleted(cloud, bucket):
    cloud.sh(f"echo one | gcloud storage cp - {bucket}/one")
    cloud.sh(f"gcloud storage cp {bucket}/one {bucket}/two && gcloud storage mv {bucket}/one {bucket}/three")
    assert cloud.sh(f"gcloud storage ls {bucket}").stdout.split() == [f"{bucket}/three", f"{bucket}/two"]
    cloud.sh(f"gcloud storage rm {bucket}/two")
    assert cloud.sh(f"gcloud storage ls {bucket}").stdout.split() == [f"{bucket}/three"]


@pytest.mark.parametrize("wrong", ["UPPER", "ab", "with_space ", "-dash", "goog-name", "192.168.5.4"])
def test_a_wrong_bucket_name_is_refused(cloud, wrong):
    result = cloud.sh(f"gcloud storage buckets create 'gs://{wrong}'", check=False)
    assert result.status == 1


def test_a_missing_object_is_named(cloud, bucket):
    result = cloud.sh(f"gcloud storage cat {bucket}/nothing-here", check=False)
    assert result.status == 1 and "nothing-here" in result.output


def test_what_was_deleted_is_restored(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gcloud storage buckets create {url} --soft-delete-duration=7d")
    cloud.sh(f"echo first | gcloud storage cp - {url}/a && gcloud storage rm {url}/a")
    assert cloud.sh(f"gcloud storage cat {url}/a", check=False).status == 1
    (line,) = cloud.sh(f"gcloud storage ls --soft-deleted {url}/a").stdout.split()
    generation = line.partition("#")[2]
    cloud.sh(f"gcloud storage restore {url}/a#{generation}")
    assert cloud.sh(f"gcloud storage cat {url}/a").stdout == "first\n"


def test_a_managed_folder_opens_what_is_below_it(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gcloud storage buckets create {url} --uniform-bucket-level-access")
    cloud.sh(f"echo x | gcloud storage cp - {url}/open/a; echo y | gcloud storage cp - {url}/closed/a")
    cloud.sh(f"gcloud storage managed-folders create {url}/open/")
    grant = "--member=allUsers --role=roles/storage.objectViewer"
    cloud.sh(f"gcloud storage managed-folders add-iam-policy-binding {url}/open/ {grant}")
    codes = [
        cloud.sh(f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{cloud.port}/{url[5:]}/{path}").stdout
        for path in ("open/a", "closed/a")
    ]
    assert codes[0] == "200" and codes[1] in ("401", "403")
    cloud.sh(f"gcloud storage rm -r {url}")
