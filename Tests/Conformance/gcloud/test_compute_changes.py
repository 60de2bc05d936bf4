"""What is changed of instances that are there; on the simulated engine, for nothing needs to run."""

import json
import re
from datetime import datetime, timedelta

import pytest

pytestmark = pytest.mark.needs("gcloud")
ZONE = "--zone=europe-west1-b"
IMAGE = "--image-family=debian-12 --image-project=debian-cloud"


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """A cloud whose machines are only played."""
    from conftest import Cloud

    cloud = Cloud(tmp_path_factory.mktemp("rehearsal"), {"BRUME_ENGINE": "simulated"})
    try:
        cloud.up()
        yield cloud
    finally:
        cloud.brume("down", check=False)


def show(cloud, what, field):
    return cloud.sh(f"gcloud compute {what} --format='value({field})'").stdout.strip()


def test_an_instance_gets_another_name(rehearsal):
    rehearsal.sh(f"gcloud compute instances create before {ZONE} {IMAGE}")
    running = rehearsal.sh(f"gcloud compute instances set-name before --new-name=after {ZONE}", check=False)
    assert running.status == 1 and "must be TERMINATED" in running.output
    number = show(rehearsal, f"instances describe before {ZONE}", "id")
    rehearsal.sh(f"gcloud compute instances stop before {ZONE}")
    rehearsal.sh(f"gcloud compute instances set-name before --new-name=after {ZONE}")
    assert show(rehearsal, f"instances describe after {ZONE}", "id") == number
    assert show(rehearsal, f"disks describe before {ZONE}", "users[0].basename()") == "after"
    rehearsal.sh(f"gcloud compute instances start after {ZONE}")
    assert show(rehearsal, "instances list", "name,status").split() == ["after", "RUNNING"]
    rehearsal.sh(f"gcloud compute instances delete after {ZONE} -q")


def test_an_instance_is_updated_by_flags_and_by_a_file(rehearsal):
    update = f"gcloud compute instances update vm {ZONE}"
    rehearsal.sh(f"gcloud compute instances create vm {ZONE} {IMAGE}")
    rehearsal.sh(f"{update} --update-labels=team=red --deletion-protection")
    assert show(rehearsal, f"instances describe vm {ZONE}", "labels.team,deletionProtection").split() == ["red", "True"]
    rehearsal.sh(f"{update} --no-deletion-protection --shielded-learn-integrity-policy")
    refused = rehearsal.sh(f"{update} --shielded-vtpm", check=False)
    assert refused.status == 1 and "must be TERMINATED" in refused.output
    rehearsal.sh(
        f"gcloud compute instances update-access-config vm {ZONE} --public-ptr --public-ptr-domain=vm.example.com."
    )
    assert show(
        rehearsal, f"instances describe vm {ZONE}", "networkInterfaces[0].accessConfigs[0].publicPtrDomainName"
    ) == ("vm.example.com.")

    send = f"gcloud compute instances update-from-file vm {ZONE} --source=vm.yaml"
    rehearsal.sh(f"gcloud compute instances export vm {ZONE} --destination=vm.yaml")
    rehearsal.sh(send)
    rehearsal.sh(f"gcloud compute instances export vm {ZONE} --destination=vm.yaml")
    rehearsal.sh("sed -i 's,machineTypes/[-a-z0-9]*,machineTypes/n1-standard-2,; s,team: red,team: blue,' vm.yaml")
    refused = rehearsal.sh(send, check=False)
    assert refused.status == 1 and "RESTART" in refused.output
    rehearsal.sh(f"{send} --most-disruptive-allowed-action=RESTART")
    described = show(rehearsal, f"instances describe vm {ZONE}", "machineType.basename(),labels.team,status")
    assert described.split() == ["n1-standard-2", "blue", "RUNNING"]
    stale = rehearsal.sh(send, check=False)
    assert stale.status == 1 and "fingerprint" in stale.output

    rehearsal.sh(f"gcloud compute instances stop vm {ZONE}")
    rehearsal.sh(f"{update} --min-cpu-platform='Intel Skylake' --enable-display-device --shielded-vtpm")
    fields = "minCpuPlatform,displayDevice.enableDisplay,shieldedInstanceConfig.enableVtpm"
    assert show(rehearsal, f"instances describe vm {ZONE}", fields).split("\t") == ["Intel Skylake", "True", "True"]
    rehearsal.sh(f"gcloud compute instances delete vm {ZONE} -q")


