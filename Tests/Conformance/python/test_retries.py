"""google-cloud-storage retries through faults that are injected as Google's storage test bench does."""

import json
import socket
import urllib.error
import urllib.request

import conftest
import pytest


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    cloud = conftest.Cloud(tmp_path_factory.mktemp("faulty"), {"BRUME_ENGINE": "simulated"})
    try:
        cloud.up("--test-faults")
        yield cloud
    finally:
        cloud.brume("down", check=False)


# Makes a client whose calls meet the faults, and tells whether all of them were met.
CLIENT = """
import json, os, sys, urllib.request
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
HOST = "http://127.0.0.1:" + os.environ["BRUME_PORT"]
def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.load(opener.open(urllib.request.Request(HOST + path, data, {"Content-Type": "application/json"})))
def faulty(method, *instructions):
    test = call("/retry_test", {"instructions": {method: instructions}})
    return test["id"], storage.Client(extra_headers={"x-retry-test-id": test["id"]})
def met(test):
    return call("/retry_test/" + test)["completed"]
quick = dict(retry=DEFAULT_RETRY.with_delay(initial=0.05, maximum=0.2))
NAME = storage.Client().project + "-retries"
if not storage.Client().bucket(NAME).exists():
    storage.Client().create_bucket(NAME)
"""


def test_lists_and_reads_are_tried_again(faulty):
    script = CLIENT + """
storage.Client().bucket(NAME).blob("a").upload_from_string(b"0123456789" * 1000)
for fault in ["return-503", "return-429", "return-reset-connection", "return-broken-stream"]:
    test, client = faulty("storage.objects.list", fault, fault)
    assert [blob.name for blob in client.list_blobs(NAME, **quick)] == ["a"] and met(test), fault
    test, client = faulty("storage.objects.get", fault, fault)
    assert client.bucket(NAME).get_blob("a", **quick).size == 10000 and met(test), fault
    test, client = faulty("storage.buckets.list", fault)
    assert NAME in [bucket.name for bucket in client.list_buckets(**quick)] and met(test), fault
print("done")
"""
    assert faulty.python(script).stdout.strip() == "done"


def test_transfers_go_on_where_they_broke(faulty):
    script = CLIENT + """
content = os.urandom((9 << 20) + 1)
def upload(name, *faults):
    test, client = faulty("storage.objects.insert", *faults)
    blob = client.bucket(NAME).blob(name, chunk_size=2 << 20)
    blob.upload_from_string(content, if_generation_match=0, **quick)
    assert met(test), call("/retry_test/" + test)
    assert storage.Client().bucket(NAME).blob(name).download_as_bytes() == content
upload("ta", "return-503", "return-503")
upload("tb", "return-503-after-256K", "return-503-after-3072K")
upload("tc", "return-reset-connection", "return-reset-connection", "return-503-after-8192K")
upload("td", "stall-for-1s-after-1024K", "return-429")
def download(*faults):
    test, client = faulty("storage.objects.get", *faults)
    assert client.bucket(NAME).blob("ta").download_as_bytes(**quick) == content
    assert met(test), call("/retry_test/" + test)
download("return-503", "return-reset-connection")
download("return-broken-stream", "return-broken-stream-after-256K")
download("return-broken-stream-after-8192K", "stall-for-1s-after-9000K")
print("done")
"""
    assert faulty.python(script).stdout.strip() == "done"


def test_calls_that_are_not_repeated_fail(faulty):
    script = CLIENT + """
from google.api_core import exceptions
test, client = faulty("storage.objects.delete", "return-503")
storage.Client().bucket(NAME).blob("a").upload_from_string("x")
try:
    client.bucket(NAME).blob("a").delete(retry=None)
    raise SystemExit("deleted")
except exceptions.ServiceUnavailable:
    assert met(test)
client.bucket(NAME).blob("a").delete()
print("done")
"""
    assert faulty.python(script).stdout.strip() == "done"


def test_a_connection_is_really_reset(faulty):
    request = urllib.request.Request(
        f"http://127.0.0.1:{faulty.port}/retry_test",
        json.dumps({"instructions": {"storage.buckets.list": ["return-reset-connection"]}}).encode(),
        {"Content-Type": "application/json"},
    )
    test = json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))["id"]
    with socket.create_connection(("127.0.0.1", faulty.port)) as connection:
        connection.sendall(f"GET /storage/v1/b?project=p HTTP/1.1\r\nHost: 127.0.0.1\r\nx-retry-test-id: {test}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_other_clouds_know_of_no_faults(cloud):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refusal:
        opener.open(f"http://127.0.0.1:{cloud.port}/retry_test", b"{}")
    assert refusal.value.code in (400, 401, 404)
