"""A cloud to measure: started on a port and a data folder of its own, and stopped again."""

import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cloud:
    def __init__(self, program, *options, engine="managed"):
        """options: those of `brume up`."""
        self.options = options
        self.program = str(pathlib.Path(program).resolve())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="brume-bench-"))
        self.data = self.folder / "data"
        self.port = free_port()
        home = os.environ.get("HOME", "/root")
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("BRUME_", "CLOUDSDK_"))},
            "BRUME_IMAGE_CACHE": os.environ.get("BRUME_IMAGE_CACHE", f"{home}/.cache/brume/images"),
            "BRUME_DATA": str(self.data),
            "BRUME_PORT": str(self.port),
            "BRUME_ENGINE": engine,
            "HOME": str(self.folder),
        }

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.brume("down")
        shutil.rmtree(self.folder, ignore_errors=True)

    def brume(self, *arguments):
        done = subprocess.run(
            [self.program, *arguments], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def up(self):
        self.brume("up", *self.options)
        self.pid = json.loads((self.data / "run" / "daemon.json").read_text())["pid"]

    def log(self):
        return (self.data / "logs" / "brume.log").read_text(errors="replace")

    def switched(self):
        """The environment of a shell that is turned to the cloud."""
        switch = json.loads(self.brume("env", "--shell", "json"))
        return {**self.environment, **{k: v for k, v in switch.items() if v is not None}}

    def sh(self, command):
        return subprocess.run(
            ["bash", "-c", command], env=self.switched(), cwd=self.folder, capture_output=True, text=True, check=True
        ).stdout.strip()

    def sign_in(self):
        self.token = self.sh("gcloud auth print-access-token")
        self.project = self.switched()["CLOUDSDK_CORE_PROJECT"]

    def call(self, method, path, body=None, headers=None):
        """A call of a plain endpoint; the answer's JSON."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})},
            method=method,
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return json.loads(answer.read() or b"{}")

    def text(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.read().decode(errors="replace")

    def memory(self):
        """Resident memory of the daemon in MiB: all of it, and what is its own (not mapped files)."""
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))

    def peak(self, action):
        """How many MiB the daemon's peak lies above what it held before the action."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        before = self.memory()[0]
        action()
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024 - before
        return float("nan")


def seconds(action):
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def median(runs, action):
    return statistics.median(seconds(action) for _ in range(runs))
