"""Tunnels of Identity-Aware Proxy: ssh and any port of an instance, without an address that the internet reaches."""

import contextlib
import os
import signal
import socket
import subprocess
import urllib.request

import conftest
import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd"), pytest.mark.compute]
ZONE = "europe-west1-b"


@pytest.fixture(scope="module")
def machine(cloud):
    cloud.sh(
        f"gcloud compute instances create tunnelled --zone={ZONE} --no-address --image-family=debian-12"
        " --image-project=debian-cloud --machine-type=e2-small"
    )
    yield "tunnelled"
    cloud.sh(f"gcloud compute instances delete tunnelled --zone={ZONE} --quiet")


def test_ssh_and_scp_go_through_the_tunnel(cloud, machine, tmp_path):
    through = f"--zone={ZONE} --tunnel-through-iap"
    said = cloud.sh(f"gcloud compute ssh {machine} {through} --command='hostname; head -c 3000000 /dev/zero | md5sum'")
    assert machine in said.stdout and "  -" in said.stdout
    (tmp_path / "big").write_bytes(bytes(range(256)) * 20_000)
    cloud.sh(f"gcloud compute scp {through} {tmp_path}/big {machine}:big")
    cloud.sh(f"gcloud compute scp {through} {machine}:big {tmp_path}/back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()


@contextlib.contextmanager
def tunnel(cloud, machine, port):
    """The local port of a tunnel that is open."""
    local = conftest.free_port()
    said = cloud.folder / f"tunnel-{local}"
    with said.open("wb") as output:
        process = subprocess.Popen(
            ["gcloud", "compute", "start-iap-tunnel", machine, str(port), f"--zone={ZONE}", f"--local-host-port=127.0.0.1:{local}"],
            env=cloud.environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip

    def is_open():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", local)) == 0

    try:
        # What gcloud says of it may be late; it listens when it has seen that the port answers.
        cloud.until(lambda: process.poll() is not None or is_open())
        if process.poll() is not None:
            raise AssertionError(said.read_text())
        yield local
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_any_port_is_reached_once_a_rule_lets_the_proxy_in(cloud, machine):
    cloud.sh(
        f"gcloud compute ssh {machine} --zone={ZONE} --tunnel-through-iap --command="
        "'seq 200000 > numbers; nohup sudo /.brume/bin/busybox httpd -p 8888 -h . > /dev/null 2>&1 &'"
    )
    with pytest.raises(AssertionError, match="4003"), tunnel(cloud, machine, 8888):
        pass
    cloud.sh("gcloud compute firewall-rules create from-proxy --allow=tcp:8888 --source-ranges=35.235.240.0/20")
    try:
        with tunnel(cloud, machine, 8888) as port:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            for _ in range(3):
                assert len(opener.open(f"http://127.0.0.1:{port}/numbers", timeout=60).read()) == 1_288_895
    finally:
        cloud.sh("gcloud compute firewall-rules delete from-proxy --quiet")


def test_what_cannot_be_reached_is_told(cloud, machine):
    with pytest.raises(AssertionError, match="4003"), tunnel(cloud, machine, 2222):
        pass
    refused = cloud.sh(
        f"gcloud compute start-iap-tunnel nobody 22 --zone={ZONE} --local-host-port=127.0.0.1:0", check=False)
    assert refused.status != 0 and "nobody" in refused.stderr
