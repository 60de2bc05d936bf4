"""Many at once: idle connections, uploads side by side, and the deletion of a prefix that holds a million objects."""

import concurrent.futures
import http.client
import resource
import socket
import sqlite3
import statistics
import time

from cloud import Cloud, seconds
from small import MILLION, put

IDLE, UPLOADS, UPLOAD_BYTES, DELETERS = 10_000, 64, 32 << 20, 8


def idle(cloud):
    """Connections that have each asked one thing, and now say nothing."""
    wanted = IDLE + 200
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard > 0 else wanted, hard))
    path = "/storage/v1/b/bench?fields=name"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {cloud.token}\r\n\r\n".encode()
    before, held, begin = cloud.memory()[0], [], time.perf_counter()
    for _ in range(IDLE):
        held.append(socket.create_connection(("127.0.0.1", cloud.port)))
        held[-1].sendall(request)
        assert held[-1].recv(4096).startswith(b"HTTP/1.1 200")
    opened = time.perf_counter() - begin
    grown = (cloud.memory()[0] - before) * 1024 / IDLE
    calls = [seconds(lambda: cloud.call("GET", path)) for _ in range(200)]
    yield f"{IDLE:,} idle connections: to open and ask one thing each", f"{opened:.1f} s", ""
    yield "memory of an idle connection", f"{grown:.1f} KiB", ""
    yield "a metadata read beside them, 99th of 100", f"{statistics.quantiles(calls, n=100)[98] * 1000:.1f} ms", "≤ 5 ms"
    for connection in held:
        connection.close()


def uploads(cloud):
    content = bytes(range(256)) * (UPLOAD_BYTES >> 8)

    def one(number):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
        path = f"/upload/storage/v1/b/bench/o?uploadType=media&name=up/{number}"
        connection.request("POST", path, content, {"Authorization": f"Bearer {cloud.token}"})
        assert connection.getresponse().status == 200
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(UPLOADS) as pool:
        begin = time.perf_counter()
        peak = cloud.peak(lambda: list(pool.map(one, range(UPLOADS))))
        took = time.perf_counter() - begin
    speed = (UPLOADS * UPLOAD_BYTES >> 20) / took
    yield f"{UPLOADS} uploads of {UPLOAD_BYTES >> 20} MiB side by side", f"{speed:.0f} MiB/s together", ""
    yield "memory that they add", f"{peak:.0f} MiB", "≤ 64 MiB"


def deletion(cloud):
    """Deletes as clients do: pages of a listing, then batches of 100 calls, several at once."""
    cloud.brume("down")
    with sqlite3.connect(cloud.data / "brume.sqlite") as database:
        database.execute(MILLION)
    database.close()
    yield "up with 1,000,000 objects", f"{seconds(cloud.up) * 1000:.0f} ms", "≤ 100 ms"
    cloud.sign_in()

    def batch(names):
        parts = "".join(
            f"--b\r\nContent-Type: application/http\r\n\r\nDELETE /storage/v1/b/bench/o/{name.replace('/', '%2F')} HTTP/1.1"
            f"\r\nAuthorization: Bearer {cloud.token}\r\n\r\n\r\n"
            for name in names
        )
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
        fields = {"Authorization": f"Bearer {cloud.token}", "Content-Type": "multipart/mixed; boundary=b"}
        connection.request("POST", "/batch/storage/v1", (parts + "--b--\r\n").encode(), fields)
        answer = connection.getresponse().read().count(b"204 No Content")
        connection.close()
        return answer

    deleted, token, begin = 0, "", time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(DELETERS) as pool:
        while token is not None:
            page = cloud.call("GET", f"/storage/v1/b/bench/o?prefix=d&fields=items/name,nextPageToken&pageToken={token}")
            names = [item["name"] for item in page.get("items", [])]
            deleted += sum(pool.map(batch, [names[n:n + 100] for n in range(0, len(names), 100)]))
            token = page.get("nextPageToken")
    rate = deleted / (time.perf_counter() - begin)
    left = cloud.call("GET", "/storage/v1/b/bench/o?prefix=d&maxResults=1").get("items", [])
    yield f"deletion of a prefix of {deleted:,} objects in batches", f"{rate:,.0f} objects/s", ""
    assert not left


def rows(program, runs):
    with Cloud(program, engine="simulated") as cloud:
        cloud.sign_in()
        cloud.call("POST", f"/storage/v1/b?project={cloud.project}", {"name": "bench"})
        put(f"http://127.0.0.1:{cloud.port}", cloud.token, "seed")
        yield from idle(cloud)
        yield from uploads(cloud)
        yield from deletion(cloud)
