"""A Spot machine's day: made with the flags that people use, entered in their ways, watched, preempted, started again."""

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import urllib.request

import pytest

from conftest import free_port

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
PLACE = "europe-west1-b"
ZONE = f"--zone={PLACE}"
STARTUP = """#!/bin/bash
echo "up with $(curl -s -H Metadata-Flavor:Google http://metadata.google.internal/computeMetadata/v1/instance/attributes/word)"
mkdir -p /srv/web && echo forwarded > /srv/web/file
cd /srv/web && nohup python3 -m http.server 8000 --bind 127.0.0.1 > /dev/null 2>&1 &
"""
SHUTDOWN = """#!/bin/bash
echo "leaves: $(curl -s -H Metadata-Flavor:Google http://metadata.google.internal/computeMetadata/v1/instance/preempted)"
"""


@pytest.fixture(scope="module")
def machine(cloud):
    (cloud.folder / "up.sh").write_text(STARTUP)
    (cloud.folder / "down.sh").write_text(SHUTDOWN)
    cloud.sh(
        f"gcloud compute instances create vm-life {ZONE} --machine-type=e2-small --description='one day'"
        " --provisioning-model=SPOT --instance-termination-action=STOP --maintenance-policy=TERMINATE"
        " --image-family=debian-12 --image-project=debian-cloud --boot-disk-size=20GB --boot-disk-type=pd-ssd"
        " --create-disk=name=vm-life-data,size=10GB,device-name=data,auto-delete=yes"
        " --metadata=word=green --metadata-from-file=startup-script=up.sh,shutdown-script=down.sh"
        " --labels=team=lab,course=mlops --tags=web --scopes=storage-ro,logging-write"
    )
    yield "vm-life"
    cloud.sh(f"gcloud compute instances delete vm-life {ZONE} -q")
    assert cloud.sh("gcloud compute disks list --filter=name~^vm-life --format='value(name)'").stdout == ""


def started(cloud, *command, **options):
    """A program of a user's that goes on."""
    return subprocess.Popen(command, env=cloud.environment, start_new_session=True, **options)


def ended(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_what_its_flags_said_is_told(cloud, machine):
    told = json.loads(cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format=json").stdout)
    scheduling = told["scheduling"]
    assert (scheduling["provisioningModel"], scheduling["preemptible"]) == ("SPOT", True)
    assert (scheduling["automaticRestart"], scheduling["onHostMaintenance"]) == (False, "TERMINATE")
    assert told["labels"] == {"team": "lab", "course": "mlops"} and told["tags"]["items"] == ["web"]
    assert [(disk["deviceName"], disk["diskSizeGb"], disk["boot"]) for disk in told["disks"]][1] == ("data", "10", False)
    scopes = [scope.rsplit("/", 1)[1] for scope in told["serviceAccounts"][0]["scopes"]]
    assert scopes == ["devstorage.read_only", "logging.write"] and told["description"] == "one day"
    boot = json.loads(cloud.sh(f"gcloud compute disks describe {machine} {ZONE} --format=json").stdout)
    assert boot["sizeGb"] == "20" and boot["type"].endswith("/pd-ssd")


def test_a_terminal_has_its_size_and_passes_the_exit_code_on(cloud, machine):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 107, 0, 0))
    process = started(
        cloud, "gcloud", "beta", "compute", "ssh", machine, ZONE, "-q", stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    try:
        os.write(leader, b"tty; stty size; exit 3\n")
        said = b""
        # A terminal that nobody holds any more is an error to read.
        with contextlib.suppress(OSError):
            while chunk := os.read(leader, 4096):
                said += chunk
        assert process.wait() == 3, said
    finally:
        ended(process)
        os.close(leader)
    assert b"/dev/pts/" in said and b"41 107" in said, said


@pytest.mark.needs("script")
def test_its_zone_is_found_where_none_is_given(cloud, machine):
    # A first key would be asked a passphrase for.
    key = "~/.ssh/google_compute_engine"
    cloud.sh(f"mkdir -p ~/.ssh && test -e {key} || ssh-keygen -q -t rsa -N '' -f {key}")
    asked = f"gcloud compute ssh {machine} --command=hostname"
    said = cloud.sh(f"script -qec '{asked}' /dev/null", timeout=60).stdout.splitlines()
    assert any(f"Using zone [{PLACE}]" in line for line in said) and said[-1] == machine
    blind = cloud.sh(asked, check=False)
    assert blind.status == 1 and "Underspecified resource" in blind.output


def test_a_port_of_it_is_forwarded(cloud, machine):
    port = free_port()
    # ssh goes to the background once the port is open, and ends when its command has and nobody is connected.
    cloud.sh(
        f"gcloud compute ssh {machine} {ZONE} -q -- -f -L {port}:localhost:8000 -o ExitOnForwardFailure=yes sleep 3"
        " > /dev/null 2>&1"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert opener.open(f"http://127.0.0.1:{port}/file").read() == b"forwarded\n"


def test_plain_ssh_knows_it_by_the_configuration_that_gcloud_writes(cloud, machine):
    cloud.sh("gcloud compute config-ssh -q --ssh-config-file=ssh-config")
    alias = f"{machine}.{PLACE}.{cloud.project}"
    assert cloud.sh(f"ssh -F ssh-config -o BatchMode=yes {alias} hostname").stdout.strip() == machine


def test_it_has_told_its_host_key(cloud, machine):
    told = cloud.sh(f"gcloud compute instances get-guest-attributes {machine} {ZONE} --query-path=hostkeys/").stdout
    known = cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='sudo cat /.brume-run/hostkey.pub'").stdout
    assert "ssh-ed25519" in told and known.split()[1] in told


def test_its_serial_port_is_followed(cloud, machine):
    process = started(
        cloud, "gcloud", "compute", "instances", "tail-serial-port-output", machine, ZONE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert any("startup-script: up with green" in line for line in process.stdout)
        cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='echo still here | sudo tee /dev/console'")
        assert any("still here" in line for line in process.stdout)
    finally:
        ended(process)


def test_it_is_preempted_and_may_be_started_again(cloud, machine):
    cloud.sh(f"gcloud compute instances simulate-maintenance-event {machine} {ZONE}")
    told = f"gcloud compute instances describe {machine} {ZONE} --format='value(status)'"
    cloud.until(lambda: cloud.sh(told).stdout.strip() == "TERMINATED")
    listed = "gcloud compute operations list --filter=operationType=compute.instances.preempted --format='value(targetLink)'"
    assert f"/instances/{machine}\n" in cloud.sh(listed).stdout
    console = cloud.sh(f"gcloud compute instances get-serial-port-output {machine} {ZONE}").stdout
    assert "shutdown-script: leaves: TRUE" in console
    cloud.sh(f"gcloud compute instances start {machine} {ZONE}")
    ask = "curl -s -H Metadata-Flavor:Google http://metadata.google.internal/computeMetadata/v1/instance/preempted"
    assert cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='{ask}'").stdout == "FALSE"


def test_a_reset_boots_it_anew(cloud, machine):
    def inside(command):
        return cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='{command}'").stdout

    inside("echo kept > ~/kept; sudo touch /run/gone")
    cloud.sh(f"gcloud compute instances reset {machine} {ZONE}")
    assert inside("cat ~/kept; ls /run/gone 2>&1; true").startswith("kept\nls: cannot access")
