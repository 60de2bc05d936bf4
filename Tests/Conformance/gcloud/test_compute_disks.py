"""Disks that come and go, images and snapshots that boot, firewall rules that hold."""

import socket

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"


def inside(cloud, name, command, check=True):
    return cloud.sh(f"gcloud compute ssh {name} {ZONE} -q --command='{command}'", check=check)


def status(cloud, name):
    return cloud.sh(f"gcloud compute instances describe {name} {ZONE} --format='value(status)'").stdout.strip()


def address_of(cloud, name):
    field = "networkInterfaces[0].networkIP"
    return cloud.sh(f"gcloud compute instances describe {name} {ZONE} --format='value({field})'").stdout.strip()


def plain_ssh(cloud, address, command):
    """As ``inside``, without gcloud's second, once gcloud has brought its key there."""
    key = "-i ~/.ssh/google_compute_engine -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    return cloud.sh(f"ssh -q {key} {address} '{command}'", check=False)


@pytest.fixture(scope="module")
def machine(cloud):
    name = "vm-disks"
    cloud.sh(
        f"gcloud compute instances create {name} {ZONE} --machine-type=e2-small "
        "--image-family=debian-12 --image-project=debian-cloud",
        timeout=1200,
    )
    yield name
    cloud.sh(f"gcloud compute instances delete {name} {ZONE} -q", check=False)


def test_a_disk_is_attached_written_snapshotted_and_detached(cloud, machine):
    cloud.sh(f"gcloud compute disks create data {ZONE} --size=10GB")
    cloud.sh(f"gcloud compute instances attach-disk {machine} --disk=data --device-name=data {ZONE}")
    inside(cloud, machine, "echo on-the-disk | sudo tee /mnt/disks/data/file")
    cloud.sh(f"gcloud compute disks snapshot data --snapshot-names=of-data {ZONE}")
    cloud.sh(f"gcloud compute instances detach-disk {machine} --disk=data {ZONE}")
    # Not even the folder stays, in which data would go to the boot disk.
    assert inside(cloud, machine, "ls /mnt/disks").stdout == ""

    cloud.sh(f"gcloud compute disks create copy {ZONE} --source-snapshot=of-data")
    cloud.sh(f"gcloud compute instances attach-disk {machine} --disk=copy --mode=ro --device-name=copy {ZONE}")
    read = inside(cloud, machine, "cat /mnt/disks/copy/file; echo no | sudo tee /mnt/disks/copy/file", check=False)
    assert "on-the-disk" in read.stdout and "Read-only" in read.output
    in_use = cloud.sh(f"gcloud compute disks delete copy {ZONE} -q", check=False)
    assert in_use.status == 1 and f"instances/{machine}" in in_use.output
    cloud.sh(f"gcloud compute instances detach-disk {machine} --disk=copy {ZONE}")
    cloud.sh(f"gcloud compute disks delete data copy {ZONE} -q")
    cloud.sh("gcloud compute snapshots delete of-data -q")


def test_a_machine_is_suspended_and_resumed(cloud, machine):
    started = inside(cloud, machine, "cut -d. -f1 /proc/uptime; sudo stat -c %Y /proc/1").stdout.split()[-1]
    cloud.sh(f"gcloud compute instances suspend {machine} {ZONE}")
    assert status(cloud, machine) == "SUSPENDED"
    address = cloud.sh(
        f"gcloud compute instances describe {machine} {ZONE} --format='value(networkInterfaces[0].networkIP)'"
    ).stdout.strip()
    # Nobody answers, as where nobody is: 124 is timeout's own; a refusal would be 1.
    assert cloud.sh(f"timeout 2 bash -c '</dev/tcp/{address}/22'", check=False).status == 124
    cloud.sh(f"gcloud compute instances resume {machine} {ZONE}")
    assert inside(cloud, machine, "sudo stat -c %Y /proc/1").stdout.split()[-1] == started


