"""The meter: what it would have cost, from the data folder alone, with and without a running daemon."""

import contextlib
import json
import sqlite3

import pytest

from plain_client import Client


def estimate(cloud, *arguments):
    return json.loads(cloud.brume("bill", "--json", "--estimate", *arguments).stdout)["lines"]


def test_an_estimate_is_the_price_list(new_cloud):
    cloud = new_cloud()
    (line,) = estimate(cloud, "n1-standard-1", "--hours", "1")
    assert line["cost"] == pytest.approx(0.04749975)
    machine, gpu = estimate(cloud, "n1-standard-4", "--hours", "1", "--accelerator", "nvidia-tesla-t4")
    assert machine["cost"] + gpu["cost"] == pytest.approx(0.539999)
    _, disk = estimate(cloud, "e2-medium", "--disk-size", "30", "--hours", "730")
    assert disk["cost"] == pytest.approx(3.0)
    refused = cloud.brume("bill", "--estimate", "e9-none", check=False)
    assert refused.status != 0 and "e9-none" in refused.output


@pytest.mark.needs("gcloud")
def test_an_estimate_is_an_api_as_well(new_cloud):
    cloud = new_cloud()
    cloud.up()

    def rate(amount, unit="1"):
        return {"usageRateTimeline": {"unit": unit, "usageRateTimelineEntries": [{"usageRate": amount}]}}

    vm = {
        "region": "europe-west1", "instancesRunning": rate(2),
        "machineType": {"predefinedMachineType": {"machineType": "n1-standard-1"}},
        "persistentDisks": [{"diskType": "pd-ssd", "diskSize": rate(50, "GiBy")}],
    }  # fmt: skip
    body = {"costScenario": {
        "scenarioConfig": {"estimateDuration": f"{730 * 3600}s"},
        "workloads": [{"name": "two machines", "computeVmWorkload": vm}],
    }}  # fmt: skip
    path = "/cloudbilling/v1beta:estimateCostScenario"
    status, answer = Client(cloud).call("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert status == 200, answer
    (month,) = json.loads(answer)["costEstimationResult"]["segmentCostEstimates"]
    net = month["segmentTotalCostEstimate"]["netCostEstimate"]
    machine, disk = estimate(cloud, "n1-standard-1", "--region", "europe-west1", "--disk-size", "50", "--disk-type", "pd-ssd")
    assert machine["cost"] == pytest.approx(26.70, abs=0.005)
    assert int(net["units"]) + net["nanos"] / 1e9 == pytest.approx(2 * (machine["cost"] + disk["cost"]))


@pytest.mark.needs("gcloud")
def test_the_bill_survives_the_daemon(new_cloud):
    cloud = new_cloud()
    nothing = cloud.brume("bill", check=False)
    assert nothing.status != 0 and "brume up" in nothing.output
    cloud.up()
    assert json.loads(cloud.brume("bill", "--json").stdout)["lines"] == []
    (cloud.folder / "file").write_bytes(b"x" * 4096)
    cloud.sh("gcloud storage buckets create gs://billed --location=europe-west1 && gcloud storage cp file gs://billed/")
    cloud.sh("gcloud compute disks create d --zone=europe-west1-b --size=100GB --type=pd-ssd")
    cloud.kill()
    lines = json.loads(cloud.brume("bill", "--json").stdout)["lines"]
    assert {line["resource"] for line in lines} == {"disks/d (europe-west1-b)", "buckets/billed"}
    assert all(line["cost"] > 0 for line in lines)


@pytest.mark.needs("gcloud")
def test_a_machine_costs_while_it_runs_and_its_disk_and_address_after_it(new_cloud):
    cloud = new_cloud()
    cloud.up()
    zone = "--zone=europe-west1-b"
    cloud.sh(
        f"gcloud compute instances create cheap {zone} --machine-type=e2-medium --provisioning-model=SPOT"
        " && gcloud compute addresses create idle --region=europe-west1"
    )

    def bill():
        lines = json.loads(cloud.brume("bill", "--json").stdout)["lines"]
        assert all(line["cost"] > 0 for line in lines)
        return {(line["resource"].split()[0], line["item"]): line["amount"] for line in lines}

    running = bill()
    assert set(running) == {
        ("instances/cheap", "e2-medium (Spot)"), ("instances/cheap", "external IPv4"),
        ("disks/cheap", "pd-balanced"), ("addresses/idle", "reserved IPv4"),
    }  # fmt: skip
    cloud.sh(f"gcloud compute instances stop cheap {zone}")
    # As if all that was long ago: a machine costs a minute at the least, of whatever part it ran.
    with contextlib.closing(sqlite3.connect(cloud.data / "brume.sqlite")) as database, database:
        database.execute("UPDATE computeUsage SET started = started - 3600, ended = ended - 600")
    first, second = bill(), bill()
    goes_on = {line for line in first if second[line] > first[line]}
    assert goes_on == {("disks/cheap", "pd-balanced"), ("addresses/idle", "reserved IPv4")}
    assert first["instances/cheap", "e2-medium (Spot)"] == pytest.approx(50 / 60, abs=0.02)
