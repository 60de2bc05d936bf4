"""Machines that are started ahead of the next instance, on the real engine."""

import re

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-c"


def containers(cloud, name):
    """Those that run, by their names, with their identifiers."""
    listed = cloud.sh(
        f"docker -H unix://{cloud.data}/run/engine/docker.sock ps --no-trunc --filter name=^/{name}"
        " --format '{{.Names}} {{.ID}}'"
    )
    return dict(line.split() for line in listed.stdout.splitlines())


def ahead(cloud, network):
    """The zone's machines in a network that run and are ready, as the daemon's log tells; nobody's yet."""
    kind = rf"network={re.escape(network)} workload=(spare-\d+) zone={ZONE.removeprefix('--zone=')} "
    ready = set(re.findall(kind + ".*a spare machine is ready", cloud.log()))
    return {name: number for name, number in containers(cloud, "spare-").items() if name in ready}


def inside(cloud, name, command):
    return cloud.sh(f"gcloud compute ssh {name} {ZONE} -q --command='{command}'").stdout


def test_the_next_instance_gets_the_machine_that_was_started_ahead(cloud):
    cloud.sh(f"gcloud compute instances create spare-a {ZONE} --machine-type=e2-small")
    cloud.until(lambda: ahead(cloud, f"vpc-{cloud.project}"))
    spare = set(ahead(cloud, f"vpc-{cloud.project}").values())
    cloud.sh(f"gcloud compute instances create spare-b {ZONE} --machine-type=e2-medium --metadata=colour=green")
    number = cloud.sh(f"gcloud compute instances describe spare-b {ZONE} --format='value(id)'").stdout.strip()
    assert set(containers(cloud, f"instance-{number}").values()) <= spare

    full = f"spare-b.europe-west1-c.c.{cloud.project}.internal"
    metadata = "curl -s -H Metadata-Flavor:Google metadata.google.internal/computeMetadata/v1/instance"
    seen = inside(
        cloud, "spare-b", f"hostname; hostname -f; hostnamectl hostname; cat /etc/hostname; {metadata}/attributes/colour"
    ).split()
    assert seen[-5:] == ["spare-b", full, "spare-b", "spare-b", "green"]
    # Neighbours find it by its name, and the name lasts.
    assert inside(cloud, "spare-a", "getent hosts spare-b").split()[-1] == full
    address = inside(cloud, "spare-b", "hostname -i").split()[-1]
    told = inside(cloud, "spare-a", f"cat /etc/resolv.conf; getent hosts {address}").split()
    assert told[-1] == full and told[-3] == "169.254.169.254"
    cloud.sh(f"gcloud compute instances stop spare-b {ZONE}")
    cloud.sh(f"gcloud compute instances start spare-b {ZONE}")
    assert inside(cloud, "spare-b", "hostname; hostname -f; ! grep spare-[0-9] /etc/hosts").split()[-2:] == ["spare-b", full]
    cloud.sh(f"gcloud compute instances delete spare-a spare-b {ZONE} -q")


def test_a_network_is_deleted_whose_machines_were_started_ahead(cloud):
    cloud.sh("gcloud compute networks create spare-net --subnet-mode=auto")
    cloud.sh(f"gcloud compute instances create spare-c {ZONE} --network=spare-net")
    cloud.sh(f"gcloud compute instances delete spare-c {ZONE} -q")
    cloud.until(lambda: ahead(cloud, f"vpc-{cloud.project}.spare-net"))
    cloud.sh("gcloud compute networks delete spare-net -q")
