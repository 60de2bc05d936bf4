"""Machines with a kernel of their own, under QEMU: chosen by a label, and otherwise like any other."""

import os
import pathlib

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh", "qemu-system-x86_64"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"


def inside(cloud, command, check=True):
    return cloud.sh(f"gcloud compute ssh ada@own {ZONE} -q --command='{command}'", check=check)


def status(cloud):
    return cloud.sh(f"gcloud compute instances describe own {ZONE} --format='value(status)'").stdout.strip()


@pytest.fixture(scope="module")
def machine(cloud):
    cloud.sh(
        f"gcloud compute instances create own {ZONE} --labels=brume-engine=qemu --machine-type=e2-small"
        " --metadata=startup-script='echo started-up'",
        timeout=1200,
    )
    yield
    cloud.sh(f"gcloud compute instances delete own {ZONE} -q")


def test_a_machine_boots_a_kernel_of_its_own_and_takes_ssh(cloud, machine):
    seen = inside(
        cloud,
        "echo seen; uname -r; hostname; sudo id -u; cat /proc/meminfo | head -n 1;"
        " curl -s -H Metadata-Flavor:Google metadata.google.internal/computeMetadata/v1/instance/name",
    ).stdout.split()
    seen = seen[seen.index("seen") + 1 :]
    with open("/proc/sys/kernel/osrelease") as release:
        assert seen[0] != release.read().strip() and "cloud" in seen[0]
    assert seen[1:3] == ["own", "0"] and seen[-1] == "own"
    assert 1800000 < int(seen[seen.index("MemTotal:") + 1]) < 2100000
    port = f"gcloud compute instances get-serial-port-output own {ZONE}"
    cloud.until(lambda: "Finished running startup scripts." in cloud.sh(port).stdout)
    assert "startup-script: started-up" in cloud.sh(port).stdout
    assert "startup-script exit status 0" in inside(cloud, "sudo journalctl -u google-startup-scripts").stdout


def test_its_files_and_its_disks_stay_and_its_firewall_holds(cloud, machine):
    cloud.sh(f"gcloud compute disks create own-data {ZONE} --size=10GB")
    cloud.sh(f"gcloud compute instances attach-disk own --disk=own-data --device-name=own-data {ZONE}")
    inside(cloud, "echo kept | sudo tee /mnt/disks/own-data/file /home/ada/file")
    address = cloud.sh(
        f"gcloud compute instances describe own {ZONE} --format='value(networkInterfaces[0].networkIP)'"
    ).stdout.strip()
    serve = "nohup python3 -m http.server 8081 --directory /mnt/disks/own-data > /dev/null 2>&1 &"
    inside(cloud, f"sudo sh -c \"{serve}\"")
    page = f"-sS -m 5 http://{address}:8081/file"
    fetch = f"curl --retry 20 --retry-connrefused --retry-delay 1 {page}"
    assert cloud.sh(f"curl {page}", check=False, environment={"no_proxy": "*"}).status != 0
    cloud.sh("gcloud compute firewall-rules create own-web --allow=tcp:8081")
    try:
        assert cloud.sh(fetch, environment={"no_proxy": "*"}).stdout == "kept\n"
    finally:
        cloud.sh("gcloud compute firewall-rules delete own-web -q")

    cloud.sh(f"gcloud compute instances stop own {ZONE}")
    assert status(cloud) == "TERMINATED"
    cloud.sh(f"gcloud compute instances set-machine-type own {ZONE} --machine-type=e2-medium")
    cloud.sh(f"gcloud compute instances start own {ZONE}")
    seen = inside(cloud, "cat /home/ada/file /mnt/disks/own-data/file; head -n 1 /proc/meminfo").stdout.split()
    assert seen[:2] == ["kept", "kept"] and int(seen[3]) > 3800000


def test_it_comes_back_after_a_reboot_inside_and_outlives_the_daemon_and_the_engine(cloud, machine):
    def boot():
        return inside(cloud, "cat /proc/sys/kernel/random/boot_id /home/ada/file /mnt/disks/own-data/file", check=False).stdout

    before = boot().split()
    asked = inside(cloud, "sudo reboot", check=False)
    assert "ailed" not in asked.output
    cloud.until(lambda: boot().split()[1:] == ["kept", "kept"] and boot().split()[0] != before[0], 180)
    after = boot()
    assert status(cloud) == "RUNNING"

    # It ends with neither: the same boot goes on.
    def engine():
        return int(pathlib.Path(cloud.data, "run/engine/docker.pid").read_text())

    def goes_on():
        return cloud.sh("docker ps", check=False).status == 0 and status(cloud) == "RUNNING" and boot() == after

    process = engine()
    cloud.kill()
    os.kill(process, 9)
    cloud.up()
    cloud.until(goes_on, 120)
    os.kill(engine(), 9)
    cloud.until(goes_on, 120)


def test_it_is_off_when_it_was_switched_off_inside(cloud, machine):
    asked = inside(cloud, "sudo shutdown -h now", check=False)
    assert "ailed" not in asked.output
    cloud.until(lambda: status(cloud) == "TERMINATED")


def test_another_engine_is_refused(cloud):
    refused = cloud.sh(f"gcloud compute instances create no {ZONE} --labels=brume-engine=xen", check=False)
    assert refused.status == 1 and "runs on 'docker' or on 'qemu'" in refused.output
