"""Python packages in Artifact Registry: twine uploads, pip installs, gcloud lists."""

import base64
import functools
import hashlib
import http.server
import json
import sys
import threading
import zipfile

import pytest

pytestmark = pytest.mark.needs("gcloud")
LOCATION = "europe-west1"


def wheel(folder, name, version, code="answer = 42\n", requires=">=3.8"):
    """Writes a wheel by hand, as the binary distribution format has it."""
    module = name.replace("-", "_").lower()
    path = folder / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {requires}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


@pytest.fixture
def repository(cloud, name):
    cloud.sh(f"gcloud artifacts repositories create {name} --repository-format=python --location={LOCATION}")
    return name


def test_what_twine_uploads_pip_installs_and_gcloud_lists(cloud, repository, tmp_path):
    token = cloud.token
    root = f"{LOCATION}-python.pkg.dev/{cloud.project}/{repository}"
    files = [wheel(tmp_path, "Fog-Lamp", version) for version in ("1.0", "1.1+cu118")]
    upload = f"twine upload --non-interactive --disable-progress-bar --repository-url https://{root}/ -u oauth2accesstoken -p {token}"
    cloud.sh(f"{upload} *.whl", cwd=tmp_path)
    again = cloud.sh(f"{upload} --verbose {files[0].name}", cwd=tmp_path, check=False)
    assert again.status != 0 and "already exists" in " ".join(again.output.split())

    pip = f"{sys.executable} -m pip --disable-pip-version-check --isolated"
    index = f"--index-url https://oauth2accesstoken:{token}@{root}/simple/"
    cloud.sh(f"{pip} install --no-cache-dir -q --target {tmp_path}/site {index} fog_LAMP==1.0")
    assert cloud.sh(f"PYTHONPATH={tmp_path}/site python3 -c 'import fog_lamp; print(fog_lamp.answer)'").stdout == "42\n"
    cloud.sh(f"{pip} download --no-cache-dir -q --no-deps -d {tmp_path}/down {index} 'fog-lamp>1.0'")
    assert (tmp_path / "down" / files[1].name).read_bytes() == files[1].read_bytes()
    wrong = cloud.sh(f"{pip} download --no-input -q -d {tmp_path}/x --index-url https://{root}/simple/ fog-lamp", check=False)
    assert wrong.status != 0

    where = f"--repository={repository} --location={LOCATION}"
    assert cloud.sh(f"gcloud artifacts packages list {where} --format='value(name)'").stdout.strip() == "fog-lamp"
    versions = cloud.sh(f"gcloud artifacts versions list --package=fog-lamp {where} --format='value(name)'").stdout.split()
    assert sorted(version.split("/")[-1].replace("%2B", "+") for version in versions) == ["1.0", "1.1+cu118"]
    listed = json.loads(cloud.sh(f"gcloud artifacts files list {where} --format=json").stdout)
    assert len(listed) == 2 and sum(int(file["sizeBytes"]) for file in listed) == sum(f.stat().st_size for f in files)
    file = f"fog-lamp/{files[0].name}"
    cloud.sh(f"gcloud artifacts files download {file} {where} --destination={tmp_path} --local-filename=again")
    assert hashlib.sha256((tmp_path / "again").read_bytes()).digest() == hashlib.sha256(files[0].read_bytes()).digest()
    settings = cloud.sh(f"gcloud artifacts print-settings python {where}").stdout
    assert f"https://{root}/" in settings
    cloud.sh(f"gcloud artifacts versions delete 1.0 --package=fog-lamp {where} -q")
    gone = cloud.sh(f"{pip} download -q --no-deps -d {tmp_path}/gone {index} fog-lamp==1.0", check=False)
    assert gone.status != 0 and "fog-lamp" in gone.output
    cloud.sh(f"gcloud artifacts packages delete fog-lamp {where} -q")
    assert cloud.sh(f"gcloud artifacts packages list {where} --format='value(name)'").stdout == ""


def test_an_image_cannot_be_pushed_into_a_python_repository(cloud, repository):
    from registry_client import Registry

    token = cloud.token
    registry = Registry(cloud, f"{LOCATION}-docker.pkg.dev", token)
    assert registry.push(f"{cloud.project}/{repository}/app", "v1", b"layer")[0] == 404


