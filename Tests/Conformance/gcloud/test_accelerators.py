"""GPUs: refused where there are none; simulated when the owner asks for it, and then said so."""

import json
import os
import pathlib
import re
import uuid

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


@pytest.fixture
def cards():
    """Two cards of this computer, as their maker's tools describe them to engines; /dev/zero and /dev/full stand for them."""
    folder = pathlib.Path("/var/run/cdi")
    existed = folder.exists()
    folder.mkdir(exist_ok=True)
    specification = folder / f"{uuid.uuid4().hex}.json"
    nodes = {"0": "/dev/zero", "1": "/dev/full"}
    specification.write_text(json.dumps({
        "cdiVersion": "0.6.0", "kind": "nvidia.com/gpu", "devices": [
            {"name": name, "containerEdits": {"deviceNodes": [{"path": f"/dev/card{name}", "hostPath": path}]}}
            for name, path in nodes.items()
        ],
    }))  # fmt: skip
    yield
    specification.unlink()
    if not existed:
        folder.rmdir()


# In one half with all tests that look for cards in vain: while these are there, none of those may run.
@pytest.mark.skipif(os.geteuid() != 0, reason="the cards of a computer are described by root")
@pytest.mark.needs("dockerd", "ssh")
def test_a_card_is_one_instances_until_that_one_stops(cards, new_cloud):
    cloud = new_cloud(BRUME_ENGINE="managed")
    cloud.up("--no-spare-machines")
    create = f"gcloud compute instances create-with-container {ZONE} {GPU} --container-image=busybox"

    def cards_of(name):
        look = f"gcloud compute ssh {name} {ZONE} --container={name} --quiet --command='ls -d /dev/card?'"
        # The first ssh shows its new key beside.
        return [word for word in cloud.sh(look).stdout.split() if word.startswith("/dev/")]

    cloud.sh(f"{create} first second")
    both = cards_of("first") + cards_of("second")
    assert sorted(both) == ["/dev/card0", "/dev/card1"]
    refused = cloud.sh(f"{create} third", check=False)
    assert refused.status == 1 and "code: ZONE_RESOURCE_POOL_EXHAUSTED" in refused.output
    cloud.sh(f"gcloud compute instances stop first {ZONE}")
    cloud.sh(f"{create} third")
    assert cards_of("third") == both[:1]
