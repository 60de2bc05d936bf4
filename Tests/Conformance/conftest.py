"""One cloud for all conformance tests of a run: started here, on a port and in folders of its own, and stopped again."""

import functools
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import pytest

PROGRAM = os.environ["BRUME_PROGRAM"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cloud:
    """A cloud with a data folder, a port and a home of its own; commands run in a shell that is turned to it."""

    def __init__(self, folder, extra_environment=None):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.home = self.folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.base = dict(os.environ)
        for name in [n for n in self.base if n.startswith(("BRUME_", "CLOUDSDK_"))]:
            if name not in ("BRUME_CACHE", "BRUME_IMAGE_CACHE"):
                del self.base[name]
        cache = self.base.setdefault("BRUME_CACHE", os.path.expanduser("~/.cache/brume"))
        # Images are made once for all clouds of this machine, whatever home a test's cloud has.
        self.base.setdefault("BRUME_IMAGE_CACHE", os.path.expanduser("~/.cache/brume/images"))
        self.base.update(
            HOME=str(self.home),
            BRUME_DATA=str(self.data),
            BRUME_PORT=str(self.port),
            PATH=os.pathsep.join([os.path.join(cache, "venv", "bin"), os.path.dirname(PROGRAM), self.base["PATH"]]),
        )
        self.base.update(extra_environment or {})
        self.environment = dict(self.base)

    def brume(self, *arguments, check=True, timeout=1800):
        return run([PROGRAM, *arguments], self.base, self.folder, check, timeout)

    def up(self, *arguments):
        self.brume("up", *arguments)
        switch = json.loads(self.brume("env", "--shell", "json").stdout)
        self.environment = {**self.base, **{k: v for k, v in switch.items() if v is not None}}
        self.project = switch["CLOUDSDK_CORE_PROJECT"]

    def down(self):
        self.brume("down")

    @property
    def pid(self):
        return json.loads((self.data / "run" / "daemon.json").read_text())["pid"]

    def kill(self):
        """kill -9 of the daemon alone."""
        pid = self.pid
        os.kill(pid, 9)
        subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], check=True)

    def memory(self, field):
        """The daemon's `VmRSS` (now) or `VmHWM` (its peak) in MiB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field))

    def clear_peak(self):
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def sh(self, command, check=True, cwd=None, timeout=600, environment=None):
        """Runs a command line as a user would type it."""
        variables = {**self.environment, **(environment or {})}
        return run(["bash", "-o", "pipefail", "-c", command], variables, cwd or self.folder, check, timeout)

    def python(self, script, *arguments):
        """Runs a program of a user's in the shell that is turned to the cloud."""
        return self.sh(f"python - {' '.join(arguments)} <<'E'\n{script}\nE")

    def until(self, condition, seconds=60):
        """Asks again and again, and fails when the answer is no for too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log()[-4000:]
            time.sleep(0.1)

    @functools.cached_property
    def token(self):
        """The owner's access token."""
        return self.sh("gcloud auth print-access-token").stdout.strip()

    def log(self):
        path = self.data / "logs" / "brume.log"
        return path.read_text(errors="replace") if path.exists() else ""


class Result:
    def __init__(self, done):
        self.status, self.stdout, self.stderr = done.returncode, done.stdout, done.stderr

    @property
    def output(self):
        return self.stdout + self.stderr


def run(command, environment, cwd, check=True, timeout=600):
    done = subprocess.run(
        command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )
    result = Result(done)
    if check and result.status != 0:
        pytest.fail(f"{command[-1] if command[0] == 'bash' else command}: exit {result.status}\n{result.output}", False)
    return result


@pytest.fixture(scope="session")
def cloud():
    """The cloud that most tests share."""
    folder = tempfile.mkdtemp(prefix="brume-conf-", dir="/tmp")
    cloud = Cloud(folder)
    try:
        cloud.up()
        yield cloud
    finally:
        cloud.brume("down", check=False)
        sys.stderr.write("\n".join(l for l in cloud.log().splitlines() if " error " in l)[-4000:])
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_cloud(tmp_path_factory):
    """A cloud of a test's own, not yet up; the simulated engine unless the test says otherwise."""
    clouds = []

    def make(**environment):
        folder = tempfile.mkdtemp(prefix="brume-own-", dir="/tmp")
        clouds.append(Cloud(folder, {"BRUME_ENGINE": "simulated", **environment}))
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.brume("down", check=False)
        shutil.rmtree(cloud.folder, ignore_errors=True)


@pytest.fixture
def name():
    """A name that no other test uses."""
    return "t-" + uuid.uuid4().hex[:10]


@pytest.fixture
def bucket(cloud, name):
    """A new bucket's URL."""
    cloud.sh(f"gcloud storage buckets create gs://{cloud.project}-{name} --location=europe-west1")
    return f"gs://{cloud.project}-{name}"


def pytest_collection_modifyitems(items):
    """A test that needs a client which is not installed is skipped, never passed."""
    for item in items:
        for mark in item.iter_markers("needs"):
            for program in mark.args:
                if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
                    item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))


def pytest_configure(config):
    config.addinivalue_line("markers", "compute: of Compute Engine; these tests and the others run at the same time, in two clouds")
    config.addinivalue_line("markers", "needs(*programs): clients without which the test is skipped")
