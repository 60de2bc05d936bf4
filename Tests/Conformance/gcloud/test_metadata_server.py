"""The metadata server, asked by curl from inside a machine."""

import base64
import json

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"
BASE = "http://metadata.google.internal/computeMetadata/v1"

# Asks for paths by name, and prints the answers as one JSON document.
PROBE = """
import base64, json, subprocess, sys
BASE = %r
def ask(path, *flags, flavor=True):
    header = ["-H", "Metadata-Flavor: Google"] if flavor else []
    done = subprocess.run(["curl", "-s", "-D", "/dev/stderr", *header, *flags, BASE + path], capture_output=True, text=True)
    head = done.stderr.split("\\n")
    fields = {l.split(":", 1)[0].lower(): l.split(":", 1)[1].strip() for l in head if ":" in l}
    return {"status": int(head[0].split()[1]), "type": fields.get("content-type", ""), "etag": fields.get("etag", ""),
            "flavor": fields.get("metadata-flavor", ""), "body": done.stdout}
answers = {}
for name, path in json.loads(base64.b64decode(sys.argv[1])).items():
    answers[name] = ask(path)
answers["bare"] = ask("/instance/id", flavor=False)
answers["forwarded"] = ask("/instance/id", "-H", "X-Forwarded-For: 1.2.3.4")
etag = answers["attributes"]["etag"]
waiting = "/instance/attributes/?recursive=true&wait_for_change=true"
answers["timed out"] = ask(waiting + "&timeout_sec=1&last_etag=" + etag)
answers["changed already"] = ask(waiting + "&timeout_sec=300&last_etag=0")
print(json.dumps(answers))
""" % BASE


@pytest.fixture(scope="module")
def machine(cloud):
    name = "vm-metadata"
    cloud.sh(
        f"gcloud compute instances create {name} {ZONE} --machine-type=e2-small --image-family=debian-12 "
        "--image-project=debian-cloud --metadata=answer=42,two-lines='a b' --tags=web,db --scopes=cloud-platform",
        timeout=1200,
    )
    (cloud.folder / "probe.py").write_text(PROBE)
    cloud.sh(f"gcloud compute scp {cloud.folder}/probe.py {name}:/tmp/probe.py {ZONE} -q")
    yield name
    cloud.sh(f"gcloud compute instances delete {name} {ZONE} -q")


def inside(cloud, machine, command):
    return cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command={json.dumps(command)}").stdout


