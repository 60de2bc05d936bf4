"""The APIs at the plain endpoint, as the owner: for tests that need many calls or exact bytes."""

import json
import urllib.error
import urllib.request


class Client:
    """The JSON API at the plain endpoint, as the owner."""

    def __init__(self, cloud):
        self.base = f"http://127.0.0.1:{cloud.port}"
        self.token = cloud.token

    def call(self, method, path, data=None, headers=None):
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            # Longer than a method waits for an operation.
            with urllib.request.urlopen(request, timeout=150) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def make_bucket(self, cloud, name):
        body = json.dumps({"name": name}).encode()
        return self.call(
            "POST", f"/storage/v1/b?project={cloud.project}", body, {"Content-Type": "application/json"}
        )[0]

    def put(self, bucket, name, data):
        return self.call("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}", data)[0]

    def get(self, bucket, name):
        return self.call("GET", f"/storage/v1/b/{bucket}/o/{name}?alt=media")

    def names(self, bucket):
        items = json.loads(self.call("GET", f"/storage/v1/b/{bucket}/o")[1]).get("items", [])
        return {item["name"]: item for item in items}