def test_an_image_of_a_machine_boots_as_another_machine(cloud, machine):
    inside(cloud, machine, "echo installed | sudo tee /opt/software")
    make = f"gcloud compute images create trained --source-disk={machine} --source-disk-{ZONE[2:]} --family=lab"
    refused = cloud.sh(make, check=False)
    assert refused.status == 1 and "already being used by" in refused.output
    cloud.sh(make + " --force")
    assert "trained" in cloud.sh("gcloud compute images list --no-standard-images --format='value(name)'").stdout
    cloud.sh(f"gcloud compute instances create vm-copy {ZONE} --image-family=lab --machine-type=e2-small")
    assert inside(cloud, "vm-copy", "cat /opt/software; hostname").stdout.split() == ["installed", "vm-copy"]
    keys = [inside(cloud, name, "sudo cat /.brume-run/hostkey.pub").stdout for name in (machine, "vm-copy")]
    assert keys[0] != keys[1]

    # What a stopped machine's disk holds is copied without being asked twice.
    inside(cloud, "vm-copy", "echo kept | sudo tee /opt/kept")
    cloud.sh(f"gcloud compute instances stop vm-copy {ZONE}")
    cloud.sh(f"gcloud compute images create of-stopped --source-disk=vm-copy --source-disk-{ZONE[2:]}")
    cloud.sh(f"gcloud compute disks snapshot vm-copy --snapshot-names=of-boot {ZONE}")
    cloud.sh(f"gcloud compute instances create vm-again {ZONE} --source-snapshot=of-boot --machine-type=e2-small")
    assert inside(cloud, "vm-again", "cat /opt/kept; hostname").stdout.split() == ["kept", "vm-again"]
    cloud.sh("gcloud compute snapshots delete of-boot -q")

    # The boot disk outlives its machine, and another machine goes on with it.
    cloud.sh(f"gcloud compute instances delete vm-copy {ZONE} -q --keep-disks=boot")
    cloud.sh(f"gcloud compute instances create vm-next {ZONE} --disk=name=vm-copy,boot=yes,auto-delete=yes")
    assert inside(cloud, "vm-next", "cat /opt/kept").stdout.strip() == "kept"
    cloud.sh(f"gcloud compute instances delete vm-next vm-again {ZONE} -q")
    cloud.sh("gcloud compute images delete trained of-stopped -q")


def test_a_program_that_takes_more_memory_than_the_machine_has_is_killed(cloud, machine):
    asked = """sudo python3 -c "len(bytes([1]) * (3 << 30))"; exit $?"""
    assert inside(cloud, machine, asked, check=False).status == 137
    engine = f"docker -H unix://{cloud.data}/run/engine/docker.sock"
    number = cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format='value(id)'").stdout.strip()
    limit = cloud.sh(f"{engine} inspect --format='{{{{.HostConfig.Memory}}}}' instance-{number}").stdout
    assert int(limit) == 2 << 30


def test_a_port_is_shut_until_a_rule_opens_it(cloud, machine):
    address = cloud.sh(
        f"gcloud compute instances describe {machine} {ZONE} --format='value(networkInterfaces[0].accessConfigs[0].natIP)'"
    ).stdout.strip()
    inside(cloud, machine, "sudo systemd-run --unit=served python3 -m http.server 8888")

    def answers():
        try:
            socket.create_connection((address, 8888), timeout=2).close()
            return True
        except TimeoutError:
            return False

    assert not answers()
    cloud.sh("gcloud compute firewall-rules create open-8888 --allow=tcp:8888 --target-tags=served")
    assert not answers()
    cloud.sh(f"gcloud compute instances add-tags {machine} --tags=served {ZONE}")
    assert answers()
    cloud.sh("gcloud compute firewall-rules update open-8888 --disabled")
    assert not answers()
    cloud.sh("gcloud compute firewall-rules delete open-8888 -q")


