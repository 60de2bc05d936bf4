"""Machines made of a container's image, which need not have an ssh server, a shell user or sudo."""

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"


@pytest.fixture(scope="module")
def machine(cloud):
    name = "vm-container"
    cloud.sh(
        f"gcloud compute instances create-with-container {name} {ZONE} --container-image=busybox"
        " --container-command=sleep --container-arg=100000 --container-env=MODE=first"
        " --create-disk=name=data,size=10,auto-delete=yes --container-mount-disk=name=data,mount-path=/data"
        " --container-mount-tmpfs=mount-path=/scratch"
    )
    yield name
    cloud.sh(f"gcloud compute instances delete {name} {ZONE} -q")


def ssh(cloud, machine, command, flags="", check=True):
    return cloud.sh(f"gcloud compute ssh ada@{machine} {ZONE} -q {flags} --command='{command}'", check=check)


def test_its_container_is_entered_as_its_root(cloud, machine):
    inside = ssh(cloud, machine, "id -u; hostname -f; echo mode $MODE", f"--container={machine}").stdout.split("\n")
    assert inside[-4:-1] == ["0", f"{machine}.europe-west1-b.c.{cloud.project}.internal", "mode first"]
    assert ssh(cloud, machine, "sudo docker ps").stdout.split()[-1] == machine
    mounts = ssh(cloud, machine, "grep -E \" /(data|scratch) \" /proc/mounts", f"--container={machine}").stdout
    assert sorted(line.split()[1] for line in mounts.splitlines()) == ["/data", "/scratch"] and "tmpfs /scratch" in mounts
    other = ssh(cloud, machine, "id -u", "--container=other", check=False)
    assert other.status == 1 and "No such container: other" in other.output


def test_another_declaration_is_another_container_behind_the_same_host_key(cloud, machine):
    ssh(cloud, machine, "touch /first", f"--container={machine}")
    cloud.sh(f"gcloud compute instances update-container {machine} {ZONE} --container-env=MODE=second")
    after = ssh(cloud, machine, "echo mode $MODE; ls /first", f"--container={machine}", check=False)
    assert after.stdout.strip() == "mode second" and "No such file" in after.output
    assert "HOST IDENTIFICATION HAS CHANGED" not in after.output


def test_an_image_that_is_not_there_is_named_and_leaves_nothing(cloud):
    image = f"gcr.io/{cloud.project}/none"
    refused = cloud.sh(
        f"gcloud compute instances create-with-container vm-none {ZONE} --container-image={image}", check=False
    )
    assert refused.status == 1 and image in refused.output
    left = "--filter=name=vm-none --format='value(name)'"
    assert cloud.sh(f"gcloud compute instances list {left}; gcloud compute disks list {left}").stdout == ""


def test_a_machine_of_a_bare_python_image_is_entered(cloud):
    create = f"gcloud compute instances create-with-container vm-python {ZONE} --container-image=python:3.11-slim"
    cloud.sh(create, timeout=1200)
    try:
        # Its image has no ssh server.
        asked = 'python -c "import sys; print(sys.version_info[:2])"'
        assert ssh(cloud, "vm-python", asked).stdout.splitlines()[-1] == "(3, 11)"
    finally:
        cloud.sh(f"gcloud compute instances delete vm-python {ZONE} -q")
