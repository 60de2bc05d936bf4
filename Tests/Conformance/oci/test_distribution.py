"""The four categories of the OCI distribution specification 1.1, as its conformance suite has them."""

import concurrent.futures
import json
import os
import socket
import time
import urllib.parse

import pytest

from registry_client import OCI_INDEX, OCI_MANIFEST, Registry, descriptor, digest, image

pytestmark = pytest.mark.needs("gcloud")


@pytest.fixture(scope="session")
def registry(cloud):
    return Registry(cloud, token=cloud.token)


@pytest.fixture
def repository(cloud, name):
    return f"{cloud.project}/{name}"


class TestPull:
    def test_what_is_not_there_is_404_with_a_code(self, registry, repository):
        registry.push(repository, "v1", b"layer")
        nothing = digest(b"nothing")
        for path, code in ((f"blobs/{nothing}", "BLOB_UNKNOWN"), (f"manifests/{nothing}", "MANIFEST_UNKNOWN"),
                           ("manifests/none", "MANIFEST_UNKNOWN")):
            assert registry.call("HEAD", f"{repository}/{path}").status == 404
            answer = registry.call("GET", f"{repository}/{path}")
            assert (answer.status, answer.code) == (404, code)

    def test_manifests_and_blobs_are_read_by_digest_and_tag_unchanged(self, registry, repository):
        content = json.dumps(image(b"layer"), indent=3).encode()
        for blob in (b"{}", b"layer"):
            registry.push_blob(repository, blob)
        put, name = registry.put(repository, "v1", content)
        assert put.status == 201 and put.headers["Docker-Content-Digest"] == name
        assert put.headers["Location"].endswith(f"/manifests/{name}")
        for reference in ("v1", name):
            head = registry.call("HEAD", f"{repository}/manifests/{reference}", Accept=OCI_MANIFEST)
            assert head.status == 200 and head.body == b""
            assert int(head.headers["Content-Length"]) == len(content)
            assert head.headers["Docker-Content-Digest"] == name
            got = registry.call("GET", f"{repository}/manifests/{reference}", Accept=OCI_MANIFEST)
            assert got.body == content and got.headers["Content-Type"] == OCI_MANIFEST
        head = registry.call("HEAD", f"{repository}/blobs/{digest(b'layer')}")
        assert (head.status, head.headers["Content-Length"]) == (200, "5")
        assert registry.call("GET", f"{repository}/blobs/{digest(b'layer')}").body == b"layer"
        part = registry.call("GET", f"{repository}/blobs/{digest(b'layer')}", Range="bytes=1-2")
        assert (part.status, part.body, part.headers["Content-Range"]) == (206, b"ay", "bytes 1-2/5")


