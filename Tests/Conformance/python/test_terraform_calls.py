"""The calls that Terraform's google provider makes, in plain HTTP: the provider itself cannot be had without the internet."""

import json

import pytest
from plain_client import Client

pytestmark = pytest.mark.compute


@pytest.fixture(scope="module")
def call(cloud):
    client = Client(cloud)
    headers = {
        "Content-Type": "application/json", "X-Goog-User-Project": cloud.project,
        "User-Agent": "Terraform/1.9 terraform-provider-google/6.0",
    }

    def ask(method, path, body=None):
        path += ("&" if "?" in path else "?") + "alt=json&prettyPrint=false"
        status, text = client.call(method, path, None if body is None else json.dumps(body).encode(), headers)
        return status, json.loads(text or b"{}")

    ask.project = cloud.project
    ask.compute = f"/compute/v1/projects/{cloud.project}"
    return ask


def finish(call, answer):
    """Asks for the operation until it is done, as the provider does; it holds no connection open."""
    status, operation = answer
    assert status == 200, operation
    places = [f"{kind}s/" + operation[kind].split("/")[-1] for kind in ("zone", "region") if kind in operation]
    scope = (places or ["global"])[0]
    while operation["status"] != "DONE":
        status, operation = call("GET", f"{call.compute}/{scope}/operations/{operation['name']}")
        assert status == 200
    assert "error" not in operation, operation
    return operation


def test_google_compute_instance(call):
    path = f"{call.compute}/zones/europe-west1-b/instances"
    assert call("GET", f"{call.compute}/zones/europe-west1-b")[0] == 200
    assert call("GET", f"{call.compute}/zones/europe-west1-b/machineTypes/e2-small")[0] == 200
    status, image = call("GET", "/compute/v1/projects/debian-cloud/global/images/family/debian-12")
    assert status == 200 and image["selfLink"]
    finish(call, call("POST", path, {
        "name": "tf-vm", "machineType": f"projects/{call.project}/zones/europe-west1-b/machineTypes/e2-small",
        "canIpForward": False, "labels": {"goog-terraform-provisioned": "true"}, "tags": {"items": ["web"]},
        "disks": [{"autoDelete": True, "boot": True, "mode": "READ_WRITE",
                   "initializeParams": {"sourceImage": image["selfLink"]}}],
        "networkInterfaces": [{"network": f"projects/{call.project}/global/networks/default"}],
        "metadata": {"items": [{"key": "a", "value": "1"}]}, "params": {},
        "scheduling": {"automaticRestart": True, "provisioningModel": "STANDARD"},
    }))
    status, vm = call("GET", f"{path}/tf-vm")
    assert status == 200 and vm["status"] == "RUNNING" and vm["labelFingerprint"] and vm["fingerprint"]
    assert vm["disks"][0]["source"].endswith("/disks/tf-vm") and vm["networkInterfaces"][0]["networkIP"]
    assert vm["cpuPlatform"] and vm["metadata"]["fingerprint"] and vm["tags"]["fingerprint"]
    assert call("GET", f"{call.compute}/zones/europe-west1-b/disks/tf-vm")[0] == 200
    labels = {"labels": {"stage": "two"}, "labelFingerprint": vm["labelFingerprint"]}
    finish(call, call("POST", f"{path}/tf-vm/setLabels", labels))
    assert call("POST", f"{path}/tf-vm/setLabels", labels)[0] == 412
    finish(call, call("POST", f"{path}/tf-vm/setMetadata", {
        "fingerprint": vm["metadata"]["fingerprint"], "items": [{"key": "a", "value": "2"}]}))
    finish(call, call("POST", f"{path}/tf-vm/setTags", {"items": ["db"], "fingerprint": vm["tags"]["fingerprint"]}))
    status, vm = call("GET", f"{path}/tf-vm")
    assert (vm["labels"], vm["tags"]["items"]) == ({"stage": "two"}, ["db"]) and vm["metadata"]["items"][0]["value"] == "2"
    finish(call, call("DELETE", f"{path}/tf-vm"))
    assert call("GET", f"{path}/tf-vm")[0] == 404


