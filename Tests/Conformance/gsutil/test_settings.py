"""What gsutil sets on buckets and objects: access lists, policies, lifecycle, retention, web, cors, labels."""

import json

import pytest

pytestmark = pytest.mark.needs("gsutil")


@pytest.fixture(scope="module")
def shared(cloud):
    """One bucket whose objects have access lists."""
    url = f"gs://{cloud.project}-settings"
    cloud.sh(f"gsutil mb -b off {url} && echo fog | gsutil cp - {url}/a.txt")
    return url


def described(cloud, command):
    return json.loads(cloud.sh(command).stdout)


def test_an_object_is_opened_to_the_world_and_closed_again(cloud, shared):
    bucket = shared.removeprefix("gs://")
    address = f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{cloud.port}/{bucket}/a.txt"
    assert cloud.sh(address).stdout in ("401", "403")
    cloud.sh(f"gsutil acl ch -u AllUsers:R {shared}/a.txt")
    assert {"entity": "allUsers", "role": "READER"} in described(cloud, f"gsutil acl get {shared}/a.txt")
    assert cloud.sh(address).stdout == "200"
    cloud.sh(f"gsutil acl ch -d AllUsers {shared}/a.txt")
    assert cloud.sh(address).stdout in ("401", "403")


def test_default_access_lists_apply_to_new_objects(cloud, shared):
    cloud.sh(f"gsutil defacl ch -u AllUsers:R {shared} && echo x | gsutil cp - {shared}/public.txt")
    assert {"entity": "allUsers", "role": "READER"} in described(cloud, f"gsutil acl get {shared}/public.txt")
    cloud.sh(f"gsutil defacl ch -d AllUsers {shared}")


def test_an_object_has_a_policy_in_the_words_of_iam(cloud, shared):
    cloud.sh(f"gsutil iam ch user:reader@example.com:legacyObjectReader {shared}/a.txt")
    policy = described(cloud, f"gsutil iam get {shared}/a.txt")
    (readers,) = [b["members"] for b in policy["bindings"] if b["role"] == "roles/storage.legacyObjectReader"]
    assert "user:reader@example.com" in readers


@pytest.mark.parametrize(
    "kind, document",
    [
        ("lifecycle", {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 30, "isLive": False}}]}),
        ("cors", [{"maxAgeSeconds": 60, "method": ["GET"], "origin": ["*"], "responseHeader": ["Content-Type"]}]),
    ],
)
def test_documents_are_set_and_read_back(cloud, shared, tmp_path, kind, document):
    file = tmp_path / "document.json"
    file.write_text(json.dumps(document))
    cloud.sh(f"gsutil {kind} set {file} {shared}")
    assert described(cloud, f"gsutil {kind} get {shared}") == document


def test_a_rule_that_says_nonsense_is_refused(cloud, shared, tmp_path):
    file = tmp_path / "document.json"
    file.write_text('{"rule": [{"action": {"type": "Delete"}, "condition": {"age": -1}}]}')
    result = cloud.sh(f"gsutil lifecycle set {file} {shared}", check=False)
    assert result.status == 1 and "lifecycle.rule.condition.age" in result.output


def test_switches_and_labels(cloud, shared):
    cloud.sh(f"gsutil versioning set on {shared}")
    assert "Enabled" in cloud.sh(f"gsutil versioning get {shared}").stdout
    cloud.sh(f"gsutil label ch -l team:red {shared}")
    assert described(cloud, f"gsutil label get {shared}") == {"team": "red"}
    cloud.sh(f"gsutil web set -m index.html -e 404.html {shared}")
    web = described(cloud, f"gsutil web get {shared}")
    assert web == {"mainPageSuffix": "index.html", "notFoundPage": "404.html"}
    cloud.sh(f"gsutil pap set enforced {shared}")
    assert "enforced" in cloud.sh(f"gsutil pap get {shared}").stdout
    refused = cloud.sh(f"gsutil acl ch -u AllUsers:R {shared}/a.txt", check=False)
    assert refused.status != 0 and "public access prevention" in refused.output


def test_a_locked_retention_keeps_objects_and_itself(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gsutil mb --retention 1d {url} && echo x | gsutil cp - {url}/kept")
    cloud.sh(f"echo y | gsutil retention lock {url}")
    assert "LOCKED" in cloud.sh(f"gsutil retention get {url}").stdout
    for command in [f"gsutil rm {url}/kept", f"gsutil retention clear {url}", f"gsutil retention set 10s {url}"]:
        refused = cloud.sh(command, check=False)
        assert refused.status != 0 and "retention" in refused.output.lower(), command
    cloud.sh(f"gsutil retention set 2d {url}")


def test_notifications_are_kept(cloud, bucket):
    create = f"gcloud storage buckets notifications create {bucket} --topic=projects/x/topics/t --skip-topic-setup"
    cloud.sh(create)
    listed = cloud.sh(f"gcloud storage buckets notifications list {bucket} --format=json").stdout
    assert "projects/x/topics/t" in listed
    cloud.sh(f"gcloud storage buckets notifications delete {bucket}")
    assert cloud.sh(f"gcloud storage buckets notifications list {bucket}").stdout == ""
