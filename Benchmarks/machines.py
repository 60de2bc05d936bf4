"""An instance's insert to a finished ssh, one and fifty at once, against the same containers made by hand; a job's submit to
its first line; lists of ten thousand instances."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import sqlite3
import subprocess
import time
import urllib.parse

from cloud import Cloud, seconds
from small import wrk

ZONE = "europe-west1-b"
USERS = (pathlib.Path(__file__).parents[1] / "Sources/ImageCatalogue/GuestTools/inside/users-up.sh").read_text()
CROWD = 50


def rows(program, runs):
    with Cloud(program, "--no-spare-machines") as cloud:
        cloud.sign_in()
        key, public = key_pair(cloud)
        insert(cloud, "warm", key, public)
        ours, by_hand = [], []
        for run in range(runs):
            ours.append(seconds(lambda: insert(cloud, f"vm-{run}", key, public)))
            by_hand.append(seconds(lambda: container(cloud, "warm", f"hand-{run}", key, public)))
        ratio = sorted(a / b for a, b in zip(ours, by_hand))[runs // 2]
        yield (
            "instance insert to finished ssh, its machine made for it",
            f"{sorted(ours)[runs // 2]:.2f} s; by hand {sorted(by_hand)[runs // 2]:.2f} s; ratio {ratio:.2f}",
            "≤ 1.2",
        )
        first_line(cloud)
        yield "custom job, submit to first line", f"{first_line(cloud):.2f} s", "≤ 2 s"
        yield from crowd(cloud, key, public)
    with Cloud(program) as cloud:
        cloud.sign_in()
        for kernel, runs_ahead, bar in (("docker", runs, "≤ 0.5 s"), ("qemu", min(runs, 3), "≤ 2.5 s")):
            first, *next_ones = list(ahead(cloud, kernel, key_pair(cloud), runs_ahead + 1))
            if kernel == "qemu":
                yield "the first with a kernel of its own, its image there", f"{first:.1f} s", "–"
            what = "instance insert to finished ssh, its machine started ahead"
            yield what + (", with a kernel of its own" if kernel == "qemu" else ""), f"{middle(next_ones):.2f} s", bar
    yield from many(program)


def middle(figures):
    return sorted(figures)[len(figures) // 2]


def key_pair(cloud):
    key = cloud.folder / "key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key, (cloud.folder / "key.pub").read_text().strip()


def ahead(cloud, kernel, keys, count):
    """Seconds of inserts one after the other, each when the machine of the one before it is ready."""
    for number in range(count):
        ready = cloud.log().count("a spare machine is ready")
        yield seconds(lambda: insert(cloud, f"{kernel}-{number}", *keys, labels={"brume-engine": kernel}))
        while cloud.log().count("a spare machine is ready") == ready:
            time.sleep(0.05)


def crowd(cloud, key, public):
    """Fifty at once, ours and by hand, each until ssh has succeeded."""

    def all_of(make, name):
        with concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
            list(pool.map(lambda number: make(f"{name}-{100 + number}"), range(CROWD)))

    free = available()
    ours = seconds(lambda: all_of(lambda name: insert(cloud, name, key, public), "crowd"))
    each = (free - available()) / CROWD
    by_hand = seconds(lambda: all_of(lambda name: container(cloud, "warm", name, key, public), "hand"))
    yield (
        f"{CROWD} instances at once, to finished ssh",
        f"{ours:.1f} s; by hand {by_hand:.1f} s; ratio {ours / by_hand:.2f}; {each:.0f} MiB each",
        "≤ 1.2",
    )


def available():
    """MiB that the machine has left."""
    return int(re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1)) / 1024


TEN_THOUSAND = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
INSERT INTO computeResources (project, scope, collection, name, id, resource)
SELECT project, scope, collection, name || '-' || i, id || i,
    CAST(json_set(CAST(resource AS TEXT), '$.name', name || '-' || i, '$.id', id || i, '$.labels', json_object('n', '' || i)) AS BLOB)
FROM n, computeResources WHERE collection = 'instances' AND name = 'seed'
"""


def many(program):
    """Lists and reads among 10,000 instances, whose rows are put into the data folder while the cloud is down."""
    with Cloud(program, engine="simulated") as cloud:
        cloud.sign_in()
        path = f"/compute/v1/projects/{cloud.project}/zones/{ZONE}/instances"
        image = "projects/debian-cloud/global/images/family/debian-12"
        operation = cloud.call("POST", path, {
            "name": "seed", "machineType": f"zones/{ZONE}/machineTypes/e2-small",
            "disks": [{"boot": True, "initializeParams": {"sourceImage": image}}],
            "networkInterfaces": [{"network": "global/networks/default"}],
        })  # fmt: skip
        operations = path.removesuffix("instances") + "operations"
        cloud.call("POST", f"{operations}/{operation['name']}/wait")
        cloud.call("POST", f"{operations}/{cloud.call('POST', f'{path}/seed/stop')['name']}/wait")
        cloud.brume("down")
        with sqlite3.connect(cloud.data / "brume.sqlite") as database:
            database.execute(TEN_THOUSAND)
        database.close()
        cloud.up()
        one = path + "?filter=" + urllib.parse.quote("labels.n=7321")
        found = cloud.call("GET", one)["items"]
        assert [instance["name"] for instance in found] == ["seed-7321"], found
        took = sorted(seconds(lambda: cloud.call("GET", one)) for _ in range(9))[4]
        yield "list of 10,000 instances with a filter that one passes", f"{took * 1000:.0f} ms", "–"
        if shutil.which("wrk"):
            for what, call in (("instances.get", f"{path}/seed-7321"), ("instances.list, 10 a page", f"{path}?maxResults=10")):
                rate, late = wrk(f"http://127.0.0.1:{cloud.port}{call}", cloud.token, 16)
                yield f"{what} among 10,000, 16 clients", f"{rate:,.0f}/s, 99 % within {late:.1f} ms", "99 % ≤ 5 ms"


