"""Many machines at once: templates, bulk creation, managed groups."""

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd"), pytest.mark.compute]
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


def test_quotas_are_shown_and_hold(cloud):
    metadata = "gcloud compute project-info"
    show = "--flatten=quotas --format='value(quotas.metric,quotas.usage,quotas.limit)'"

    def quota(described, metric):
        lines = [line.split() for line in described.stdout.splitlines()]
        return next([float(line[1]), float(line[2])] for line in lines if line and line[0] == metric)

    assert quota(cloud.sh(f"{metadata} describe {show}"), "NETWORKS")[0] >= 1
    region = f"gcloud compute regions describe australia-southeast1 {show}"
    assert quota(cloud.sh(region), "DISKS_TOTAL_GB")[0] == 0
    place = "--zone=australia-southeast1-a"
    cloud.sh(f"{metadata} add-metadata --metadata=brume-quota-DISKS_TOTAL_GB=1000,brume-quota-INSTANCES=0")
    try:
        cloud.sh(f"gcloud compute disks create within --size=600GB --type=pd-standard {place}")
        assert quota(cloud.sh(region), "DISKS_TOTAL_GB") == [600, 1000]
        refused = cloud.sh(f"gcloud compute disks create beyond --size=600GB --type=pd-standard {place}", check=False)
        assert refused.status == 1
        assert "Quota 'DISKS_TOTAL_GB' exceeded.  Limit: 1000.0 in region australia-southeast1." in refused.output
        refused = cloud.sh(f"gcloud compute instances create beyond {place} {IMAGE}", check=False)
        assert refused.status == 1
        assert "Quota 'INSTANCES' exceeded.  Limit: 0.0 in region australia-southeast1." in refused.output
        listed = cloud.sh("gcloud compute disks list --format='value(name)'").stdout.split()
        assert "within" in listed and "beyond" not in listed
    finally:
        cloud.sh(f"{metadata} remove-metadata --keys=brume-quota-DISKS_TOTAL_GB,brume-quota-INSTANCES")
    cloud.sh(f"gcloud compute disks delete within -q {place}")