def test_a_role_on_one_instance_decides(rehearsal):
    rehearsal.sh("gcloud iam service-accounts create operator")
    email = f"operator@{rehearsal.project}.iam.gserviceaccount.com"
    me = rehearsal.sh("gcloud config get-value account").stdout.strip()
    rehearsal.sh(
        f"gcloud iam service-accounts add-iam-policy-binding {email} --member=serviceAccount:{me}"
        " --role=roles/iam.serviceAccountTokenCreator"
    )
    rehearsal.sh(f"gcloud compute instances create mine theirs {ZONE} {IMAGE}")
    rehearsal.sh(
        f"gcloud compute instances add-iam-policy-binding mine {ZONE} --member=serviceAccount:{email}"
        " --role=roles/compute.instanceAdmin.v1"
    )
    assert email in rehearsal.sh(f"gcloud compute instances get-iam-policy mine {ZONE}").stdout

    def describe(instance):
        path = f"projects/{rehearsal.project}/zones/europe-west1-b/instances/{instance}"
        return rehearsal.sh(
            f"curl -s -w '%{{http_code}}' -o /dev/null https://compute.googleapis.com/compute/v1/{path}"
            f" -H \"Authorization: Bearer $(gcloud auth print-access-token --impersonate-service-account={email})\""
        ).stdout

    assert describe("mine") == "200" and describe("theirs") == "403"
    rehearsal.sh(
        f"gcloud compute instances remove-iam-policy-binding mine {ZONE} --member=serviceAccount:{email}"
        " --role=roles/compute.instanceAdmin.v1"
    )
    assert describe("mine") == "403"
    rehearsal.sh(f"gcloud compute instances delete mine theirs {ZONE} -q")


def test_many_instances_are_made_in_a_region(rehearsal):
    rehearsal.sh(
        "gcloud compute instances bulk create --name-pattern=many-# --count=2 --region=europe-west1"
        f" --location-policy=europe-west1-b=deny --machine-type=e2-micro {IMAGE}"
    )
    assert show(rehearsal, "instances list", "name,zone.basename()").split() == [
        "many-1", "europe-west1-c", "many-2", "europe-west1-c",
    ]
    chosen = "--filter='status=RUNNING AND machineType:e2-micro AND name~^many' --sort-by=~name --limit=1"
    assert show(rehearsal, f"instances list {chosen}", "name") == "many-2"
    assert show(rehearsal, "instances list --zones=europe-west1-b", "name") == ""
    rehearsal.sh("gcloud compute instances delete many-1 many-2 --zone=europe-west1-c -q")


