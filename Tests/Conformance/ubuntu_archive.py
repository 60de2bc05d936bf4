"""ubuntu_archive.py FOLDER [SUITE]: an archive that looks like Ubuntu's, made of this machine's Debian packages.

It has what the recipe of Ubuntu's images asks for, in main and universe, signed with a key that is thrown away, and a
base-files that calls itself Ubuntu. It shows that an image is made from an archive of that shape and boots; whether
Ubuntu's own packages do is only seen with Ubuntu's.
"""

import hashlib
import http.server
import pathlib
import subprocess
import sys
import threading

RECIPES = pathlib.Path(__file__).parents[2] / "Sources/ImageCatalogue/Recipes"
VERSIONS = {"jammy": "22.04", "noble": "24.04"}
OS_RELEASE = """PRETTY_NAME="Ubuntu {version} LTS"
NAME="Ubuntu"
VERSION_ID="{version}"
VERSION_CODENAME={suite}
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME={suite}
"""


def make(folder: pathlib.Path, suite: str) -> pathlib.Path:
    """Makes the archive in `folder/ubuntu`; returns the file of its key."""
    archive = folder / "ubuntu"
    pool = archive / "pool"
    pool.mkdir(parents=True)
    download(folder / "apt", pool)
    rename(next(pool.glob("base-files_*.deb")), folder / "base-files", suite)
    packages = {"main": "", "universe": ""}
    for file in sorted(pool.glob("*.deb")):
        component = "universe" if file.name.startswith(("python3-pip", "python3-venv")) else "main"
        packages[component] += stanza(file)
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    run(*gpg, "--passphrase", "", "--quick-generate-key", "Archive of a test", "ed25519", "sign", "1d")
    for name in (suite, f"{suite}-updates", f"{suite}-security"):
        release = archive / "dists" / name
        sums = ""
        for component, text in packages.items():
            path = f"{component}/binary-amd64/Packages"
            (release / path).parent.mkdir(parents=True)
            content = (text if name == suite else "").encode()
            (release / path).write_bytes(content)
            sums += f" {hashlib.sha256(content).hexdigest()} {len(content)} {path}\n"
        date = run("date", "-Ru").strip().replace("+0000", "UTC")
        text = f"Origin: Ubuntu\nSuite: {name}\nCodename: {suite}\nDate: {date}\nArchitectures: amd64\n"
        text += f"Components: main universe\nSHA256:\n{sums}"
        (release / "Release").write_text(text)
        run(*gpg, "--clearsign", "--output", str(release / "InRelease"), str(release / "Release"))
    keyring = folder / "keyring.gpg"
    run(*gpg, "--output", str(keyring), "--export")
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    return keyring


def download(state: pathlib.Path, pool: pathlib.Path) -> None:
    """Fetches the recipes' packages and all that they need, as onto an empty machine."""
    (state / "lists/partial").mkdir(parents=True)
    (state / "cache/archives/partial").mkdir(parents=True)
    (state / "status").touch()
    apt = [
        "apt-get", "-qq", "-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache",
        "-o", f"Dir::State::status={state}/status", "-o", "APT::Install-Recommends=false",
        "-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=true",
    ]  # fmt: skip
    names = [name for recipe in ("base", "instance") for name in (RECIPES / recipe / "packages").read_text().split()]
    run(*apt, "update")
    run(*apt, "--yes", "--download-only", "install", "?essential", "?priority(required)", "apt", *names)
    for file in (state / "cache/archives").glob("*.deb"):
        file.rename(pool / file.name)


def rename(package: pathlib.Path, folder: pathlib.Path, suite: str) -> None:
    """Gives base-files Ubuntu's name and, from 24.04 on, the links of the top folder that Ubuntu's brings."""
    run("dpkg-deb", "--raw-extract", str(package), str(folder))
    if suite != "jammy":
        for name in ("bin", "lib", "lib64", "sbin"):
            if (folder / name).is_dir():
                (folder / name).rmdir()
            (folder / name).symlink_to(f"usr/{name}")
            (folder / "usr" / name).mkdir(exist_ok=True)
            if name != "lib64":
                (folder / f"{name}.usr-is-merged").mkdir()
    (folder / "usr/lib/os-release").write_text(OS_RELEASE.format(version=VERSIONS[suite], suite=suite))
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(folder), str(package))


def stanza(file: pathlib.Path) -> str:
    content = file.read_bytes()
    control = run("dpkg-deb", "--field", str(file))
    digest = hashlib.sha256(content).hexdigest()
    return f"{control.strip()}\nFilename: pool/{file.name}\nSize: {len(content)}\nSHA256: {digest}\n\n"


def run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


class Server:
    """Serves a folder on a free port of this machine, while its block runs."""

    def __init__(self, folder: pathlib.Path):
        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *arguments):
                super().__init__(*arguments, directory=str(folder))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[1]).absolute()
    key = make(place, sys.argv[2] if len(sys.argv) > 2 else "noble")
    with Server(place) as server:
        print(f"export BRUME_UBUNTU_MIRROR={server.address}/ubuntu BRUME_UBUNTU_KEYRING={key}", flush=True)
        threading.Event().wait()
