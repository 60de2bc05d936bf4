"""What a build's steps may do through their Docker socket: build, push and run beside them; and what a hostile
cloudbuild.yaml gets: no file, device, network, process or container that is not its own."""

import contextlib
import glob
import json
import socket
import subprocess
import threading

import pytest

pytestmark = pytest.mark.needs("gcloud", "dockerd")

DOCKER = "gcr.io/cloud-builders/docker"


def submit(cloud, folder, script, check=True):
    """Runs a script in the docker builder; what it printed."""
    (folder / "script.sh").write_text(script)
    (folder / "cloudbuild.yaml").write_text(
        f"steps:\n- name: {DOCKER}\n  entrypoint: sh\n  args: [script.sh]\n- name: {DOCKER}\n  args: [ps, -a]\n"
    )
    return cloud.sh("gcloud builds submit --config=cloudbuild.yaml .", cwd=folder, check=check, timeout=600)


def engine(cloud, *arguments):
    """The docker command of whoever owns the machine."""
    host = cloud.environment["DOCKER_HOST"]
    return subprocess.run(["docker", "-H", host, *arguments], capture_output=True, text=True).stdout


FRIENDLY = """
set -ex
echo from the workspace > note.txt
docker run --rm -v /workspace:/work busybox cat /work/note.txt
docker volume create $BUILD-cache
docker run --rm -v $BUILD-cache:/cache busybox sh -c 'echo kept > /cache/file'
docker run --rm --mount type=volume,source=$BUILD-cache,target=/cache busybox cat /cache/file
docker network create $BUILD-net
docker run -d --name $BUILD-server --network $BUILD-net busybox sh -c 'echo served > index.html; httpd -f -p 80'
docker run --rm --network $BUILD-net busybox wget -q -O - http://$BUILD-server/
docker exec $BUILD-server echo inside
echo piped | docker run -i --rm busybox cat
docker run --rm --volumes-from $(hostname) busybox cat /workspace/note.txt
docker run --rm -v /var/run/docker.sock:/var/run/docker.sock gcr.io/cloud-builders/docker version --format 'nested {{.Server.Os}}'
printf 'FROM busybox\\nRUN echo made > /made\\n' | docker build -t $BUILD-image -
docker run --rm $BUILD-image cat /made
docker cp $BUILD-server:/index.html copied.html && cat copied.html
echo end of it
"""


def test_what_builds_do_with_docker_works_and_goes_with_the_build(cloud, tmp_path, name):
    output = submit(cloud, tmp_path, FRIENDLY.replace("$BUILD", name)).output
    for said in ("from the workspace", "kept", "served", "inside", "piped", "nested linux", "made", "end of it"):
        assert f": {said}" in output, said
    assert name not in engine(cloud, "ps", "-a") + engine(cloud, "volume", "ls") + engine(cloud, "network", "ls")


HOSTILE = {
    "the machine's files": "run --rm -v /:/host busybox ls /host/root",
    "a mount of them": "run --rm --mount type=bind,source=/etc,target=/host busybox ls /host",
    "what a link in the workspace leads to": "run --rm -v /workspace/link:/host busybox ls /host",
    "a volume with a device": "volume create -d local -o type=none -o o=bind -o device=/ loot",
    "a privileged container": "run --rm --privileged busybox true",
    "a capability": "run --rm --cap-add SYS_ADMIN busybox true",
    "a device": "run --rm --device /dev/kmsg busybox true",
    "no seccomp": "run --rm --security-opt seccomp=unconfined busybox true",
    "the machine's processes": "run --rm --pid host busybox ps",
    "the machine's network": "run --rm --network host busybox true",
    "the machine's memory": "run --rm --ipc host busybox true",
    "the machine's users": "run --rm --userns host busybox true",
    "a group of processes of others": "run --rm --cgroup-parent /system.slice busybox true",
    "a port of the machine": "run --rm -p 8099:80 busybox true",
    "an address of another": "run --rm --network cloudbuild --ip 192.168.10.2 busybox true",
    "a container that outlives the build": "run -d --restart always busybox sleep 1000",
    "the machine's network while building": "build --network host .",
    "no seccomp while building": "build --security-opt seccomp=unconfined .",
    "another's container": "exec VICTIM true",
    "another's files": "cp VICTIM:/etc/passwd .",
    "another's end": "kill VICTIM",
    "another's volumes": "run --rm --volumes-from VICTIM busybox true",
    "another's network": "run --rm --network container:VICTIM busybox true",
    "everybody's builder": "tag busybox gcr.io/cloud-builders/docker",
    "everybody's builder, built": "build -t gcr.io/cloud-builders/docker:latest .",
    "everybody's builder, by its identifier": "rmi -f $(docker images -q gcr.io/cloud-builders/docker)",
    "a name that reads as an identifier": "create --name deadbeef0123 busybox true",
    "everybody's images": "image prune -af",
    "a swarm": "swarm init",
    "a plugin": "plugin install --grant-all-permissions vieux/sshfs",
}