def test_a_group_of_a_region_is_spread_and_updated(rehearsal):
    group, region = "gcloud compute instance-groups managed", "--region=europe-west1"
    create = "gcloud compute instance-templates create"
    rehearsal.sh(f"{create} small --machine-type=e2-small {IMAGE} && {create} micro --machine-type=e2-micro {IMAGE}")
    rehearsal.sh(f"{group} create pool --size=3 --template=small {region}")
    rehearsal.sh(f"{group} wait-until pool --stable {region}", timeout=120)
    zones = show(rehearsal, "instances list", "zone.basename()").split()
    assert sorted(zones) == ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
    assert show(rehearsal, "instance-groups managed list", "name,LOCATION,size,targetSize").split()[0] == "pool"
    listed = show(rehearsal, f"instance-groups managed list-instances pool {region}", "NAME,STATUS").split()
    assert listed.count("RUNNING") == 3
    rehearsal.sh(f"gcloud compute instance-groups set-named-ports pool --named-ports=jupyter:8888 {region}")
    assert show(rehearsal, f"instance-groups get-named-ports pool {region}", "name,port").split() == ["jupyter", "8888"]

    types = "instances list", "machineType.basename()"
    rehearsal.sh(f"{group} set-instance-template pool --template=micro {region}")
    assert show(rehearsal, *types).split() == ["e2-small"] * 3
    first = show(rehearsal, "instances list", "name").split()[0]
    rehearsal.sh(f"{group} update-instances pool --instances={first} {region}")
    rehearsal.sh(f"{group} wait-until pool --stable {region}", timeout=120)
    assert sorted(show(rehearsal, *types).split()) == ["e2-micro", "e2-small", "e2-small"]
    rehearsal.sh(f"{group} rolling-action start-update pool --version=template=micro {region}")
    rehearsal.sh(f"{group} wait-until pool --version-target-reached {region}", timeout=120)
    rehearsal.sh(f"{group} wait-until pool --stable {region}", timeout=120)
    assert show(rehearsal, *types).split() == ["e2-micro"] * 3
    before = show(rehearsal, "instances list", "id")
    rehearsal.sh(f"{group} rolling-action restart pool {region}")
    assert show(rehearsal, "instances list", "id,status").split() == " RUNNING ".join(before.split() + [""]).split()
    rehearsal.sh(f"{group} update pool --description=workers {region}")
    assert show(rehearsal, f"instance-groups managed describe pool {region}", "description") == "workers"
    rehearsal.sh(f"{group} resize pool --size=1 {region} && {group} wait-until pool --stable {region}", timeout=120)
    assert len(show(rehearsal, "instances list", "name").split()) == 1
    rehearsal.sh(f"{group} delete pool {region} -q")
    rehearsal.sh("gcloud compute instance-templates delete small micro -q")


def test_networks_are_changed(rehearsal):
    networks, where = "gcloud compute networks", "--region=europe-west1"
    rehearsal.sh(f"{networks} create own && echo y | {networks} update own --bgp-routing-mode=global --mtu=1500")
    assert show(rehearsal, "networks describe own", "routingConfig.routingMode,mtu").split() == ["GLOBAL", "1500"]
    rehearsal.sh(f"{networks} subnets update own {where} --enable-flow-logs --logging-flow-sampling=0.5")
    rehearsal.sh(f"{networks} subnets update own {where} --enable-private-ip-google-access")
    fields = "logConfig.flowSampling,privateIpGoogleAccess"
    assert show(rehearsal, f"networks subnets describe own {where}", fields).split() == ["0.5", "True"]
    rehearsal.sh(f"{networks} update own --switch-to-custom-subnet-mode -q")
    rehearsal.sh(f"{networks} subnets create further --network=own --range=10.7.0.0/24 {where}")
    listed = show(rehearsal, "networks subnets list --network=own --filter=region:europe-west1", "name").split()
    assert sorted(listed) == ["further", "own"]


def test_a_group_has_the_members_that_were_chosen(rehearsal):
    group = "gcloud compute instance-groups unmanaged"
    rehearsal.sh(f"gcloud compute instances create one two {ZONE} {IMAGE} && {group} create chosen {ZONE}")
    rehearsal.sh(f"{group} add-instances chosen --instances=one,two {ZONE}")
    rehearsal.sh(f"gcloud compute instance-groups set-named-ports chosen --named-ports=http:80 {ZONE}")
    assert "http" in rehearsal.sh(f"gcloud compute instance-groups get-named-ports chosen {ZONE}").stdout
    rehearsal.sh(f"{group} remove-instances chosen --instances=two {ZONE}")
    listed = show(rehearsal, f"instance-groups unmanaged list-instances chosen {ZONE}", "instance.basename(),status")
    assert listed.split() == ["one", "RUNNING"]
    assert show(rehearsal, "instance-groups list", "name,size").split() == ["chosen", "1"]
    rehearsal.sh(f"{group} delete chosen {ZONE} -q && gcloud compute instances delete one two {ZONE} -q")