class Index(http.server.SimpleHTTPRequestHandler):
    """An index of packages as files in a folder, for those who know the password."""

    def do_GET(self):
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"fog:hush").decode():
            return self.send_error(401)
        return super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def upstream(tmp_path):
    file = wheel(tmp_path, "Mist", "2.0")
    page = tmp_path / "upstream" / "simple" / "mist"
    page.mkdir(parents=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    (page / "index.html").write_text(f'<a href="{file.name}#sha256={digest}" data-requires-python="&gt;=3.8">{file.name}</a>')
    file.rename(page / file.name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Index, directory=tmp_path / "upstream"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_remote_repository_keeps_what_pip_installed_and_a_virtual_one_puts_ours_first(cloud, upstream, repository, tmp_path):
    number = cloud.sh(f"gcloud projects describe {cloud.project} --format='value(projectNumber)'").stdout.strip()
    agent = f"service-{number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    secret, remote = f"{repository}-password", f"{repository}-remote"
    cloud.sh(f"printf hush | gcloud secrets create {secret} --data-file=-")
    create = (
        f"gcloud artifacts repositories create {remote} --repository-format=python --location={LOCATION}"
        f" --mode=remote-repository --remote-python-repo=http://127.0.0.1:{upstream.server_port} --remote-username=fog"
        f" --remote-password-secret-version=projects/{cloud.project}/secrets/{secret}/versions/1"
    )
    closed = cloud.sh(create, check=False)
    assert closed.status != 0 and "PERMISSION_DENIED" in closed.output, closed.output
    cloud.sh(
        f"gcloud secrets add-iam-policy-binding {secret} --member=serviceAccount:{agent}"
        " --role=roles/secretmanager.secretAccessor"
    )
    cloud.sh(create)
    token = cloud.token
    pip = f"{sys.executable} -m pip --disable-pip-version-check --isolated"

    def index(name):
        return f"--index-url https://oauth2accesstoken:{token}@{LOCATION}-python.pkg.dev/{cloud.project}/{name}/simple/"

    cloud.sh(f"{pip} install --no-cache-dir -q --target {tmp_path}/site {index(remote)} mist")
    assert cloud.sh(f"PYTHONPATH={tmp_path}/site python3 -c 'import mist; print(mist.answer)'").stdout == "42\n"
    where = f"--repository={remote} --location={LOCATION}"
    assert cloud.sh(f"gcloud artifacts packages list {where} --format='value(name)'").stdout.strip() == "mist"
    upstream.shutdown()
    upstream.server_close()
    cloud.sh(f"{pip} download --no-cache-dir -q --no-deps -d {tmp_path}/again {index(remote)} mist")

    ours = wheel(tmp_path, "Mist", "2.0", code="answer = 'ours'\n")
    target = f"https://{LOCATION}-python.pkg.dev/{cloud.project}"
    twine = "twine upload --non-interactive --disable-progress-bar -u oauth2accesstoken"
    cloud.sh(f"{twine} -p {token} --repository-url {target}/{repository}/ {ours}")
    refused = cloud.sh(f"{twine} -p {token} --verbose --repository-url {target}/{remote}/ {ours}", check=False)
    assert refused.status != 0 and "REMOTE_REPOSITORY" in " ".join(refused.output.split())
    root = f"projects/{cloud.project}/locations/{LOCATION}/repositories"
    policies = [
        {"id": "ours", "repository": f"{root}/{repository}", "priority": 2},
        {"id": "theirs", "repository": f"{root}/{remote}", "priority": 1},
    ]
    (tmp_path / "policies.json").write_text(json.dumps(policies))
    cloud.sh(
        f"gcloud artifacts repositories create {repository}-all --repository-format=python --location={LOCATION}"
        " --mode=virtual-repository --upstream-policy-file=policies.json",
        cwd=tmp_path,
    )
    cloud.sh(f"{pip} download --no-cache-dir -q --no-deps -d {tmp_path}/all {index(f'{repository}-all')} mist")
    assert (tmp_path / "all" / ours.name).read_bytes() == ours.read_bytes()