def test_the_default_network_lets_neighbours_in_and_this_computer_out(cloud, machine):
    serve = "nohup python3 -m http.server 8080 > /dev/null 2>&1 &"
    cloud.sh(
        f"gcloud compute instances create vm-near {ZONE} --machine-type=e2-small --metadata=startup-script='{serve}'"
        " --image-family=debian-12 --image-project=debian-cloud"
    )
    rule = "gcloud compute firewall-rules create near"
    try:
        near = address_of(cloud, "vm-near")
        inside(cloud, machine, f"ping -c 1 -W 5 {near} && curl -sS --retry 20 --retry-connrefused http://{near}:8080")
        fetch = f"curl -sS -o /dev/null -w %{{http_code}} --connect-timeout 1 http://{near}:8080"
        address = address_of(cloud, machine)

        def answers():
            said = plain_ssh(cloud, address, fetch)
            return {(0, "200"): True, (28, "000"): False}[said.status, said.stdout]

        assert answers()
        assert cloud.sh(f"NO_PROXY={near} {fetch}", check=False).status == 28
        cloud.sh(f"{rule}-not --action=deny --rules=tcp:8080 --priority=900")
        assert not answers()
        cloud.sh(f"{rule}-tagged --allow=tcp:8080 --priority=800 --source-tags=caller")
        assert not answers()
        cloud.sh(f"gcloud compute instances add-tags {machine} --tags=caller {ZONE}")
        assert answers()
        cloud.sh(f"{rule}-out --direction=egress --action=deny --rules=tcp:8080 --target-tags=caller")
        assert not answers()
    finally:
        cloud.sh("gcloud compute firewall-rules delete near-not near-tagged near-out -q", check=False)
        cloud.sh(f"gcloud compute instances delete vm-near {ZONE} -q")


def test_a_network_of_ones_own_has_ones_own_range(cloud):
    cloud.sh("gcloud compute networks create lab --subnet-mode=custom")
    cloud.sh("gcloud compute networks subnets create lab-1 --network=lab --region=europe-west1 --range=192.168.203.0/24")
    assert "192.168.203.0/24" in cloud.sh("gcloud compute networks subnets list --network=lab").stdout
    routes = cloud.sh("gcloud compute routes list --filter=network=lab --format='value(name,destRange)'").stdout
    lines = [line.split() for line in routes.splitlines()]
    assert {target for _, target in lines} == {"0.0.0.0/0", "192.168.203.0/24"}
    assert lines[0][1] in cloud.sh(f"gcloud compute routes describe {lines[0][0]}").stdout
    cloud.sh("gcloud compute firewall-rules create lab-ssh --network=lab --allow=tcp:22,tcp:80")
    cloud.sh(f"gcloud compute instances create vm-lab {ZONE} --subnet=lab-1 --machine-type=e2-micro --image-family=debian-12 --image-project=debian-cloud")
    assert inside(cloud, "vm-lab", "hostname -I").stdout.startswith("192.168.203.")
    # A machine in another region's subnetwork is reached by its address and its name, and sees who calls.
    cloud.sh("gcloud compute networks subnets create lab-2 --network=lab --region=us-central1 --range=192.168.204.0/24")
    far = "--zone=us-central1-a"
    (cloud.folder / "serve.sh").write_text("#!/bin/bash\ncd /srv && nohup python3 -m http.server 80 > /tmp/calls 2>&1 &\n")
    cloud.sh(
        f"gcloud compute instances create vm-far {far} --subnet=lab-2 --machine-type=e2-micro --image-family=debian-12"
        " --image-project=debian-cloud --metadata-from-file=startup-script=serve.sh"
    )
    name = f"vm-far.us-central1-a.c.{cloud.project}.internal"
    inside(cloud, "vm-lab", f"curl -sS --fail --retry 20 --retry-delay 1 --retry-connrefused http://{name}/")
    calls = cloud.sh(f"gcloud compute ssh vm-far {far} -q --command='cat /tmp/calls'").stdout
    assert "192.168.203." in calls and "GET / " in calls
    cloud.sh(f"gcloud compute instances delete vm-far {far} -q")
    cloud.sh("gcloud compute networks subnets delete lab-2 --region=us-central1 -q")
    in_use = cloud.sh("gcloud compute networks delete lab -q", check=False)
    assert in_use.status == 1 and "already being used by" in in_use.output
    cloud.sh(f"gcloud compute instances delete vm-lab {ZONE} -q")
    cloud.sh("gcloud compute firewall-rules delete lab-ssh -q")
    cloud.sh("gcloud compute networks subnets delete lab-1 --region=europe-west1 -q")
    cloud.sh("gcloud compute networks delete lab -q")