def test_a_stopped_instance_with_a_local_ssd_becomes_spot(rehearsal):
    create = f"gcloud compute instances create cheap {ZONE} {IMAGE} --local-ssd=interface=nvme"
    refused = rehearsal.sh(f"{create} --custom-cpu=3 --custom-memory=8GB", check=False)
    assert refused.status == 1 and "Number of vCPUs should be an even number" in refused.output
    refused = rehearsal.sh(f"{create} --machine-type=e2-medium", check=False)
    assert refused.status == 1 and "[local-ssd] features and [instance type: e2-medium]" in refused.output
    rehearsal.sh(f"{create} --custom-cpu=2 --custom-memory=8GB")
    assert show(rehearsal, "disks list", "name") == "cheap"
    spot = f"gcloud compute instances set-scheduling cheap {ZONE} --provisioning-model=SPOT"
    spot += " --instance-termination-action=DELETE"
    running = rehearsal.sh(spot, check=False)
    assert running.status == 1 and "must be TERMINATED" in running.output
    rehearsal.sh(f"gcloud compute instances stop cheap {ZONE} && {spot}")
    fields = "scheduling.provisioningModel,scheduling.preemptible"
    assert show(rehearsal, f"instances describe cheap {ZONE}", fields).split() == ["SPOT", "True"]
    rehearsal.sh(f"gcloud compute instances start cheap {ZONE}")
    # Clients look for it afterwards: an instance that is to be deleted is still there.
    rehearsal.sh(f"gcloud compute instances simulate-maintenance-event cheap {ZONE}")
    told = "operations list --filter='operationType=compute.instances.preempted'"
    assert show(rehearsal, told, "user,targetLink.basename()").split() == ["system", "cheap"]
    rehearsal.sh(f"gcloud compute instances delete cheap {ZONE} -q")


@pytest.mark.parametrize(
    "asked, field",
    [
        ("instances create odd --network-interface=network=default,aliases=/28", "networkInterfaces[0].aliasIpRanges"),
        ("instances create odd --node-group=g", "scheduling.nodeAffinities"),
        ("instances create odd --create-disk=size=10,storage-pool=s", "disks[1].initializeParams.storagePool"),
        ("disks create odd --source-instant-snapshot=s", "sourceInstantSnapshot"),
        ("images create odd --source-uri=gs://bucket/disk.tar.gz", "rawDisk"),
    ],
)
def test_what_brume_lacks_is_refused_by_its_name(rehearsal, asked, field):
    place = "" if asked.startswith("images") else ZONE
    refused = rehearsal.sh(f"gcloud compute {asked} {place}", check=False)
    assert refused.status == 1 and f"does not implement the field 'resource.{field}'" in refused.output
    assert show(rehearsal, "disks list", "name") == ""


def test_maintenance_moves_an_instance_or_ends_it_and_starts_it_again(rehearsal):
    rehearsal.sh(
        f"gcloud compute instances create moved {ZONE} {IMAGE}"
        f" && gcloud compute instances create ended {ZONE} {IMAGE} --maintenance-policy=TERMINATE"
        f" && gcloud compute instances simulate-maintenance-event moved ended {ZONE}"
    )
    listed = show(rehearsal, "operations list --filter=user=system", "targetLink.basename(),operationType").splitlines()
    told = {tuple(line.split()) for line in listed if line.startswith(("moved", "ended"))}
    assert told == {
        ("moved", "compute.instances.migrateOnHostMaintenance"),
        ("ended", "compute.instances.terminateOnHostMaintenance"), ("ended", "compute.instances.automaticRestart"),
    }  # fmt: skip
    stopped = "--filter='name:(moved ended) AND status=RUNNING' --format='csv[no-heading](name,lastStopTimestamp.date(%Y))'"
    moved, ended = sorted(rehearsal.sh(f"gcloud compute instances list {stopped}").stdout.split(), reverse=True)
    assert moved == "moved," and ended.startswith("ended,20")
    rehearsal.sh(f"gcloud compute instances delete moved ended {ZONE} -q")


