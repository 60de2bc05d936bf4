"""Many machines at once: templates, bulk creation, managed groups."""

import pytest

pytestmark = pytest.mark.needs("gcloud", "dockerd")
ZONE = "--zone=europe-west1-b"
IMAGE = "--image-family=debian-12 --image-project=debian-cloud"


def names(cloud, prefix):
    listed = cloud.sh("gcloud compute instances list --format='value(name,status)'").stdout
    lines = [line.split() for line in listed.splitlines()]
    return {name: status for name, status in lines if name.startswith(prefix)}


def test_many_machines_are_made_by_one_command(cloud):
    cloud.sh(
        f"gcloud compute instances bulk create --name-pattern=many-# --count=3 --machine-type=e2-micro {ZONE} {IMAGE}",
        timeout=1200,
    )
    assert names(cloud, "many-") == {f"many-{n}": "RUNNING" for n in (1, 2, 3)}
    cloud.sh(f"gcloud compute instances delete many-1 many-2 many-3 {ZONE} -q")


def test_a_group_keeps_its_size(cloud):
    cloud.sh(f"gcloud compute instance-templates create worker --machine-type=e2-micro --tags=work {IMAGE}")
    assert "worker" in cloud.sh("gcloud compute instance-templates list").stdout
    group = "gcloud compute instance-groups managed"
    cloud.sh(f"{group} create pool --base-instance-name=pool --size=2 --template=worker {ZONE}")
    cloud.sh(f"{group} wait-until pool --stable {ZONE}", timeout=120)
    before = names(cloud, "pool-")
    assert len(before) == 2 and set(before.values()) == {"RUNNING"}
    assert "pool" in cloud.sh(f"{group} list").stdout

    # One that is deleted by hand comes back under its name.
    lost = sorted(before)[0]
    cloud.sh(f"gcloud compute instances delete {lost} {ZONE} -q")
    cloud.sh(f"{group} wait-until pool --stable {ZONE}", timeout=120)
    assert names(cloud, "pool-") == before

    in_use = cloud.sh("gcloud compute instance-templates delete worker -q", check=False)
    assert in_use.status == 1 and "already being used by" in in_use.output
    cloud.sh(f"{group} delete pool {ZONE} -q")
    assert names(cloud, "pool-") == {}
    cloud.sh(f"gcloud compute instances create single --source-instance-template=worker {ZONE}")
    described = cloud.sh(f"gcloud compute instances describe single {ZONE} --format='value(tags.items)'").stdout
    assert described.strip() == "work"
    cloud.sh(f"gcloud compute instances delete single {ZONE} -q")
    cloud.sh("gcloud compute instance-templates delete worker -q")
