"""gsutil by the XML API (`prefer_api = xml`, boto's words), and the web sites that it makes of buckets."""

import json

import pytest

pytestmark = pytest.mark.needs("gsutil")
XML = "gsutil -o GSUtil:prefer_api=xml"


@pytest.fixture(scope="module")
def shared(cloud):
    """One bucket whose objects have access lists."""
    url = f"gs://{cloud.project}-xml"
    cloud.sh(f"gsutil mb -b off -l europe-west1 {url} && echo fog | gsutil cp - {url}/a.txt")
    return url


def described(cloud, command):
    return json.loads(cloud.sh(command).stdout)


@pytest.mark.parametrize(
    "kind, document",
    [
        (
            "lifecycle",
            {
                "rule": [
                    {"action": {"type": "Delete"}, "condition": {"age": 30, "isLive": False}},
                    {
                        "action": {"type": "SetStorageClass", "storageClass": "NEARLINE"},
                        "condition": {"matchesStorageClass": ["STANDARD"], "numNewerVersions": 2},
                    },
                ]
            },
        ),
        ("cors", [{"maxAgeSeconds": 60, "method": ["GET"], "origin": ["*"], "responseHeader": ["Content-Type"]}]),
    ],
)
def test_documents_are_set_and_read_back(cloud, shared, tmp_path, kind, document):
    (tmp_path / "document.json").write_text(json.dumps(document))
    cloud.sh(f"{XML} {kind} set {tmp_path}/document.json {shared}")
    for reader in [XML, "gsutil"]:
        assert described(cloud, f"{reader} {kind} get {shared}") == document, reader


def test_access_lists(cloud, shared):
    cloud.sh(f"{XML} acl ch -u AllUsers:R {shared}/a.txt")
    assert {"entity": "allUsers", "role": "READER"} in described(cloud, f"gsutil acl get {shared}/a.txt")
    cloud.sh(f"{XML} acl ch -d AllUsers -u reader@example.com:R {shared}/a.txt")
    entities = [entry["entity"] for entry in described(cloud, f"{XML} acl get {shared}/a.txt")]
    assert "user-reader@example.com" in entities and "allUsers" not in entities
    cloud.sh(f"{XML} acl set public-read {shared}")
    cloud.sh(f"{XML} defacl set public-read {shared}")
    assert "allUsers" in cloud.sh(f"{XML} defacl get {shared}").stdout


def test_switches(cloud, shared):
    cloud.sh(f"{XML} versioning set on {shared} && {XML} logging set on -b {shared} -o log {shared}")
    assert "Enabled" in cloud.sh(f"{XML} versioning get {shared}").stdout
    assert described(cloud, f"{XML} logging get {shared}") == {"logBucket": shared[5:], "logObjectPrefix": "log"}
    cloud.sh(f"{XML} web set -m index.html -e 404.html {shared}")
    web = {"mainPageSuffix": "index.html", "notFoundPage": "404.html"}
    assert described(cloud, f"{XML} web get {shared}") == web
    cloud.sh(f"{XML} label ch -l team:red {shared}")
    assert described(cloud, f"{XML} label get {shared}") == {"team": "red"}


def test_a_bucket_is_a_web_site(cloud, name):
    site = f"www.{name}.example"
    cloud.sh(f"gsutil mb -b on gs://{site} && gsutil iam ch allUsers:objectViewer gs://{site}")
    for page, text in [("index.html", "home"), ("sub/index.html", "below"), ("404.html", "lost"), ("a.txt", "a")]:
        cloud.sh(f"echo {text} | gsutil -h Content-Type:text/html cp - gs://{site}/{page}")
    told = "-w ' %{http_code} %{content_type} %{redirect_url}'"
    fetch = f"curl -s {told} -H 'Host: {site}' http://127.0.0.1:{cloud.port}"
    assert "404" in cloud.sh(f"{fetch}/").stdout
    cloud.sh(f"gsutil web set -m index.html -e 404.html gs://{site}")
    for path, answer in [
        ("/", "home 200"), ("/index.html", "home 200"), ("/sub/", "below 200"), ("/a.txt", "a 200"),
        ("/nowhere", "lost 404"), ("/none/", "lost 404"),
    ]:
        assert cloud.sh(fetch + path).stdout.split()[:3] == [*answer.split(), "text/html"], path
    moved = cloud.sh(f"{fetch}/sub").stdout.split()
    assert moved[0] == "301" and moved[-1].endswith("/sub/")
    local = f"curl -s --resolve {site}.localhost:{cloud.port}:127.0.0.1 http://{site}.localhost:{cloud.port}"
    assert cloud.sh(f"{local}/").stdout == "home\n"
    (cloud.folder / "cors.json").write_text('[{"origin": ["https://app.example"], "method": ["GET"]}]')
    cloud.sh(f"gsutil cors set {cloud.folder}/cors.json gs://{site}")
    question = "-H 'Origin: https://app.example' -H 'Access-Control-Request-Method: GET' -X OPTIONS -i"
    assert "access-control-allow-origin: https://app.example" in cloud.sh(f"{fetch}/ {question}").stdout.lower()
    cloud.sh(f"gsutil iam ch -d allUsers gs://{site}")
    assert "AccessDenied" in cloud.sh(f"{fetch}/").stdout