def test_lists_come_in_pages_in_the_order_and_by_the_filters_that_were_asked_for(rehearsal):
    rehearsal.python("""
import os
from google.cloud import compute_v1 as c
project, zone = os.environ["CLOUDSDK_CORE_PROJECT"], "europe-west1-b"
instances = c.InstancesClient()
disk = c.AttachedDisk(boot=True, auto_delete=True, initialize_params=c.AttachedDiskInitializeParams(
    source_image="projects/debian-cloud/global/images/family/debian-12"))
for name, labels in ("page-b", {}), ("page-c", {"k": "v"}), ("page-a", {"k": "w"}):
    instances.insert(project=project, zone=zone, instance_resource=c.Instance(
        name=name, labels=labels, machine_type=f"zones/{zone}/machineTypes/e2-small", disks=[disk],
        network_interfaces=[c.NetworkInterface(network="global/networks/default")])).result(timeout=60)
instances.stop(project=project, zone=zone, instance="page-c").result(timeout=60)

newest = c.ListInstancesRequest(
    project=project, zone=zone, max_results=1, order_by="creationTimestamp desc", filter="name = page-*")
pages = [[i.name for i in page.items] for page in instances.list(newest).pages]
assert pages == [["page-a"], ["page-c"], ["page-b"]], pages

def found(filter):
    scopes = instances.aggregated_list(c.AggregatedListInstancesRequest(project=project, filter=filter))
    return [i.name for _, scope in scopes for i in scope.instances]

assert found("(name eq page-.*) (status ne TERMINATED)") == ["page-a", "page-b"]
assert found("name:page AND NOT labels.k:*") == ["page-b"]
assert found("labels.k = v OR (status = RUNNING AND name != page-a AND name = page*)") == ["page-b", "page-c"]
""")
    listed = show(rehearsal, "instances list --page-size=1 --filter=name~^page", "name")
    assert listed.split() == ["page-a", "page-b", "page-c"]
    rehearsal.sh(f"gcloud compute instances delete page-a page-b page-c {ZONE} -q")


def test_what_an_instances_flags_said_is_told(rehearsal):
    image = show(rehearsal, "images describe-from-family debian-12 --project=debian-cloud", "name")
    rehearsal.sh(
        f"gcloud compute instances create told {ZONE} --image={image} --image-project=debian-cloud --preemptible"
        " --hostname=a.lab.example.com --private-network-ip=10.132.7.7 --no-restart-on-failure --max-run-duration=1h"
        " --instance-termination-action=STOP --no-boot-disk-auto-delete"
    )
    told = json.loads(rehearsal.sh(f"gcloud compute instances describe told {ZONE} --format=json").stdout)
    assert (told["hostname"], told["networkInterfaces"][0]["networkIP"]) == ("a.lab.example.com", "10.132.7.7")
    scheduling = told["scheduling"]
    assert (scheduling["preemptible"], scheduling["automaticRestart"]) == (True, False)
    assert (scheduling["maxRunDuration"]["seconds"], scheduling["instanceTerminationAction"]) == ("3600", "STOP")
    ends = datetime.fromisoformat(told["resourceStatus"]["scheduling"]["terminationTimestamp"])
    assert ends - datetime.fromisoformat(told["lastStartTimestamp"]) == timedelta(hours=1)
    assert told["disks"][0]["autoDelete"] is False
    rehearsal.sh(f"gcloud compute instances delete told {ZONE} -q")
    assert show(rehearsal, f"disks describe told {ZONE}", "sourceImage.basename(),users") == image
    rehearsal.sh(f"gcloud compute disks delete told {ZONE} -q")


def test_instances_are_made_by_names_and_without_waiting(rehearsal):
    rehearsal.sh(
        f"gcloud compute instances bulk create --predefined-names=this,that {ZONE} --tags=web,db {IMAGE}"
        f" && gcloud compute instances remove-tags this --tags=web {ZONE}"
        f" && gcloud compute disks resize that --size=30GB {ZONE} -q"
        f" && gcloud compute snapshots create grown --source-disk=that --source-disk-{ZONE[2:]}"
    )
    tags = show(rehearsal, "instances list --filter='name:(this that)'", "name,tags.items")
    assert tags.split() == ["that", "web;db", "this", "db"]
    assert show(rehearsal, "snapshots describe grown", "diskSizeGb,sourceDisk.basename()").split() == ["30", "that"]
    begun = rehearsal.sh(f"gcloud compute instances create later {ZONE} {IMAGE} --async").output
    told = "operations list --filter=name=" + re.search(r"/operations/(\S+)", begun)[1]
    rehearsal.until(lambda: show(rehearsal, told, "targetLink.basename(),status").split() == ["later", "DONE"])
    rehearsal.sh(f"gcloud compute instances delete this that later {ZONE} -q && gcloud compute snapshots delete grown -q")
