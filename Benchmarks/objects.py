"""Large objects: upload and download against the disk, `gcloud storage cp` against `cp`, and the daemon's memory."""

import os
import subprocess

from cloud import Cloud, median, seconds
from peers import FakeGCS, Nginx


def rows(program, runs):
    with Cloud(program, engine="simulated") as cloud:
        cloud.sign_in()
        cloud.call("POST", f"/storage/v1/b?project={cloud.project}", {"name": "bench"})
        for mebibytes in (64, 1024):
            yield from large(cloud, mebibytes, runs)
        file, copy = cloud.folder / "1024.bin", cloud.folder / "copy.bin"
        plain = seconds(lambda: subprocess.run(["sh", "-c", f"cp {file} {copy} && sync {copy}"], check=True))
        took = []
        growth = cloud.peak(lambda: took.append(seconds(lambda: cloud.sh("gcloud storage cp 1024.bin gs://bench/cp"))))
        yield "gcloud storage cp of 1 GiB", f"{took[0]:.1f} s; cp and sync: {plain:.1f} s", "–"
        yield "memory while gcloud uploads 1 GiB", f"+{growth:.0f} MiB", "≤ 64 MiB"


def large(cloud, mebibytes, runs):
    file = cloud.folder / f"{mebibytes}.bin"
    with open(file, "wb") as out:
        for _ in range(mebibytes):
            out.write(os.urandom(1 << 20))
    url = f"http://127.0.0.1:{cloud.port}"
    curl = ["curl", "-sSf", "--noproxy", "*", "-H", f"Authorization: Bearer {cloud.token}"]
    upload = curl + ["-o", "/dev/null", "-T", file, "-X", "POST", f"{url}/upload/storage/v1/b/bench/o?uploadType=media&name={mebibytes}"]
    download = curl + ["-o", "/dev/null", f"{url}/storage/v1/b/bench/o/{mebibytes}?alt=media"]

    def run(command):
        return lambda: subprocess.run(list(map(str, command)), check=True)

    disk = mebibytes / median(
        runs, run(["dd", f"if={file}", f"of={cloud.folder}/raw", "bs=1M", "conv=fsync", "status=none"])
    )
    md5 = mebibytes / median(runs, run(["openssl", "dgst", "-md5", "-out", "/dev/null", file]))
    growth = cloud.peak(run(upload))
    up = mebibytes / median(runs, run(upload))
    down = mebibytes / median(runs, run(download))
    floor = min(disk, md5)
    yield (
        f"upload {mebibytes} MiB",
        f"{up:.0f} MiB/s = {up / floor:.2f} of the slower of write+fsync ({disk:.0f}) and MD5 ({md5:.0f})",
        "≥ 0.70",
    )
    yield f"memory while {mebibytes} MiB are uploaded", f"+{growth:.0f} MiB", "≤ 64 MiB"
    text = f"{down:.0f} MiB/s"
    if Nginx.program():
        with Nginx() as peer:
            (peer.folder / "files" / "large").write_bytes(file.read_bytes())
            best = mebibytes / median(runs, run(["curl", "-sSf", "-o", "/dev/null", f"{peer.url}/large"]))
            text += f" = {down / best:.2f} of nginx ({best:.0f})"
    yield f"download {mebibytes} MiB", text, "≥ 0.80 of nginx"
    if FakeGCS.program():
        with FakeGCS("filesystem") as peer:
            peer.make_bucket("bench")
            other = [part.replace(url, peer.url) if isinstance(part, str) else part for part in upload]
            slow = mebibytes / median(1, run(other))
            yield f"upload {mebibytes} MiB beside fake-gcs-server", f"×{up / slow:.1f} ({slow:.0f} MiB/s)", "≥ ×3"
