"""How gsutil moves bytes: streams, slices, composites, and what it tells of objects."""

import base64
import hashlib
import json
import os

import pytest

pytestmark = pytest.mark.needs("gsutil")


def test_streams_hash_du_and_compose(cloud, bucket, tmp_path):
    cloud.sh(f"printf one | gsutil cp - {bucket}/1 && printf two | gsutil cp - {bucket}/d/2")
    assert cloud.sh(f"gsutil cp {bucket}/1 -").stdout == "one"
    assert cloud.sh(f"gsutil cat -r 1-2 {bucket}/1").stdout == "ne"
    told = cloud.sh(f"gsutil hash -m {bucket}/1").stdout
    assert base64.b64encode(hashlib.md5(b"one").digest()).decode() in told
    assert cloud.sh(f"gsutil du -s {bucket}").stdout.split()[0] == "6"
    cloud.sh(f"gsutil compose {bucket}/1 {bucket}/d/2 {bucket}/both")
    assert cloud.sh(f"gsutil cat {bucket}/both").stdout == "onetwo"
    assert "Component-Count:        2" in cloud.sh(f"gsutil stat {bucket}/both").stdout


def test_a_composite_upload_and_a_sliced_download(cloud, bucket, tmp_path):
    content = os.urandom(12 << 20)
    (tmp_path / "big").write_bytes(content)
    up = "-o GSUtil:parallel_composite_upload_threshold=4M -o GSUtil:parallel_composite_upload_component_size=4M"
    cloud.sh(f"gsutil {up} cp big {bucket}/big", cwd=tmp_path)
    assert "Component-Count:" in cloud.sh(f"gsutil stat {bucket}/big").stdout
    assert cloud.sh(f"gsutil ls {bucket}/**").stdout.split() == [f"{bucket}/big"]
    down = "-o GSUtil:sliced_object_download_threshold=1M -o GSUtil:sliced_object_download_component_size=2M"
    cloud.sh(f"gsutil -m {down} cp {bucket}/big back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == content


def test_storage_classes_are_rewritten(cloud, bucket):
    cloud.sh(f"echo x | gsutil cp - {bucket}/a && gsutil rewrite -s nearline {bucket}/a")
    assert "NEARLINE" in cloud.sh(f"gsutil stat {bucket}/a").stdout


def test_uniform_access_is_switched(cloud, bucket):
    cloud.sh(f"gsutil ubla set on {bucket}")
    assert "Enabled: True" in cloud.sh(f"gsutil ubla get {bucket}").stdout
    assert "uniform" in cloud.sh(f"gsutil acl get {bucket}", check=False).output.lower()
    cloud.sh(f"gsutil ubla set off {bucket}")


def test_notifications_are_listed(cloud, bucket):
    cloud.sh(
        f"gcloud storage buckets notifications create {bucket} --topic=projects/x/topics/t --skip-topic-setup"
    )
    assert "projects/x/topics/t" in cloud.sh(f"gsutil notification list {bucket}").stdout


def test_gcloud_tells_of_an_object(cloud, bucket):
    cloud.sh(f"printf fog | gcloud storage cp - {bucket}/a --custom-metadata=k=v")
    told = json.loads(cloud.sh(f"gcloud storage hash {bucket}/a --format=json").stdout)
    told = told[0] if isinstance(told, list) else told
    assert told["md5_hash"] == base64.b64encode(hashlib.md5(b"fog").digest()).decode()
    long = cloud.sh(f"gcloud storage ls -L {bucket}/a").stdout
    assert "k: v" in long.lower() or '"k": "v"' in long
    assert cloud.sh(f"gcloud storage cat -r 1-2 {bucket}/a").stdout == "og"
    assert "3" in cloud.sh(f"gcloud storage du {bucket}").stdout


def test_gcloud_signs_a_url_that_opens_an_object(cloud, bucket):
    account = f"opener@{cloud.project}.iam.gserviceaccount.com"
    cloud.sh("gcloud iam service-accounts create opener")
    cloud.sh(f"gcloud storage buckets add-iam-policy-binding {bucket} --member=serviceAccount:{account}"
             " --role=roles/storage.objectViewer")
    cloud.sh(f"gcloud iam service-accounts keys create urls.json --iam-account={account}")
    cloud.sh(f"printf fog | gcloud storage cp - {bucket}/a")
    sign = f"gcloud storage sign-url {bucket}/a --private-key-file=urls.json --duration=10m --region=auto"
    url = json.loads(cloud.sh(f"{sign} --format=json").stdout)[0]["signed_url"]
    assert cloud.sh(f"curl -sf '{url}'").stdout == "fog"
    assert cloud.sh(f"curl -s '{url.replace('/a?', '/b?')}'").stdout != "fog"
