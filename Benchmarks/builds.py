"""Builds: against the same docker commands by hand, with and without what an earlier build left, and a hundred at once."""

import concurrent.futures
import datetime
import io
import statistics
import tarfile
import time

from cloud import Cloud, seconds

BUILDER = "gcr.io/cloud-builders/docker"
DOCKERFILE = "FROM busybox\nRUN sleep 2; head -c 1000000 /dev/zero > /made\nCOPY hello.txt /hello.txt\n"
HUNDRED = 100


def rows(program, runs):
    with Cloud(program) as cloud:
        cloud.sign_in()
        cloud.call("POST", f"/storage/v1/b?project={cloud.project}", {"name": f"{cloud.project}-bench"})
        # What is made or fetched once: the builder, the base, the network.
        build(cloud, steps(f"gcr.io/{cloud.project}/warm"), source(cloud, "warm"))
        yield from against_docker(cloud, runs)
        yield from cached(cloud, runs)
        yield from first_line(cloud)
        yield from hundred(cloud)


def folder(cloud, text):
    """A folder with a Dockerfile whose last layer is new."""
    path = cloud.folder / f"source-{text}"
    path.mkdir(exist_ok=True)
    (path / "Dockerfile").write_text(DOCKERFILE)
    (path / "hello.txt").write_text(text)
    return path


def source(cloud, text):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for file in sorted(folder(cloud, text).iterdir()):
            tar.add(file, file.name)
    bucket = f"{cloud.project}-bench"
    cloud.call("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={text}.tgz", archive.getvalue())
    return {"storageSource": {"bucket": bucket, "object": f"{text}.tgz"}}


def steps(image, *flags):
    arguments = ["build", *flags, "-t", image, "."]
    return {"steps": [{"name": BUILDER, "args": arguments}, {"name": BUILDER, "args": ["push", image]}]}


def create(cloud, config, source=None):
    body = {**config, **({"source": source} if source else {})}
    return cloud.call("POST", f"/cloudbuild/v1/projects/{cloud.project}/builds", body)["metadata"]["build"]["id"]


def get(cloud, identifier):
    return cloud.call("GET", f"/cloudbuild/v1/projects/{cloud.project}/builds/{identifier}")


def ended(cloud, identifier):
    while (found := get(cloud, identifier))["status"] in ("QUEUED", "WORKING"):
        time.sleep(0.02)
    assert found["status"] == "SUCCESS", found
    return found


def build(cloud, config, source=None):
    return ended(cloud, create(cloud, config, source))


def by_hand(cloud, image, text, *flags):
    """The same commands, in the same image and surroundings, typed in a shell."""
    docker = f"docker run --rm -v /var/run/docker.sock:/var/run/docker.sock -v {folder(cloud, text)}:/workspace -w /workspace"
    # The socket of the private engine is not at the usual place.
    docker = docker.replace("/var/run/docker.sock:", f"{cloud.switched()['DOCKER_HOST'].removeprefix('unix://')}:", 1)
    login = f"docker login -u oauth2accesstoken -p {cloud.token} gcr.io"
    cloud.sh(
        f"{docker} {BUILDER} build {' '.join(flags)} -t {image} . && "
        f"{docker} --network cloudbuild --entrypoint sh {BUILDER} -c '{login} && docker push {image}'"
    )


def against_docker(cloud, runs):
    ours, theirs = [], []
    for run in range(runs):
        flags = ["--no-cache", "--network", "cloudbuild"]
        place = source(cloud, f"ours-{run}")
        ours.append(seconds(lambda: build(cloud, steps(f"gcr.io/{cloud.project}/ours-{run}", *flags), place)))
        folder(cloud, f"hand-{run}")
        theirs.append(seconds(lambda: by_hand(cloud, f"gcr.io/{cloud.project}/hand-{run}", f"hand-{run}", *flags)))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    text = f"{statistics.median(ours):.2f} s; by hand {statistics.median(theirs):.2f} s; ratio {ratio:.2f}"
    yield "build and push, nothing kept (two steps; two of the seconds are the Dockerfile's own)", text, "≤ 1.2"


def cached(cloud, runs):
    image = f"gcr.io/{cloud.project}/cached"
    first = seconds(lambda: build(cloud, steps(image, "--no-cache"), source(cloud, "cached-first")))
    changed, same = [], []
    for run in range(runs):
        place = source(cloud, f"cached-{run}")
        changed.append(seconds(lambda: build(cloud, steps(image), place)))
        same.append(seconds(lambda: build(cloud, steps(image), place)))
    yield (
        "first build with --no-cache; again with one file changed; again unchanged",
        f"{first:.2f} s; {statistics.median(changed):.2f} s; {statistics.median(same):.2f} s",
        "–",
    )


def first_line(cloud):
    """From a line's printing in a step to its being in the log's object."""
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do cut -d' ' -f1 /proc/uptime; sleep 0.7; done"
    config = {"steps": [{"name": "busybox", "args": ["sh", "-c", script]}]}
    identifier = create(cloud, config)
    lags, seen = [], 0
    while (found := get(cloud, identifier))["status"] in ("QUEUED", "WORKING"):
        try:
            bucket = found["logsBucket"].removeprefix("gs://")
            text = cloud.text(f"/storage/v1/b/{bucket}/o/log-{identifier}.txt?alt=media")
        except OSError:
            text = ""
        now = float(open("/proc/uptime").read().split()[0])
        lines = [line for line in text.splitlines() if line.replace(".", "", 1).isdigit()]
        lags += [now - float(line) for line in lines[seen:]]
        seen = len(lines)
        time.sleep(0.02)
    yield "a line printed by a step to a line in the log", f"{statistics.median(lags):.2f} s, at most {max(lags):.2f} s", "≤ 1 s"


def hundred(cloud):
    """A hundred small builds at once, against as many containers by hand, as many at a time."""
    config = {"steps": [{"name": "busybox", "args": ["true"]}], "options": {"logging": "GCS_ONLY"}}
    build(cloud, config)
    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        identifiers = list(pool.map(lambda _: create(cloud, config), range(HUNDRED)))
    submitted = time.perf_counter() - began
    builds = [ended(cloud, identifier) for identifier in identifiers]
    took = time.perf_counter() - began
    times = sorted(
        [(found["startTime"], 1) for found in builds] + [(found["finishTime"], -1) for found in builds]
    )
    running, most = 0, 0
    for _, change in times:
        running += change
        most = max(most, running)
    ends = sorted(moment(found["finishTime"]) for found in builds)
    pause = max(b - a for a, b in zip(ends, ends[1:]))
    docker = "docker run --rm --network cloudbuild busybox true"
    theirs = seconds(lambda: cloud.sh(f"seq {HUNDRED} | xargs -P {most} -I@ {docker}"))
    yield (
        f"{HUNDRED} builds of one small step, submitted at once",
        f"{took:.1f} s (submitted in {submitted:.1f} s), {most} at a time, longest pause between two ends {pause:.1f} s; "
        f"docker run by hand {theirs:.1f} s; ratio {took / theirs:.2f}",
        "no stall",
    )


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