class TestPush:
    def test_one_post_and_one_put(self, registry, repository):
        begun = registry.call("POST", f"{repository}/blobs/uploads/", Content_Length="0")
        assert begun.status == 202 and begun.headers["Location"]
        content = os.urandom(300_000)
        where = begun.headers["Location"]
        done = registry.call(
            "PUT", f"{where}{'&' if '?' in where else '?'}digest={digest(content)}", content,
            Content_Type="application/octet-stream",
        )
        assert done.status == 201
        assert registry.call("GET", done.headers["Location"]).body == content

    def test_a_single_post(self, registry, repository):
        content = os.urandom(1000)
        answer = registry.call("POST", f"{repository}/blobs/uploads/?digest={digest(content)}", content)
        assert answer.status == 201
        assert registry.call("GET", answer.headers["Location"]).body == content

    def test_chunks_in_order_and_out_of_order(self, registry, repository):
        content = os.urandom(30_000)
        where = registry.call("POST", f"{repository}/blobs/uploads/").headers["Location"]

        def chunk(first, last):
            return registry.call(
                "PATCH", where, content[first : last + 1], Content_Type="application/octet-stream",
                Content_Range=f"{first}-{last}",
            )

        assert chunk(10_000, 19_999).status == 416, "the first chunk is missing"
        first = chunk(0, 9_999)
        assert (first.status, first.headers["Range"]) == (202, "0-9999")
        where = first.headers["Location"]
        assert chunk(0, 9_999).status == 416, "sent twice"
        assert chunk(20_000, 29_999).status == 416, "a gap"
        state = registry.call("GET", where)
        assert (state.status, state.headers["Range"]) == (204, "0-9999") and state.headers["Location"]
        where = state.headers["Location"]
        assert chunk(10_000, 19_999).headers["Range"] == "0-19999"
        done = registry.call(
            "PUT", f"{where}?digest={digest(content)}", content[20_000:], Content_Range="20000-29999"
        )
        assert done.status == 201
        assert registry.call("GET", done.headers["Location"]).body == content

    def test_an_upload_that_is_cut_off_goes_on_where_it_was(self, registry, repository):
        content = os.urandom(3_000_000)
        where = registry.call("POST", f"{repository}/blobs/uploads/").headers["Location"]
        head = (
            f"PATCH {urllib.parse.urlsplit(where).path} HTTP/1.1\r\nHost: 127.0.0.1:{registry.port}\r\n"
            f"Authorization: Bearer {registry.token}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", registry.port)) as line:
            line.sendall(head.encode() + content[:2_000_000])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            # Until the daemon has seen the end of the line, the upload is taken.
            size = int(registry.call("GET", where).headers["Range"].removeprefix("0-")) + 1
            rest = registry.call("PATCH", where, content[size:], Content_Range=f"{size}-{len(content) - 1}")
            if rest.status == 202:
                break
            assert rest.status in (409, 416)
        assert 1 < size <= 2_000_000
        done = registry.call("PUT", f"{rest.headers['Location']}?digest={digest(content)}")
        assert done.status == 201 and registry.call("GET", done.headers["Location"]).body == content

    def test_a_content_range_that_is_none_or_lies_is_refused(self, registry, repository):
        where = registry.call("POST", f"{repository}/blobs/uploads/").headers["Location"]
        for words in ("x-y", "5", "3-1", "0-9"):
            assert registry.call("PATCH", where, b"abc", Content_Range=words).status in (400, 416), words
        assert registry.call("PATCH", where, b"abc", Content_Range="0-2").status == 202
        assert registry.call("PUT", f"{where}?digest={digest(b'abc')}").status == 201

    def test_an_upload_is_given_up(self, registry, repository):
        where = registry.call("POST", f"{repository}/blobs/uploads/").headers["Location"]
        assert registry.call("DELETE", where).status == 204
        for method in ("GET", "PATCH", "DELETE"):
            answer = registry.call(method, where)
            assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_a_wrong_digest_is_refused(self, registry, repository):
        for wrong in ("sha256:abc", "md5:" + "0" * 32, digest(b"other"), ""):
            where = registry.call("POST", f"{repository}/blobs/uploads/").headers["Location"]
            answer = registry.call("PUT", f"{where}?digest={wrong}", b"content")
            assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
        for blob in (b"{}", b"layer"):
            registry.push_blob(repository, blob)
        answer, _ = registry.put(repository, digest(b"other"), image(b"layer"))
        assert (answer.status, answer.code) == (400, "DIGEST_INVALID")

    def test_a_blob_is_mounted_from_another_repository(self, registry, repository):
        content = os.urandom(100)
        registry.push_blob(repository, content)
        mounted = registry.call("POST", f"{repository}-b/blobs/uploads/?mount={digest(content)}&from={repository}")
        assert mounted.status == 201
        assert registry.call("GET", mounted.headers["Location"]).body == content
        missing = registry.call("POST", f"{repository}-b/blobs/uploads/?mount={digest(b'none')}&from={repository}")
        assert missing.status == 202, "an upload begins instead"
        assert registry.call("DELETE", missing.headers["Location"]).status == 204
        nowhere = registry.call("POST", f"{repository}-b/blobs/uploads/?mount={digest(b'none')}")
        assert nowhere.status == 202

    def test_manifests_that_cannot_be_stored(self, registry, repository):
        registry.push_blob(repository, b"{}")
        for document, code in (
            (b"no json", "MANIFEST_INVALID"), (b"[]", "MANIFEST_INVALID"),
            ({"schemaVersion": 1, "mediaType": OCI_MANIFEST}, "MANIFEST_INVALID"),
            (image(b"never pushed"), "MANIFEST_BLOB_UNKNOWN"),
            ({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(image(b"never pushed"))]},
             "MANIFEST_BLOB_UNKNOWN"),
        ):
            kind = document.get("mediaType", OCI_MANIFEST) if isinstance(document, dict) else OCI_MANIFEST
            answer, _ = registry.put(repository, "bad", document, kind)
            assert (answer.status, answer.code) == (400, code)
        for tag in (".bad", "a" * 129, "a b".replace(" ", "%20")):
            answer, _ = registry.put(repository, tag, image())
            assert answer.status in (400, 404), tag
        assert registry.call("GET", f"{repository}/manifests/bad").status == 404

    def test_an_image_without_layers_and_one_whose_subject_is_not_there(self, registry, repository):
        registry.push_blob(repository, b"{}")
        assert registry.put(repository, "none", image())[0].status == 201
        subject = descriptor(image(b"not there"))
        answer, _ = registry.put(repository, "early", image(subject=subject))
        assert (answer.status, answer.headers["OCI-Subject"]) == (201, subject["digest"])

    def test_two_pushes_of_one_tag_at_once_leave_one_whole_image(self, registry, repository):
        layers = [os.urandom(50_000) for _ in range(8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            pushed = list(pool.map(lambda layer: registry.push(repository, "race", layer), layers))
        assert {status for status, _ in pushed} == {201}
        final = registry.call("GET", f"{repository}/manifests/race")
        assert digest(final.body) in {name for _, name in pushed}
        layer = final.json["layers"][0]["digest"]
        assert digest(registry.call("GET", f"{repository}/blobs/{layer}").body) == layer


class TestContentDiscovery:
    def test_tags_come_in_order_and_in_pages(self, registry, repository):
        tags = ["b", "a", "test.2", "test.10", "Z"]
        for tag in tags:
            registry.push(repository, tag, b"layer")
        whole = registry.call("GET", f"{repository}/tags/list").json
        assert whole["tags"] == sorted(tags) and whole["name"].endswith(repository)
        assert registry.call("GET", f"{repository}/tags/list?n=0").json["tags"] == []
        found, target = [], f"{repository}/tags/list?n=2"
        while target:
            page = registry.call("GET", target)
            assert len(page.json["tags"]) <= 2
            found += page.json["tags"]
            link = page.headers["Link"]
            target = link[1 : link.index(">")] if link else None
        assert found == sorted(tags)
        after = registry.call("GET", f"{repository}/tags/list?n=2&last=a").json["tags"]
        assert after == ["b", "test.10"]
        assert registry.call("GET", f"{repository}/tags/list?n=-1").status == 400

    def test_referrers(self, registry, repository):
        _, subject = registry.push(repository, "v1", b"layer")
        about = {"mediaType": OCI_MANIFEST, "size": 2, "digest": subject}
        empty = registry.call("GET", f"{repository}/referrers/{subject}")
        assert (empty.status, empty.headers["Content-Type"]) == (200, OCI_INDEX)
        assert empty.json["schemaVersion"] == 2 and empty.json["manifests"] == []
        config = b'{"signed":true}'
        registry.push_blob(repository, config)
        signature = image(config=config, subject=about, artifactType="application/x.signature",
                          annotations={"by": "test"})
        by_config = image(subject=about)
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "subject": about,
                 "artifactType": "application/x.list"}
        for document in (signature, by_config, index):
            answer, name = registry.put(repository, descriptor(document)["digest"], document, document["mediaType"])
            assert answer.headers["OCI-Subject"] == subject
        listed = {one["digest"]: one for one in registry.call("GET", f"{repository}/referrers/{subject}").json["manifests"]}
        assert {one["artifactType"] for one in listed.values()} == {
            "application/x.signature", "application/vnd.oci.image.config.v1+json", "application/x.list",
        }
        mine = listed[descriptor(signature)["digest"]]
        assert mine["annotations"] == {"by": "test"} and mine["size"] == descriptor(signature)["size"]
        assert {one["mediaType"] for one in listed.values()} == {OCI_MANIFEST, OCI_INDEX}
        some = registry.call("GET", f"{repository}/referrers/{subject}?artifactType=application/x.signature")
        assert [one["digest"] for one in some.json["manifests"]] == [mine["digest"]]
        assert some.headers["OCI-Filters-Applied"] == "artifactType"
        assert registry.call("GET", f"{repository}/referrers/sha256:no").status == 400
        # A subject that goes takes no referrer along; a referrer that goes is listed no more.
        assert registry.call("DELETE", f"{repository}/manifests/{mine['digest']}").status == 202
        left = registry.call("GET", f"{repository}/referrers/{subject}").json["manifests"]
        assert mine["digest"] not in {one["digest"] for one in left} and len(left) == 2


class TestContentManagement:
    def test_a_tag_then_a_manifest_then_its_blobs_are_deleted(self, registry, repository):
        layer = os.urandom(64)
        _, name = registry.push(repository, "v1", layer)
        registry.push(repository, "v2", layer)
        assert registry.call("DELETE", f"{repository}/manifests/v1").status == 202
        assert registry.call("GET", f"{repository}/manifests/v1").status == 404
        assert registry.call("GET", f"{repository}/manifests/v2").status == 200
        assert registry.call("GET", f"{repository}/tags/list").json["tags"] == ["v2"]
        held = registry.call("DELETE", f"{repository}/blobs/{digest(layer)}")
        assert held.status == 405, "a manifest needs it"
        assert registry.call("DELETE", f"{repository}/manifests/v2").status == 202
        assert registry.call("DELETE", f"{repository}/manifests/{name}").status == 202
        assert registry.call("DELETE", f"{repository}/manifests/{name}").status == 404
        assert registry.call("DELETE", f"{repository}/blobs/{digest(layer)}").status == 202
        assert registry.call("GET", f"{repository}/blobs/{digest(layer)}").status == 404
        assert registry.call("DELETE", f"{repository}/blobs/{digest(layer)}").status == 404


def test_names_that_are_none_are_refused(registry, cloud):
    for name in ("../x", f"{cloud.project}/..", f"{cloud.project}/UPPER", f"{cloud.project}/a//b", f"{cloud.project}/-a"):
        answer = registry.call("POST", f"{name}/blobs/uploads/")
        assert answer.status in (400, 404), name
