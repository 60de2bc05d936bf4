"""GPUs: refused where there are none; simulated when the owner asks for it, and then said so."""

import json
import re

import pytest

pytestmark = [pytest.mark.needs("gcloud"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"
GPU = "--machine-type=n1-standard-4 --accelerator=type=nvidia-tesla-t4,count=1 --maintenance-policy=TERMINATE"

def test_types_are_listed(cloud):
    listed = cloud.sh("gcloud compute accelerator-types list --filter=zone:europe-west1-b --format='value(name)'").stdout
    assert {"nvidia-tesla-t4", "nvidia-l4", "nvidia-tesla-a100"} <= set(listed.split())
    described = cloud.sh(f"gcloud compute accelerator-types describe nvidia-tesla-t4 {ZONE} --format=json").stdout
    assert json.loads(described)["maximumCardsPerInstance"] == 4


def test_without_devices_an_instance_is_refused(new_cloud):
    cloud = new_cloud()
    cloud.up()
    refused = cloud.sh(f"gcloud compute instances create gpu-vm {ZONE} {GPU}", check=False)
    assert refused.status == 1 and "code: ZONE_RESOURCE_POOL_EXHAUSTED" in refused.output
    said = re.sub(r"[\\\s]+", " ", refused.output)  # gcloud breaks long lines.
    assert "does not have enough resources available to fulfill the request" in said
    assert "no accelerator 'nvidia-tesla-t4'" in said
    assert cloud.sh("gcloud compute instances list --format='value(name)'").stdout == ""
    assert cloud.sh("gcloud compute disks list --format='value(name)'").stdout == ""


def test_simulated_ones_say_so(new_cloud):
    cloud = new_cloud()
    cloud.up("--simulate-accelerators")
    cloud.sh(f"gcloud compute instances create gpu-vm {ZONE} {GPU}")
    shown = json.loads(cloud.sh(f"gcloud compute instances describe gpu-vm {ZONE} --format=json").stdout)
    assert shown["status"] == "RUNNING" and shown["labels"] == {"brume-simulated-accelerators": "true"}
    assert shown["guestAccelerators"][0]["acceleratorCount"] == 1
    assert shown["guestAccelerators"][0]["acceleratorType"].endswith("/acceleratorTypes/nvidia-tesla-t4")
    port = cloud.sh(f"gcloud compute instances get-serial-port-output gpu-vm {ZONE}").stdout
    assert "SIMULATED accelerators: 1 x nvidia-tesla-t4" in port

    moving = GPU.replace("TERMINATE", "MIGRATE")
    refused = cloud.sh(f"gcloud compute instances create gpu-moving {ZONE} {moving}", check=False)
    assert refused.status == 1 and "do not support live migration" in refused.output