def test_a_hostile_configuration_reaches_nothing(cloud, tmp_path, name):
    engine(cloud, "run", "-d", "--name", f"{name}-victim", "busybox", "sleep", "1000")
    try:
        lines = ["ln -s / /workspace/link", "echo FROM busybox > Dockerfile"]
        for what, command in HOSTILE.items():
            lines.append(f"docker {command.replace('VICTIM', f'{name}-victim')} && echo 'REACHED' \"{what}\"")
        output = submit(cloud, tmp_path, "\n".join(lines + ["echo end of it"])).output
        assert [line for line in output.splitlines() if "REACHED" in line] == [] and ": end of it" in output
        assert output.count("brume: ") >= len(HOSTILE)
        # `docker ps` of the second step shows the build's own.
        assert f"{name}-victim" not in output.split("Starting Step #1")[-1]
        assert engine(cloud, "inspect", "-f", "{{.State.Running}}", f"{name}-victim").strip() == "true"
    finally:
        engine(cloud, "rm", "-f", f"{name}-victim")


@contextlib.contextmanager
def step_socket(cloud, tmp_path):
    """The socket of a build that runs meanwhile."""
    (tmp_path / "cloudbuild.yaml").write_text("steps:\n- name: busybox\n  args: [sleep, '600']\n")
    submitted = cloud.sh(
        "gcloud builds submit --async --no-source --config=cloudbuild.yaml --format='value(id)'", cwd=tmp_path)
    build = submitted.stdout.strip()
    while "WORKING" not in cloud.sh(f"gcloud builds describe {build} --format='value(status)'").stdout:
        pass
    try:
        found = []
        while not found:
            found = glob.glob(f"{cloud.data}/run/engine/steps/build-{build}/s") + glob.glob(f"/run/brume-*/steps/build-{build}/s")
        yield found[0]
    finally:
        cloud.sh(f"gcloud builds cancel {build}")


def say(path, text):
    """Sends bytes as they are; what came back until the end."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        connection.sendall(text)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                answer += chunk
    return answer.decode(errors="replace")


def request(method, target, body=None, headers=""):
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n{headers}\r\n{text}".encode()


def test_no_spelling_of_a_request_gets_through(cloud, tmp_path):
    create = "/v1.41/containers/create"
    bare = {"Image": "busybox", "Cmd": ["true"]}
    secret = "GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    with step_socket(cloud, tmp_path) as path:
        assert "200 OK" in say(path, request("GET", "/_ping"))
        for target, body in [
            (create, {**bare, "hostconfig": {"privileged": True}}),
            (create, {**bare, "HostConfig": {"privileged": True}}),
            (create, '{"Image":"busybox","HostConfig":{},"HostConfig":{"Privileged":true}}'),
            (create, '{"Image":"busybox","HostConfig":{"Privileged":true},"HostConfig":{}}'),
            (create, {**bare, "HostConfig": {"MaskedPaths": ["/none"]}}),
            (create, {**bare, "HostConfig": {"Binds": ["/workspace/../../etc:/x"]}}),
            (create, {**bare, "HostConfig": {"Binds": ["/workspace:/x:shared"]}}),
            (create, {**bare, "HostConfig": {"Mounts": [{"Type": "volume", "Source": "a", "Target": "/x", "VolumeOptions": {
                "DriverConfig": {"Name": "local", "Options": {"type": "none", "o": "bind", "device": "/"}}}}]}}),
            (create + "?name=build-1.step-0", bare),
            ("/v1.41/containers/x/../create", bare), ("//v1.41/containers/create", bare),
            ("/v1.41/%2e%2e/containers/create", bare), ("/v1.20/containers/create", bare),
            ("/v1.41/containers%2fcreate", bare), ("/v1.41/images/load", ""),
            ("/v1.41/build?remote=http://127.0.0.1:1/", ""), ("/v1.41/images/create?fromSrc=http://127.0.0.1:1/", ""), ("/grpc", ""), ("/v1.41/plugins/pull", ""),
        ]:  # fmt: skip
            answer = say(path, request("POST", target, body))
            status = int(answer.split()[1])
            # What Go reads twice is read once here: the last of two members, made anew.
            if status == 201:
                made = json.loads(answer.split("\r\n\r\n", 1)[1])["Id"]
                assert "false" in engine(cloud, "inspect", "-f", "{{.HostConfig.Privileged}}", made), (target, body)
            else:
                assert 400 <= status < 500, (target, body, answer)
        labels = {"brume.cloud": "x", "brume.name": "instance-1", "brume.started-by": "build-1"}
        answer = say(path, request("POST", create, {**bare, "Labels": labels}))
        made = json.loads(answer.split("\r\n\r\n", 1)[1])["Id"]
        told = json.loads(engine(cloud, "inspect", "-f", "{{json .Config.Labels}}", made))
        assert told["brume.cloud"] == told["brume.name"] == "" and told["brume.started-by"] != "build-1"
        # One call a connection: what follows is not a second one, however the first is framed.
        for first in [
            request("GET", "/_ping"), request("GET", "/_ping", headers="Connection: keep-alive\r\n"),
            request("POST", "/v1.41/containers/none/attach", headers="Connection: Upgrade\r\nUpgrade: tcp\r\n"),
            request("GET", "/_ping", headers="Connection: Upgrade\r\nUpgrade: tcp\r\n"),
            b"POST /v1.41/auth HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"POST /v1.41/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ]:  # fmt: skip
            answer = say(path, first + secret.encode())
            assert answer.count("HTTP/1.1 ") <= 1 and '"Names"' not in answer, (first, answer)
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(say(path, request("GET", "/version")))) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all("200 OK" in answer for answer in answers) and len(answers) == 32
