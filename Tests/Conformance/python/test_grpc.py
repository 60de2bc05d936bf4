"""Google's Python clients as they come: gRPC, through the proxy that `brume env` names."""


def test_secrets(cloud, name):
    script = """
import sys
from google.api_core import exceptions
from google.cloud import secretmanager
client, project, name = secretmanager.SecretManagerServiceClient(), f"projects/{sys.argv[1]}", sys.argv[2]
automatic = {"replication": {"automatic": {}}, "labels": {"a": "b"}}
secret = client.create_secret(parent=project, secret_id=name, secret=automatic)
assert secret.labels["a"] == "b" and secret.create_time.year > 2000
try:
    client.create_secret(parent=project, secret_id=name, secret=automatic)
    sys.exit("made twice")
except exceptions.AlreadyExists:
    pass
version = client.add_secret_version(parent=secret.name, payload={"data": b"\\x00bytes\\xff"})
assert client.access_secret_version(name=version.name).payload.data == b"\\x00bytes\\xff"
changed = client.update_secret(
    secret={"name": secret.name, "labels": {"x": "y"}}, update_mask={"paths": ["labels"]})
assert dict(changed.labels) == {"x": "y"}
member = f"serviceAccount:x@{sys.argv[1]}.iam.gserviceaccount.com"
binding = {"role": "roles/secretmanager.secretAccessor", "members": [member]}
client.set_iam_policy({"resource": secret.name, "policy": {"bindings": [binding]}})
assert list(client.get_iam_policy({"resource": secret.name}).bindings[0].members) == [member]
client.delete_secret(name=secret.name)
try:
    client.access_secret_version(name=version.name)
except exceptions.NotFound as error:
    print(name in error.message)
"""
    assert cloud.python(script, cloud.project, name).stdout.strip() == "True"


def test_builds_and_repositories_are_operations_that_end(cloud, name):
    script = """
import sys
from google.cloud import artifactregistry_v1
from google.cloud.devtools import cloudbuild_v1
project, name = sys.argv[1:]
registry, parent = artifactregistry_v1.ArtifactRegistryClient(), f"projects/{project}/locations/europe-west1"
made = registry.create_repository(
    parent=parent, repository_id=name, repository={"format_": "DOCKER"}).result(timeout=60)
assert made.name == f"{parent}/repositories/{name}"
assert made.name in [repository.name for repository in registry.list_repositories(parent=parent)]
client = cloudbuild_v1.CloudBuildClient()
step = {"name": "gcr.io/cloud-builders/gcloud", "entrypoint": "bash", "args": ["-c", "echo $PROJECT_ID"]}
operation = client.create_build(project_id=project, build={"steps": [step], "timeout": "60s", "tags": [name]})
assert operation.metadata.build.timeout.seconds == 60
build = operation.result(timeout=600)
assert build.status == cloudbuild_v1.Build.Status.SUCCESS and build.finish_time > build.start_time
found = list(client.list_builds(project_id=project, filter=f'tags="{name}"'))
assert [one.id for one in found] == [build.id]
print("done")
"""
    assert cloud.python(script, cloud.project, name).stdout.strip() == "done"


def test_projects_and_log_entries(cloud, name):
    script = """
import sys
import google.cloud.logging
from google.cloud import resourcemanager_v3
project, name = sys.argv[1:]
found = resourcemanager_v3.ProjectsClient().get_project(name=f"projects/{project}")
assert found.project_id == project and found.state.name == "ACTIVE"
client = google.cloud.logging.Client()
client.logger(name).log_struct({"share": 0.5, "names": ["x", None, True]}, severity="ERROR")
entries = [e for e in client.list_entries(filter_=f'logName="projects/{project}/logs/{name}"') if e.severity]
assert [(e.payload, e.severity) for e in entries] == [({"share": 0.5, "names": ["x", None, True]}, "ERROR")], entries
print("done")
"""
    assert cloud.python(script, cloud.project, name).stdout.strip() == "done"


def test_what_brume_lacks_is_said_at_once(cloud):
    script = """
import sys
from google.api_core import exceptions
from google.cloud import secretmanager
try:
    secretmanager.SecretManagerServiceClient().list_locations({"name": f"projects/{sys.argv[1]}"})
except exceptions.MethodNotImplemented as error:
    print(error.message)
"""
    assert "by gRPC" in cloud.python(script, cloud.project).stdout.strip()


def test_the_catalogue_of_prices(cloud):
    script = """
from google.api_core import exceptions
from google.cloud import billing_v1
client = billing_v1.CloudCatalogClient()
services = {service.display_name: service.name for service in client.list_services()}
skus = {sku.description: sku for sku in client.list_skus(request={"parent": services["Compute Engine"], "page_size": 5})}
gpu = skus["Nvidia Tesla T4 GPU running in Iowa"]
price = gpu.pricing_info[0].pricing_expression.tiered_rates[0].unit_price
assert (price.currency_code, price.units, price.nanos) == ("USD", 0, 350_000_000), price
assert gpu.category.resource_group == "GPU" and gpu.geo_taxonomy.type_ == billing_v1.GeoTaxonomy.Type.REGIONAL
try:
    list(client.list_skus(parent="services/0000-0000-0000"))
except exceptions.NotFound as error:
    print(len(skus), "services.list" in error.message)
"""
    count, names_the_remedy = cloud.python(script).stdout.split()
    assert int(count) > 30 and names_the_remedy == "True"
