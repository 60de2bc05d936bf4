"""Images: raw blobs against the disk and SHA-256, docker push and pull, both beside Debian's docker-registry."""

import hashlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import urllib.parse
import urllib.request

from cloud import Cloud, median, seconds
from peers import Peer

MEBIBYTES = 200
IMAGES = 50


class DockerRegistry(Peer):
    """Debian's `docker-registry`: CNCF distribution, files on the disk, no sign-in."""

    def __init__(self):
        super().__init__("docker-registry")
        (self.folder / "config.yml").write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{cache: {{blobdescriptor: inmemory}}, filesystem: {{rootdirectory: {self.folder}/files}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
        )

    @staticmethod
    def program():
        return shutil.which("docker-registry")

    def command(self):
        return [self.program(), "serve", str(self.folder / "config.yml")]


def rows(program, runs):
    with Cloud(program, engine="simulated") as cloud:
        cloud.sign_in()
        with DockerRegistry() as peer:
            yield from blobs(cloud, peer, runs)
        yield from parallel(cloud)
        yield from lists(cloud)
    if not shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin"):
        return
    with Cloud(program) as cloud:
        cloud.sign_in()
        cloud.sh(f"docker login -u oauth2accesstoken -p {cloud.token} localhost:{cloud.port}")
        with DockerRegistry() as peer:
            yield from images(cloud, peer, runs)


def random_file(path, mebibytes):
    digest = hashlib.sha256()
    with open(path, "wb") as out:
        for _ in range(mebibytes):
            block = os.urandom(1 << 20)
            digest.update(block)
            out.write(block)
    return f"sha256:{digest.hexdigest()}"


def run(command):
    return lambda: subprocess.run(list(map(str, command)), check=True)


def curl(token=None):
    credential = ["-H", f"Authorization: Bearer {token}"] if token else []
    return ["curl", "-sSf", "--noproxy", "*", "-o", "/dev/null", *credential]


def put(runs, root, name, file, token=None):
    """The median time of a PUT of a blob that is new each time; where it goes is asked before."""
    times = []
    for _ in range(runs):
        digest = random_file(file, MEBIBYTES)
        os.sync()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        begin = urllib.request.Request(f"{root}/v2/{name}/blobs/uploads/", method="POST", headers=headers)
        place = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(begin).headers["Location"]
        target = f"{place}{'&' if '?' in place else '?'}digest={digest}"
        times.append(seconds(run(curl(token) + ["-T", file, target])))
    return statistics.median(times), digest


def blobs(cloud, peer, runs):
    file = cloud.folder / "blob"
    random_file(file, MEBIBYTES)
    root, name = f"http://127.0.0.1:{cloud.port}", f"gcr.io/{cloud.project}/blob"
    disk = MEBIBYTES / median(runs, run(["dd", f"if={file}", f"of={cloud.folder}/raw", "bs=1M", "conv=fsync", "status=none"]))
    sha = MEBIBYTES / median(runs, run(["openssl", "dgst", "-sha256", "-out", "/dev/null", file]))
    took, digest = put(runs, root, name, file, cloud.token)
    mine = MEBIBYTES / took
    text = f"{mine:.0f} MiB/s = {mine / min(disk, sha):.2f} of the slower of write+fsync ({disk:.0f}) and SHA-256 ({sha:.0f})"
    yield f"raw blob of {MEBIBYTES} MiB, put", text, "≥ 0.70"
    down = MEBIBYTES / median(runs, run(curl(cloud.token) + [f"{root}/v2/{name}/blobs/{digest}"]))
    if not peer.program():
        yield "raw blob, got", f"{down:.0f} MiB/s", "–"
        return
    took, digest = put(runs, peer.url, "blob", file)
    theirs = MEBIBYTES / took
    yield "raw blob, put, beside docker-registry", f"×{mine / theirs:.2f} ({theirs:.0f} MiB/s, not synced)", "≥ ×1"
    other = MEBIBYTES / median(runs, run(curl() + [f"{peer.url}/v2/blob/blobs/{digest}"]))
    yield "raw blob, got, beside docker-registry", f"{down:.0f} MiB/s, ×{down / other:.2f} ({other:.0f})", "≥ ×1"


def parallel(cloud):
    """Eight layers of 1 GiB at once."""
    file = cloud.folder / "layer"
    digest = random_file(file, 1024)
    root = f"http://127.0.0.1:{cloud.port}"

    def all_at_once():
        script = "\n".join(
            f"curl -sSf --noproxy '*' -o /dev/null -H 'Authorization: Bearer {cloud.token}' -T {file} -X POST"
            f" '{root}/v2/gcr.io/{cloud.project}/layer-{n}/blobs/uploads?digest={digest}' & jobs[{n}]=$!"
            for n in range(8)
        )
        subprocess.run(["bash", "-c", f"{script}\nfor job in ${{jobs[@]}}; do wait $job || exit 1; done"], check=True)

    took = []
    growth = cloud.peak(lambda: took.append(seconds(all_at_once)))
    yield "memory while 8 layers of 1 GiB are uploaded at once", f"+{growth:.0f} MiB, {8192 / took[0]:.0f} MiB/s", "≤ 64 MiB"
    file.unlink()


TEN_THOUSAND = (
    "CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) SELECT i FROM n",
    """INSERT INTO artifact_manifests (project, location, repository, image, digest, mediaType, content, imageSizeBytes,
           createTime, updateTime)
       SELECT project, location, repository, image, printf('sha256:%064d', i), mediaType, content, imageSizeBytes,
           createTime, updateTime FROM n, artifact_manifests WHERE image = 'many'""",
    """INSERT INTO artifact_tags (project, location, repository, image, tag, digest, updateTime)
       SELECT project, location, repository, image, printf('v%d', i), printf('sha256:%064d', i), updateTime
       FROM n, artifact_tags WHERE image = 'many'""",
)


def lists(cloud):
    """Pages of an image of 10,000 versions, whose rows are put into the data folder while the cloud is down."""
    name, config = f"gcr.io/{cloud.project}/many", b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config), "digest": digest},
    }  # fmt: skip
    cloud.call("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", config)
    cloud.call("PUT", f"/v2/{name}/manifests/v0", manifest, {"Content-Type": manifest["mediaType"]})
    cloud.brume("down")
    with sqlite3.connect(cloud.data / "brume.sqlite") as database:
        for statement in TEN_THOUSAND:
            database.execute(statement)
    database.close()
    cloud.up()
    package = f"/artifactregistry/v1/projects/{cloud.project}/locations/us/repositories/gcr.io/packages/many"
    for what in ("versions", "tags"):
        page = f"{package}/{what}?pageSize=50"
        token = cloud.call("GET", page)["nextPageToken"]
        later = f"{page}&pageToken={urllib.parse.quote(token)}"
        assert len(cloud.call("GET", later)[what]) == 50
        took = sorted(seconds(lambda: cloud.call("GET", later)) for _ in range(9))[4]
        yield f"a page of 50 of 10,000 {what}", f"{took * 1000:.1f} ms", "≤ 5 ms"


