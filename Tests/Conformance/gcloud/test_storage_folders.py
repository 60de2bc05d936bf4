"""gcloud storage: folders of hierarchical namespaces, bulk restores and their operations, conditions of policies."""

import json

import pytest

pytestmark = pytest.mark.needs("gcloud")


def test_folders_are_made_renamed_and_removed(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gcloud storage buckets create {url} --uniform-bucket-level-access --enable-hierarchical-namespace")
    cloud.sh(f"gcloud storage folders create --recursive {url}/a/b/")
    assert cloud.sh(f"gcloud storage folders create {url}/no/parent/", check=False).status != 0
    cloud.sh(f"echo x | gcloud storage cp - {url}/data/one.txt")
    listed = json.loads(cloud.sh(f"gcloud storage folders list {url}/** --format=json").stdout)
    assert [folder["name"] for folder in listed] == ["a/", "a/b/", "data/"]
    assert f"{url}/a/" in cloud.sh(f"gcloud storage ls {url}").stdout.split()
    described = json.loads(cloud.sh(f"gcloud storage folders describe {url}/a/b/ --format=json").stdout)
    assert described["name"] == "a/b/"
    cloud.sh(f"gcloud storage mv {url}/data/ {url}/a/moved/")
    assert cloud.sh(f"gcloud storage cat {url}/a/moved/one.txt").stdout == "x\n"
    cloud.sh(f"gcloud storage folders delete {url}/a/b/")
    cloud.sh(f"gcloud storage rm -r {url}")
    assert f"{url}/" not in cloud.sh("gcloud storage ls", check=False).stdout.split()


def test_many_deleted_objects_come_back_by_one_operation(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gcloud storage buckets create {url} --soft-delete-duration=7d")
    for key in ["a/1", "a/2", "b/3"]:
        cloud.sh(f"echo {key} | gcloud storage cp - {url}/{key}")
    cloud.sh(f"gcloud storage rm {url}/**")
    cloud.sh(f"gcloud storage restore '{url}/a/**' --async")
    assert cloud.sh(f"gcloud storage ls {url}/**").stdout.split() == [f"{url}/a/1", f"{url}/a/2"]
    (operation,) = json.loads(cloud.sh(f"gcloud storage operations list {url} --format=json").stdout)
    described = json.loads(cloud.sh(f"gcloud storage operations describe {operation['name']} --format=json").stdout)
    assert described["done"] and described["response"]["succeededCount"] == "2"
    cloud.sh(f"gcloud storage operations cancel {operation['name']}")


def test_a_grant_holds_where_its_condition_does(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    account = f"reader@{cloud.project}.iam.gserviceaccount.com"
    cloud.sh(f"gcloud storage buckets create {url} --uniform-bucket-level-access")
    cloud.sh("gcloud iam service-accounts create reader")
    for key in ["open/a", "closed/a"]:
        cloud.sh(f"echo x | gcloud storage cp - {url}/{key}")
    grant = f"{url} --member=serviceAccount:{account} --role=roles/storage.objectViewer"
    condition = cloud.folder / "condition.json"

    def add(expression):
        condition.write_text(json.dumps({"title": "open", "expression": expression}))
        return cloud.sh(
            f"gcloud storage buckets add-iam-policy-binding {grant} --condition-from-file={condition}", check=False
        )

    assert add(f'resource.name.startsWith("projects/_/buckets/{url[5:]}/objects/open/")').status == 0
    assert add("resource.name.startsWith(").status != 0
    cloud.sh(f"gcloud iam service-accounts keys create reader.json --iam-account={account}")
    script = """
import sys
from google.api_core import exceptions
from google.cloud import storage
bucket = storage.Client.from_service_account_json("reader.json").bucket(sys.argv[1])
assert bucket.blob("open/a").download_as_text() == "x\\n"
try:
    bucket.blob("closed/a").download_as_text()
except exceptions.Forbidden:
    print("done")
"""
    assert cloud.python(script, url[5:]).stdout.strip() == "done"
    policy = json.loads(cloud.sh(f"gcloud storage buckets get-iam-policy {url} --format=json").stdout)
    (binding,) = [b for b in policy["bindings"] if "condition" in b]
    assert binding["condition"]["title"] == "open"