def ssh(address, key):
    """ssh as it succeeds at first: the server may not be up yet."""
    command = ["ssh", "-i", str(key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
               "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", f"bench@{address}", "true"]  # fmt: skip
    while subprocess.run(command, stderr=subprocess.DEVNULL).returncode != 0:
        time.sleep(0.02)


def insert(cloud, name, key, public, labels={}):
    path = f"/compute/v1/projects/{cloud.project}/zones/{ZONE}"
    image = "projects/debian-cloud/global/images/family/debian-12"
    operation = cloud.call("POST", f"{path}/instances", {
        "name": name, "machineType": f"zones/{ZONE}/machineTypes/e2-small",
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": image}}],
        "networkInterfaces": [{"network": "global/networks/default"}],
        "labels": labels,
        "metadata": {"items": [{"key": "ssh-keys", "value": f"bench:{public}"}]},
    })  # fmt: skip
    operation = cloud.call("POST", f"{path}/operations/{operation['name']}/wait")
    assert "error" not in operation, operation
    instance = cloud.call("GET", f"{path}/instances/{name}")
    ssh(instance["networkInterfaces"][0]["networkIP"], key)


def docker(cloud, method, path, body=None):
    socket = cloud.switched()["DOCKER_HOST"].removeprefix("unix://")
    command = ["curl", "-sS", "--fail-with-body", "--unix-socket", socket, "-X", method, f"http://engine{path}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout or b"{}")


def container(cloud, model, name, key, public):
    """What somebody does by hand to get the model's machine: the same image, limits and ssh server."""
    identifier = cloud.call("GET", f"/compute/v1/projects/{cloud.project}/zones/{ZONE}/instances/{model}")["id"]
    config = docker(cloud, "GET", f"/containers/instance-{identifier}/json")
    network = config["HostConfig"]["NetworkMode"]
    # Of a part of the network where Brume has no region.
    address = f"10.190.0.{10 + int(name.split('-')[-1])}"
    body = {
        **{k: config["Config"][k] for k in ("Image", "Cmd", "Entrypoint", "Env", "User", "Tty", "StopSignal") if k in config["Config"]},
        # Without a limit of the processors, which the model has not as it starts.
        "HostConfig": {k: config["HostConfig"][k] for k in ("Binds", "Tmpfs", "CapAdd", "CgroupnsMode", "Memory", "NetworkMode")},
        "NetworkingConfig": {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": address}}}},
    }
    docker(cloud, "POST", f"/containers/create?name={name}", body)
    docker(cloud, "POST", f"/containers/{name}/start")
    client = ["docker", "-H", cloud.switched()["DOCKER_HOST"], "exec"]
    subprocess.run(
        client + ["-i", name, "/.brume/bin/sh", "-c", USERS, "users-up.sh", name, name, "by.hand"],
        input=f"bench:{public}\n", text=True, check=True, stdout=subprocess.DEVNULL,
    )
    # Not before: both write /etc/passwd.
    subprocess.run(client + ["-d", name, "/.brume/bin/sh", "/.brume/libexec/ssh-up.sh"], check=True)
    ssh(address, key)


def first_line(cloud):
    """Seconds from the call that creates a job to the moment when Cloud Logging has its first line."""
    begin = time.perf_counter()
    parent = f"projects/{cloud.project}/locations/europe-west1"
    job = cloud.call("POST", f"/aiplatform/v1/{parent}/customJobs", {
        "displayName": "bench",
        "jobSpec": {"workerPoolSpecs": [{
            "machineSpec": {"machineType": "n1-standard-4"}, "replicaCount": 1,
            "containerSpec": {"imageUri": "busybox", "command": ["echo", "the first line"]},
        }]},
    })  # fmt: skip
    identifier = job["name"].split("/")[-1]
    query = {"resourceNames": [f"projects/{cloud.project}"], "filter": f'resource.labels.job_id="{identifier}"'}
    while not any("the first line" in json.dumps(e) for e in cloud.call("POST", "/logging/v2/entries:list", query).get("entries", [])):
        time.sleep(0.02)
    return time.perf_counter() - begin
