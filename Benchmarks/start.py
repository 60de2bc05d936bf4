"""`brume up` to the first answer, and the daemon's memory at rest."""

import shutil
import statistics
import urllib.request

from cloud import Cloud, seconds


def first_answer(cloud):
    cloud.up()
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{cloud.port}/").close()


def answers(cloud):
    try:
        first_answer(cloud)
    except urllib.error.HTTPError:
        pass  # The root of all APIs asks for credentials: it answers.


def rows(program, runs):
    empty, again = [], []
    for _ in range(runs):
        cloud = Cloud(program, engine="simulated")
        empty.append(seconds(lambda: answers(cloud)))
        cloud.brume("down")
        again.append(seconds(lambda: answers(cloud)))
        resident, own = cloud.memory()
        cloud.brume("down")
        shutil.rmtree(cloud.folder)
    yield "up on an empty folder, to the first answer", f"{statistics.median(empty) * 1000:.0f} ms", "≤ 100 ms"
    yield "up on an existing folder, to the first answer", f"{statistics.median(again) * 1000:.0f} ms", "≤ 100 ms"
    yield "resident memory, idle", f"{resident:.0f} MiB, {own:.0f} of it its own", "≤ 40 MiB"
