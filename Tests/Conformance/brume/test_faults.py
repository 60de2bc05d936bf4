"""What dies under running instances, and what a daemon that was killed leaves to the next: machines of the real engine."""

import json
import subprocess
import time

import pytest

from plain_client import Client

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "europe-west1-b"


@pytest.fixture
def own(new_cloud):
    cloud = new_cloud(BRUME_ENGINE="managed")
    cloud.up()
    return cloud


def engine(cloud, command):
    return cloud.sh(f"docker -H unix://{cloud.data}/run/engine/docker.sock {command}")


def insert(cloud, name, **fields):
    """Asks for an instance; returns the operation, which is acknowledged."""
    body = {
        "name": name,
        "machineType": f"zones/{ZONE}/machineTypes/e2-small",
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": {
            "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}}],
        "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}]}],
        **fields,
    }
    path = f"/compute/v1/projects/{cloud.project}/zones/{ZONE}/instances"
    headers = {"Content-Type": "application/json"}
    status, answer = Client(cloud).call("POST", path, json.dumps(body).encode(), headers)
    assert status == 200, answer
    return json.loads(answer)


def get(cloud, path):
    status, answer = Client(cloud).call("GET", f"/compute/v1/projects/{cloud.project}/{path}")
    assert status == 200, answer
    return json.loads(answer)


def ended(cloud, operation):
    """Waits as clients do, by the method that answers when the operation has ended."""
    path = f"/compute/v1/projects/{cloud.project}/zones/{ZONE}/operations/{operation['name']}/wait"
    while True:
        status, answer = Client(cloud).call("POST", path, b"")
        assert status == 200, answer
        document = json.loads(answer)
        if document["status"] == "DONE":
            return document


def test_a_daemon_killed_in_any_phase_of_an_insert_leaves_it_to_the_next(own):
    """From the acknowledgement on: before the machine is made, while it is, while it starts, and before sshd answers."""
    phases = [0, 0.05, 0.15, 0.3, 0.6, 1.0]
    for number, seconds in enumerate(phases):
        operation = insert(own, f"vm-{number}")
        # Nothing is waited for: the moment of the kill is what is varied.
        time.sleep(seconds)
        own.kill()
        own.up()
        document = ended(own, operation)
        assert "error" not in document, document
    names = [f"vm-{number}" for number in range(len(phases))]
    listed = own.sh("gcloud compute instances list --format='value(name,status)'").stdout.split("\n")
    assert sorted(line.split() for line in listed if line) == [[name, "RUNNING"] for name in names]
    # One more may have been started ahead of the next instance.
    containers = engine(own, "ps -aq --filter name=^/instance-").stdout.split()
    assert len(containers) == len(names)
    assert len(engine(own, "ps -aq").stdout.split()) <= len(names) + 1
    for name in names[:2]:
        assert own.sh(f"gcloud compute ssh {name} --zone={ZONE} -q --command=hostname").stdout.split()[-1] == name
    own.sh(f"gcloud compute instances delete {' '.join(names)} --zone={ZONE} -q")
    assert engine(own, "ps -aq --filter name=^/instance-").stdout == "" and engine(own, "volume ls -q").stdout == ""
    # Nor what was half made of a machine that was to be started ahead.
    assert engine(own, "ps -aq --filter name=[.]new$").stdout == ""


def test_an_engine_that_dies_is_started_again_and_its_machines_are_there(own):
    assert "error" not in ended(own, insert(own, "vm"))
    own.sh(f"gcloud compute ssh vm --zone={ZONE} -q --command='echo kept > ~/kept'")
    pid = (own.data / "run/engine/docker.pid").read_text().strip()
    subprocess.run(["kill", "-9", pid], check=True)
    kept = own.sh(f"gcloud compute ssh vm --zone={ZONE} -q --command='cat ~/kept'")
    assert kept.stdout.strip() == "kept"
    own.sh(f"gcloud compute instances stop vm --zone={ZONE} -q")
    described = own.sh(f"gcloud compute instances describe vm --zone={ZONE} --format='value(status)'")
    assert described.stdout.strip() == "TERMINATED"


def test_a_machine_that_dies_says_why_or_is_started_again_as_scheduled(own):
    for operation in [insert(own, "back"), insert(own, "gone", scheduling={"automaticRestart": False})]:
        assert "error" not in ended(own, operation)
    listed = json.loads(own.sh("gcloud compute instances list --format=json").stdout)
    for instance in listed:
        engine(own, f"kill instance-{instance['id']}")
    own.until(lambda: get(own, f"zones/{ZONE}/instances/gone")["status"] == "TERMINATED")
    assert "exit code 137" in own.sh(f"gcloud compute instances get-serial-port-output gone --zone={ZONE}").stdout
    restart = "operationType=compute.instances.automaticRestart"
    own.until(lambda: get(own, f"zones/{ZONE}/operations?filter={restart}").get("items"))
    assert get(own, f"zones/{ZONE}/instances/back")["status"] == "RUNNING"
    assert own.sh(f"gcloud compute ssh back --zone={ZONE} -q --command=hostname").stdout.split()[-1] == "back"
