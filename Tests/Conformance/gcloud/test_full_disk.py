"""A build that fills the disk is ended before the disk is full, and says so; what else runs goes on."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.needs("gcloud", "dockerd")


@pytest.fixture
def small_disk(new_cloud):
    """A cloud with 3 GiB for all that it has; nobody else fills them."""
    cloud = new_cloud(BRUME_ENGINE="managed")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "tmpfs", cloud.folder], check=True)
    try:
        cloud.home.mkdir()
        yield cloud
    finally:
        try:
            cloud.brume("down", check=False)
        finally:
            subprocess.run(["umount", "--lazy", cloud.folder], check=True)


def config(folder, name, *steps):
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps({"steps": [{"name": "busybox", "script": step} for step in steps]}))
    return path


def test_the_build_that_fills_the_disk_ends_and_the_other_one_goes_on(small_disk, tmp_path):
    cloud = small_disk
    cloud.up()

    def submit(path, flags=""):
        command = f"gcloud builds submit --no-source --config={path} --format='value(id)' {flags}"
        return cloud.sh(command, check=False, timeout=300)

    small = config(tmp_path, "small", "sleep 600")
    innocent = submit(small, "--async").stdout.strip()
    greedy = config(tmp_path, "greedy", "dd if=/dev/zero of=/workspace/much bs=1M count=4000; sleep 600", "echo not reached")
    refused = submit(greedy)
    assert refused.status != 0 and "step was stopped: the disk is nearly full" in refused.output, refused.output
    assert "not reached" not in refused.output

    def status(build):
        return cloud.sh(f"gcloud builds describe {build} --format='value(status)'").stdout.strip()

    assert status(innocent) == "WORKING", "the small build was ended too"
    cloud.sh(f"gcloud builds cancel {innocent}")
    # What the build held is free again, so that the next one runs.
    after = submit(config(tmp_path, "after", "echo there is room"))
    assert after.status == 0 and "there is room" in after.output, after.output