def images(cloud, peer, runs):
    random_file(cloud.folder / "content", MEBIBYTES)
    cloud.sh("tar -cf large.tar content && rm content")
    for number in range(IMAGES):
        (cloud.folder / "content").write_bytes(os.urandom(1 << 14))
        cloud.sh(f"tar -cf small-{number}.tar content")

    def push_and_pull(prefix):
        """The seconds for the large image's push, again, pull, and the small ones' push and pull."""
        took = {"push": [], "push again": [], "pull": [], "push of 50": [], "pull of 50": []}
        for turn in range(runs):
            large = f"{prefix}/large-{turn}"
            # Another name each time, and a layer that the registry has not seen.
            cloud.sh(f"echo {turn} > turn && cp large.tar turn.tar && tar -rf turn.tar turn && docker import turn.tar {large}")
            took["push"].append(seconds(lambda: cloud.sh(f"docker push -q {large}")))
            took["push again"].append(seconds(lambda: cloud.sh(f"docker push -q {large}")))
            cloud.sh(f"docker rmi {large}")
            took["pull"].append(seconds(lambda: cloud.sh(f"docker pull -q {large}")))
            cloud.sh(f"docker rmi {large}")
        names = [f"{prefix}/small-{number}" for number in range(IMAGES)]
        for number, name in enumerate(names):
            cloud.sh(f"docker import small-{number}.tar {name}")
        took["push of 50"].append(seconds(lambda: cloud.sh("".join(f"docker push -q {n} && " for n in names) + "true")))
        cloud.sh("docker rmi " + " ".join(names))
        took["pull of 50"].append(seconds(lambda: cloud.sh("".join(f"docker pull -q {n} && " for n in names) + "true")))
        cloud.sh("docker rmi " + " ".join(names))
        return {what: statistics.median(times) for what, times in took.items()}

    # Both by the name of a local host, so that the start of gcloud's credential helper counts for neither.
    mine = push_and_pull(f"localhost:{cloud.port}/{cloud.project}")
    theirs = push_and_pull(f"localhost:{peer.port}/{cloud.project}") if peer.program() else {}
    for what, time in mine.items():
        text = f"{time:.2f} s"
        if what in theirs:
            text += f"; docker-registry: {theirs[what]:.2f} s (×{time / theirs[what]:.2f})"
        subject = "small images" if "50" in what else f"{MEBIBYTES} MiB"
        yield f"docker {what}{'' if '50' in what else ' of'} {subject}", text, "≤ ×1 of its time"
