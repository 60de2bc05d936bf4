"""Reserved addresses: kept while machines come and go, and really leading to them."""

import json

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"
REGION = "--region=europe-west1"


def described(cloud, kind, name, place):
    return json.loads(cloud.sh(f"gcloud compute {kind} describe {name} {place} --format=json").stdout)


@pytest.fixture(scope="module")
def address(cloud):
    cloud.sh(f"gcloud compute addresses create web {REGION} --description=kept")
    yield described(cloud, "addresses", "web", REGION)["address"]
    cloud.sh(f"gcloud compute addresses delete web {REGION} -q")
    assert "web" not in cloud.sh("gcloud compute addresses list").stdout


def test_a_machine_is_reached_at_its_reserved_address_until_it_is_another_ones(cloud, address):
    cloud.sh(f"gcloud compute instances create at-web {ZONE} --address=web")
    try:
        nat = described(cloud, "instances", "at-web", ZONE)["networkInterfaces"][0]
        assert nat["accessConfigs"][0]["natIP"] == address != nat["networkIP"]
        seen = cloud.sh(
            f"gcloud compute ssh ada@at-web {ZONE} -q --command='hostname; curl -s -H Metadata-Flavor:Google"
            " metadata/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip'"
        )
        assert seen.stdout.split()[-2:] == ["at-web", address]
        assert "IN_USE" in cloud.sh("gcloud compute addresses list --filter=name=web").stdout
        refused = cloud.sh(f"gcloud compute addresses delete web {REGION} -q", check=False)
        assert refused.status == 1 and "already being used by" in refused.output
        taken = cloud.sh(f"gcloud compute instances create too-late {ZONE} --address={address}", check=False)
        assert taken.status == 1 and "already in-use" in taken.output

        cloud.sh(f"gcloud compute instances delete-access-config at-web {ZONE} --access-config-name=external-nat")
        assert not described(cloud, "instances", "at-web", ZONE)["networkInterfaces"][0].get("accessConfigs")
        assert described(cloud, "addresses", "web", REGION)["status"] == "RESERVED"
        cloud.sh(f"gcloud compute instances add-access-config at-web {ZONE} --address={address}")
        again = cloud.sh(f"gcloud compute ssh ada@at-web {ZONE} -q --command=hostname")
        assert again.stdout.split()[-1] == "at-web"
    finally:
        cloud.sh(f"gcloud compute instances delete at-web {ZONE} -q")
    assert described(cloud, "addresses", "web", REGION)["status"] == "RESERVED"


def test_internal_addresses_are_given_by_name(cloud):
    cloud.sh(f"gcloud compute addresses create inner {REGION} --subnet=default")
    inner = described(cloud, "addresses", "inner", REGION)
    assert inner["addressType"] == "INTERNAL" and inner["address"].startswith("10.132.")
    cloud.sh(f"gcloud compute addresses delete inner {REGION} -q")