def test_google_compute_firewall(call):
    path = f"{call.compute}/global/firewalls"
    finish(call, call("POST", path, {
        "name": "tf-web", "network": f"projects/{call.project}/global/networks/default", "direction": "INGRESS",
        "priority": 1000, "disabled": False, "sourceRanges": ["10.0.0.0/8"], "logConfig": {"enable": False},
        "allowed": [{"IPProtocol": "tcp", "ports": ["80"]}],
    }))
    status, rule = call("GET", f"{path}/tf-web")
    assert status == 200 and rule["allowed"] == [{"IPProtocol": "tcp", "ports": ["80"]}] and rule["priority"] == 1000
    finish(call, call("PATCH", f"{path}/tf-web", {"sourceRanges": ["10.1.0.0/16"]}))
    assert call("GET", f"{path}/tf-web")[1]["sourceRanges"] == ["10.1.0.0/16"]
    finish(call, call("DELETE", f"{path}/tf-web"))
    assert call("GET", f"{path}/tf-web")[0] == 404


def test_google_compute_disk_and_attached_disk(call):
    zone = f"projects/{call.project}/zones/europe-west1-b"
    path = f"/compute/v1/{zone}/disks"
    finish(call, call("POST", path, {"name": "tf-data", "sizeGb": "10", "type": f"{zone}/diskTypes/pd-ssd", "labels": {"a": "b"}}))
    status, disk = call("GET", f"{path}/tf-data")
    assert (status, disk["sizeGb"], disk["labels"]) == (200, "10", {"a": "b"}) and disk["type"].endswith("/diskTypes/pd-ssd")
    finish(call, call("POST", f"{path}/tf-data/resize", {"sizeGb": "20"}))
    assert call("GET", f"{path}/tf-data")[1]["sizeGb"] == "20"

    instances = f"/compute/v1/{zone}/instances"
    finish(call, call("POST", instances, {
        "name": "tf-with-disk", "machineType": f"{zone}/machineTypes/e2-small", "networkInterfaces": [{}],
        "disks": [{"autoDelete": True, "boot": True, "initializeParams": {
            "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}}],
    }))
    finish(call, call("POST", f"{instances}/tf-with-disk/attachDisk", {
        "source": f"https://www.googleapis.com/compute/v1/{zone}/disks/tf-data", "mode": "READ_WRITE", "deviceName": "data"}))
    attached = call("GET", f"{instances}/tf-with-disk")[1]["disks"][1]
    assert attached["deviceName"] == "data" and attached["source"].endswith(f"{zone}/disks/tf-data")
    assert call("GET", f"{path}/tf-data")[1]["users"][0].endswith(f"{zone}/instances/tf-with-disk")
    finish(call, call("POST", f"{instances}/tf-with-disk/detachDisk?deviceName=data"))
    assert [d["boot"] for d in call("GET", f"{instances}/tf-with-disk")[1]["disks"]] == [True]
    for thing in f"{instances}/tf-with-disk", f"{path}/tf-data":
        finish(call, call("DELETE", thing))
        assert call("GET", thing)[0] == 404


def test_google_compute_network_subnetwork_and_address(call):
    network = f"projects/{call.project}/global/networks/tf-net"
    region = f"projects/{call.project}/regions/europe-west1"
    finish(call, call("POST", f"{call.compute}/global/networks", {
        "name": "tf-net", "autoCreateSubnetworks": False, "routingConfig": {"routingMode": "REGIONAL"},
        "networkFirewallPolicyEnforcementOrder": "AFTER_CLASSIC_FIREWALL"}))
    finish(call, call("POST", f"/compute/v1/{region}/subnetworks", {
        "name": "tf-sub", "ipCidrRange": "10.77.0.0/24", "network": network, "region": "europe-west1",
        "privateIpGoogleAccess": True, "stackType": "IPV4_ONLY"}))
    status, subnetwork = call("GET", f"/compute/v1/{region}/subnetworks/tf-sub")
    assert status == 200 and subnetwork["gatewayAddress"] == "10.77.0.1" and subnetwork["network"].endswith(network)
    assert subnetwork["fingerprint"] and subnetwork["privateIpGoogleAccess"]
    status, shown = call("GET", f"{call.compute}/global/networks/tf-net")
    assert shown["subnetworks"] == [subnetwork["selfLink"]]
    assert shown["networkFirewallPolicyEnforcementOrder"] == "AFTER_CLASSIC_FIREWALL"
    finish(call, call("POST", f"/compute/v1/{region}/addresses", {
        "name": "tf-address", "addressType": "INTERNAL", "subnetwork": f"{region}/subnetworks/tf-sub"}))
    status, address = call("GET", f"/compute/v1/{region}/addresses/tf-address")
    assert status == 200 and address["address"].startswith("10.77.0.") and address["status"] == "RESERVED"
    finish(call, call("POST", f"/compute/v1/{region}/addresses/tf-address/setLabels", {
        "labels": {"a": "b"}, "labelFingerprint": address["labelFingerprint"]}))
    for thing in f"{region}/addresses/tf-address", f"{region}/subnetworks/tf-sub", network:
        finish(call, call("DELETE", f"/compute/v1/{thing}"))
        assert call("GET", f"/compute/v1/{thing}")[0] == 404


def test_google_compute_image_and_instance_template(call):
    disks = f"{call.compute}/zones/europe-west1-b/disks"
    finish(call, call("POST", disks, {
        "name": "tf-base", "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}))
    images = f"{call.compute}/global/images"
    source = f"projects/{call.project}/zones/europe-west1-b/disks/tf-base"
    finish(call, call("POST", images, {"name": "tf-image", "family": "tf", "sourceDisk": source, "labels": {"a": "b"}}))
    status, image = call("GET", f"{images}/tf-image")
    assert status == 200 and image["status"] == "READY" and image["sourceDisk"].endswith(source)
    assert call("GET", f"{images}/family/tf")[1]["id"] == image["id"]

    templates = f"{call.compute}/global/instanceTemplates"
    finish(call, call("POST", templates, {"name": "tf-template", "properties": {
        "machineType": "e2-small", "labels": {"goog-terraform-provisioned": "true"}, "tags": {"items": ["web"]},
        "disks": [{"autoDelete": True, "boot": True, "initializeParams": {"sourceImage": image["selfLink"]}}],
        "networkInterfaces": [{"network": f"projects/{call.project}/global/networks/default"}],
        "scheduling": {"automaticRestart": True, "provisioningModel": "STANDARD"}}}))
    status, template = call("GET", f"{templates}/tf-template")
    properties = template["properties"]
    assert status == 200 and template["selfLink"].endswith("/global/instanceTemplates/tf-template")
    assert (properties["machineType"], properties["tags"]["items"]) == ("e2-small", ["web"])
    assert properties["disks"][0]["initializeParams"]["sourceImage"].endswith("/global/images/tf-image")
    for thing in f"{templates}/tf-template", f"{images}/tf-image", f"{disks}/tf-base":
        finish(call, call("DELETE", thing))
        assert call("GET", thing)[0] == 404


def test_google_storage_bucket(call):
    name = f"{call.project}-tf-bucket"
    status, bucket = call("POST", f"/storage/v1/b?project={call.project}", {
        "name": name, "location": "EUROPE-WEST1", "storageClass": "STANDARD", "labels": {"a": "b"},
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
    })
    assert status == 200 and bucket["location"] == "EUROPE-WEST1" and bucket["selfLink"]
    assert call("GET", f"/storage/v1/b/{name}")[1]["labels"] == {"a": "b"}
    changed = {"labels": {"a": None, "c": "d"}, "versioning": {"enabled": True}}
    assert call("PATCH", f"/storage/v1/b/{name}", changed)[0] == 200
    status, bucket = call("GET", f"/storage/v1/b/{name}")
    assert bucket["labels"] == {"c": "d"} and bucket["versioning"] == {"enabled": True}
    assert call("GET", f"/storage/v1/b/{name}/o?versions=true")[1].get("items", []) == []
    assert call("DELETE", f"/storage/v1/b/{name}")[0] in (200, 204)
    assert call("GET", f"/storage/v1/b/{name}")[0] == 404
