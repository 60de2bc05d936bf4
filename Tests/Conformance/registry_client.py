"""The registry protocol by hand: what no client lets a test send."""

import hashlib
import http.client
import json
import urllib.parse

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The code of the first error."""
        return self.json["errors"][0]["code"]


class Registry:
    """One registry host, spoken to at the daemon's plain endpoint."""

    def __init__(self, cloud, host="gcr.io", token=None):
        self.port, self.host, self.token = cloud.port, host, token

    def call(self, method, target, body=None, **headers):
        """Sends one request; `target` is a path below the host's name, or a Location."""
        path = target
        if target.startswith("http"):
            parts = urllib.parse.urlsplit(target)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
        elif not target.startswith("/v2/"):
            path = f"/v2/{self.host}/{target}" if target else "/v2/"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def push_blob(self, name, content):
        answer = self.call("POST", f"{name}/blobs/uploads/?digest={digest(content)}", content)
        return answer.status

    def put(self, name, reference, document, media_type=OCI_MANIFEST):
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.call("PUT", f"{name}/manifests/{reference}", content, Content_Type=media_type), digest(content)

    def push(self, name, tag, layer):
        """Pushes an image of one layer: the status of what failed, or 201, and the digest."""
        for content in (b"{}", layer):
            status = self.push_blob(name, content)
            if status != 201:
                return status, None
        answer, pushed = self.put(name, tag, image(layer))
        return answer.status, pushed


def image(*layers, config=b"{}", **more):
    """An image's manifest."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": OCI_LAYER, "size": len(layer), "digest": digest(layer)} for layer in layers],
        **more,
    }


def descriptor(document, media_type=OCI_MANIFEST):
    content = json.dumps(document).encode()
    return {"mediaType": media_type, "size": len(content), "digest": digest(content)}