def test_the_tree_is_read_as_text_and_json(cloud, machine):
    account = "/instance/service-accounts/default"
    paths = {
        "attributes": "/instance/attributes/?recursive=true",
        "folder": "/instance/attributes/",
        "value": "/instance/attributes/answer",
        "value as JSON": "/instance/attributes/answer?alt=json",
        "flat": "/instance/attributes/?recursive=true&alt=text",
        "instance": "/instance/?recursive=true",
        "tags": "/instance/tags?alt=json",
        "event": "/instance/maintenance-event",
        "preempted": "/instance/preempted",
        "nothing": "/instance/attributes/nothing",
        "no slash": "/instance",
        "audience missing": account + "/identity",
        "token": account + "/token",
        "scopes": account + "/scopes",
        "account": account + "/",
        "image": "/instance/image",
        "license": "/instance/licenses/0/id",
        "disk": "/instance/disks/0/",
        "disk's type": "/instance/disks/0/type",
        "clock": "/instance/virtual-clock/drift-token",
        "zone": "/instance/zone",
        "hostname": "/instance/hostname",
    }
    encoded = base64.b64encode(json.dumps(paths).encode()).decode()
    got = json.loads(inside(cloud, machine, f"python3 /tmp/probe.py {encoded}"))
    body = {name: answer["body"] for name, answer in got.items()}
    described = json.loads(cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format=json").stdout)

    assert json.loads(body["attributes"]) == {i["key"]: i["value"] for i in described["metadata"]["items"]}
    assert got["attributes"]["type"] == "application/json"
    assert {"answer", "two-lines"} <= set(body["folder"].split("\n")) and got["folder"]["type"] == "application/text"
    assert body["value"] == "42" and json.loads(body["value as JSON"]) == "42"
    assert "answer 42\n" in body["flat"] and "two-lines a b\n" in body["flat"]
    tree = json.loads(body["instance"])
    assert tree["name"] == machine and str(tree["id"]) == described["id"] and tree["attributes"]["answer"] == "42"
    assert tree["networkInterfaces"][0]["ip"] == described["networkInterfaces"][0]["networkIP"]
    assert sorted(json.loads(body["tags"])) == ["db", "web"]
    assert (body["event"], body["preempted"]) == ("NONE", "FALSE")
    assert body["zone"].startswith("projects/") and body["zone"].endswith("/zones/europe-west1-b")
    assert body["hostname"] == f"{machine}.europe-west1-b.c.{cloud.project}.internal"
    assert json.loads(body["token"])["token_type"] == "Bearer" and "cloud-platform" in body["scopes"]
    assert body["account"].split() == ["aliases", "email", "identity", "scopes", "token"]
    assert body["image"].startswith("projects/debian-cloud/global/images/debian-12-") and body["license"].isdigit()
    assert body["disk"].split() == ["device-name", "index", "interface", "mode", "type"]
    assert (body["disk's type"], body["clock"]) == ("PERSISTENT-BALANCED", "0")
    statuses = {name: answer["status"] for name, answer in got.items() if answer["status"] != 200}
    assert statuses == {"nothing": 404, "no slash": 301, "audience missing": 400, "bare": 403, "forwarded": 403}
    assert all(a["flavor"] == "Google" for a in got.values())
    # Waiting: nothing changed in a second; an ETag that is not the present one is answered at once.
    for name in "timed out", "changed already":
        assert (body[name], got[name]["etag"]) == (body["attributes"], got["attributes"]["etag"]) and got[name]["etag"]


def test_who_waits_hears_of_a_change(cloud, machine):
    waiting = f"curl -s -H Metadata-Flavor:Google '{BASE}/instance/attributes/answer?wait_for_change=true&timeout_sec=300'"
    result = cloud.sh(
        f'gcloud compute ssh {machine} {ZONE} -q --command="echo asks; {waiting}" | '
        f"{{ read asks; gcloud compute instances add-metadata {machine} {ZONE} --metadata=answer=43 >&2; cat; }}"
    )
    assert result.stdout.strip() == "43"


def test_what_a_program_says_of_its_machine_is_read_outside(cloud, machine):
    cloud.sh(f"gcloud compute instances add-metadata {machine} {ZONE} --metadata=enable-guest-attributes=TRUE")
    said = f"curl -sS --fail -X PUT -H Metadata-Flavor:Google --data ready {BASE}/instance/guest-attributes/my/state"
    inside(cloud, machine, said)
    read = f"gcloud compute instances get-guest-attributes {machine} {ZONE} --query-path=my/"
    assert cloud.sh(f"{read} --format='value(namespace,key,value)'").stdout.split() == ["my", "state", "ready"]


def test_the_projects_metadata_is_read_inside(cloud, machine):
    word = f"curl -sS -H Metadata-Flavor:Google {BASE}/project/attributes/word"
    cloud.sh("gcloud compute project-info add-metadata --metadata=word=green")
    try:
        assert inside(cloud, machine, word) == "green"
    finally:
        cloud.sh("gcloud compute project-info remove-metadata --keys=word")


def test_who_waits_hears_of_maintenance(cloud, machine):
    waiting = f"curl -s -H Metadata-Flavor:Google '{BASE}/instance/maintenance-event?wait_for_change=true&timeout_sec=300'"
    result = cloud.sh(
        f'gcloud compute ssh {machine} {ZONE} -q --command="echo asks; {waiting}" | '
        f"{{ read asks; gcloud compute instances simulate-maintenance-event {machine} {ZONE} >&2; cat; }}"
    )
    assert result.stdout == "MIGRATE_ON_HOST_MAINTENANCE"


def test_an_identity_token_names_its_audience_and_verifies(cloud, machine):
    path = f"{BASE}/instance/service-accounts/default/identity?audience=https://example.com&format=full"
    token = inside(cloud, machine, f"curl -s -H Metadata-Flavor:Google '{path}'").strip()
    claims = cloud.python(
        f"""
import json
from google.auth.transport.requests import Request
from google.oauth2 import id_token
print(json.dumps(id_token.verify_oauth2_token("{token}", Request(), audience="https://example.com")))
try:
    id_token.verify_oauth2_token("{token}", Request(), audience="https://other.example")
except ValueError:
    pass
else:
    raise SystemExit("the wrong audience was accepted")
"""
    ).stdout
    claims = json.loads(claims)
    assert claims["aud"] == "https://example.com" and claims["email"].endswith("-compute@developer.gserviceaccount.com")
    told = claims["google"]["compute_engine"]
    assert told["instance_name"] == machine and told["project_id"] == cloud.project and told["zone"] in ZONE
