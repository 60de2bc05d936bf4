"""Compute Engine through google-cloud-compute: long operations, filters, fingerprints, and errors of the right class."""

import pytest

pytestmark = pytest.mark.compute

FRAME = """
from google.api_core import exceptions
from google.cloud import compute_v1 as c
import os
project, zone = os.environ["CLOUDSDK_CORE_PROJECT"], "europe-west1-b"
instances, disks = c.InstancesClient(), c.DisksClient()

def machine(name, **more):
    return c.Instance(
        name=name, machine_type=f"zones/{zone}/machineTypes/e2-small",
        disks=[c.AttachedDisk(boot=True, auto_delete=True, initialize_params=c.AttachedDiskInitializeParams(
            source_image="projects/debian-cloud/global/images/family/debian-12"))],
        network_interfaces=[c.NetworkInterface(network="global/networks/default")], **more)

def insert(name, **more):
    return instances.insert(project=project, zone=zone, instance_resource=machine(name, **more))

def raises(kind, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind, type(error)
        return str(error)
    raise AssertionError(f"no {kind.__name__}")
"""


def run(cloud, script):
    return cloud.python(FRAME + script).stdout


def test_an_instance_from_insert_to_delete(cloud, name):
    run(cloud, f"""
name = "{name}"
operation = insert(name, labels={{"kind": "sdk"}})
operation.result(timeout=300)
assert operation.done() and not operation.error_code
vm = instances.get(project=project, zone=zone, instance=name)
assert vm.status == "RUNNING" and vm.name == name and vm.id > 0 and vm.labels["kind"] == "sdk"
assert vm.network_interfaces[0].network_i_p.startswith("10.") and vm.disks[0].boot

assert [i.name for i in instances.list(c.ListInstancesRequest(project=project, zone=zone, filter=f"name = {{name}}"))] == [name]
assert not list(instances.list(c.ListInstancesRequest(project=project, zone=zone, filter=f"name = {{name}} AND status = TERMINATED")))
found = {{s: [i.name for i in r.instances] for s, r in instances.aggregated_list(
    c.AggregatedListInstancesRequest(project=project, filter="labels.kind = sdk")) if r.instances}}
assert found == {{f"zones/{{zone}}": [name]}}, found

old = vm.metadata.fingerprint
def set_metadata(fingerprint):
    return instances.set_metadata(project=project, zone=zone, instance=name, metadata_resource=c.Metadata(
        fingerprint=fingerprint, items=[c.Items(key="answer", value="42")]))
set_metadata(old).result(timeout=60)
assert "fingerprint" in raises(exceptions.PreconditionFailed, lambda: set_metadata(old))
vm = instances.get(project=project, zone=zone, instance=name)
assert [(i.key, i.value) for i in vm.metadata.items] == [("answer", "42")] and vm.metadata.fingerprint != old

raises(exceptions.Conflict, lambda: insert(name))
for verb, status in ("stop", "TERMINATED"), ("start", "RUNNING"):
    getattr(instances, verb)(project=project, zone=zone, instance=name).result(timeout=200)
    assert instances.get(project=project, zone=zone, instance=name).status == status

instances.delete(project=project, zone=zone, instance=name).result(timeout=200)
assert name in raises(exceptions.NotFound, lambda: instances.get(project=project, zone=zone, instance=name))
raises(exceptions.NotFound, lambda: instances.delete(project=project, zone=zone, instance=name))
raises(exceptions.NotFound, lambda: disks.get(project=project, zone=zone, disk=name))
""")


def test_what_cannot_be_made_raises_what_it_should(cloud, name):
    run(cloud, f"""
raises(exceptions.BadRequest, lambda: insert("Bad_Name"))
raises(exceptions.BadRequest, lambda: insert("{name}", guest_accelerators=[
    c.AcceleratorConfig(accelerator_type=f"zones/{{zone}}/acceleratorTypes/nvidia-tesla-t4", accelerator_count=1)]))
# What only turns out on the way is the operation's error.
gpu = machine("{name}", scheduling=c.Scheduling(on_host_maintenance="TERMINATE"), guest_accelerators=[
    c.AcceleratorConfig(accelerator_type=f"zones/{{zone}}/acceleratorTypes/nvidia-tesla-t4", accelerator_count=1)])
gpu.machine_type = f"zones/{{zone}}/machineTypes/n1-standard-1"
operation = instances.insert(project=project, zone=zone, instance_resource=gpu)
said = raises(exceptions.ServiceUnavailable, lambda: operation.result(timeout=60))
assert "ZONE_RESOURCE_POOL_EXHAUSTED" in said, said
assert operation.error_code == 503
raises(exceptions.NotFound, lambda: instances.get(project=project, zone=zone, instance="{name}"))
raises(exceptions.NotFound, lambda: instances.list(project=project, zone="atlantis-west1-b"))
""")


def test_disks_images_and_places(cloud, name):
    run(cloud, f"""
disks.insert(project=project, zone=zone, disk_resource=c.Disk(name="{name}", size_gb=10)).result(timeout=60)
disk = disks.get(project=project, zone=zone, disk="{name}")
assert disk.size_gb == 10 and disk.status == "READY" and disk.type_.endswith("/pd-balanced")
raises(exceptions.Conflict, lambda: disks.insert(project=project, zone=zone, disk_resource=c.Disk(name="{name}", size_gb=10)))
disks.delete(project=project, zone=zone, disk="{name}").result(timeout=60)
raises(exceptions.NotFound, lambda: disks.get(project=project, zone=zone, disk="{name}"))

image = c.ImagesClient().get_from_family(project="debian-cloud", family="debian-12")
assert image.family == "debian-12" and image.status == "READY"
raises(exceptions.NotFound, lambda: c.ImagesClient().get_from_family(project="debian-cloud", family="debian-99"))
assert zone in [z.name for z in c.ZonesClient().list(project=project)]
assert c.ZonesClient().get(project=project, zone=zone).status == "UP"
assert c.MachineTypesClient().get(project=project, zone=zone, machine_type="e2-small").guest_cpus == 2
types = c.AcceleratorTypesClient().aggregated_list(project=project)
assert "nvidia-tesla-t4" in [t.name for scope, r in types for t in r.accelerator_types if scope == f"zones/{{zone}}"]
""")
