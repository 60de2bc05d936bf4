"""Virtual machines: created from an image family, entered by ssh, stopped, started, deleted."""

import json
import re

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"


@pytest.fixture(scope="module")
def machine(cloud):
    name = "vm-conformance"
    created = cloud.sh(
        f"gcloud compute instances create {name} {ZONE} --machine-type=e2-medium "
        "--image-family=debian-12 --image-project=debian-cloud "
        "--metadata=startup-script='echo has-begun; exit 3',shutdown-script='echo is-ending'",
        timeout=1200,
    )
    assert "RUNNING" in created.stdout
    yield name
    deleted = cloud.sh(f"gcloud compute instances delete {name} {ZONE} -q")
    assert "Deleted" in deleted.output


def test_it_is_listed_and_described(cloud, machine):
    assert machine in cloud.sh("gcloud compute instances list").stdout
    described = json.loads(cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format=json").stdout)
    assert described["status"] == "RUNNING" and described["machineType"].endswith("/e2-medium")


def inside(cloud, machine, command, check=True):
    return cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='{command}'", check=check)


def serial_port(cloud, machine):
    return cloud.sh(f"gcloud compute instances get-serial-port-output {machine} {ZONE}").stdout


def status(cloud, machine):
    return cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format='value(status)'").stdout.strip()


def test_its_startup_script_is_a_unit_and_runs_again_when_asked(cloud, machine, bucket):
    cloud.until(lambda: "Finished running startup scripts." in serial_port(cloud, machine))
    told = inside(cloud, machine, "sudo journalctl -u google-startup-scripts.service; systemctl status google-startup-scripts")
    for text in serial_port(cloud, machine), told.stdout:
        assert re.search(r"google_metadata_script_runner\[\d+\]: startup-script: has-begun", text), text
        assert "startup-script exit status 3" in text
    assert "active (exited)" in told.stdout
    cloud.sh(f"echo 'echo from-the-bucket $((40 + 2))' | gcloud storage cp - {bucket}/begin.sh")
    cloud.sh(f"gcloud compute instances add-metadata {machine} {ZONE} --metadata=startup-script-url={bucket}/begin.sh")
    again = inside(cloud, machine, "sudo google_metadata_script_runner startup").stdout
    assert "startup-script: has-begun" in again and "startup-script-url: from-the-bucket 42" in again


@pytest.mark.parametrize("track", ["", "beta "])
def test_ssh_runs_a_command_and_passes_its_exit_code_on(cloud, machine, track):
    result = cloud.sh(f"gcloud {track}compute ssh {machine} {ZONE} -q --command='hostname; exit 7'", check=False)
    assert machine in result.stdout and result.status == 7


def test_sudo_needs_no_password(cloud, machine):
    assert cloud.sh(f"gcloud compute ssh someone@{machine} {ZONE} -q --command='sudo id -u'").stdout.strip() == "0"


def test_the_metadata_server_names_the_machine(cloud, machine):
    command = "curl -s -H Metadata-Flavor:Google http://metadata.google.internal/computeMetadata/v1/instance/name"
    assert cloud.sh(f'gcloud compute ssh {machine} {ZONE} -q --command="{command}"').stdout.strip() == machine


def test_a_bucket_is_read_from_inside_without_credentials(cloud, machine, bucket):
    cloud.sh(f"echo from-the-bucket | gcloud storage cp - {bucket}/a.txt")
    result = cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='gcloud storage cat {bucket}/a.txt'")
    assert "from-the-bucket" in result.stdout


def test_files_are_copied_there_and_back(cloud, machine, tmp_path):
    (tmp_path / "there").write_text("brume\n")
    cloud.sh(f"gcloud compute scp {tmp_path}/there {machine}:/tmp/there {ZONE} -q")
    cloud.sh(f"gcloud compute scp {machine}:/tmp/there {tmp_path}/back {ZONE} -q")
    assert (tmp_path / "back").read_text() == "brume\n"


def test_it_is_rebooted_and_switched_off_from_inside(cloud, machine):
    count = serial_port(cloud, machine).count("startup-script: has-begun")
    asked = inside(cloud, machine, "sudo reboot", check=False)
    assert "Failed" not in asked.output and "failed" not in asked.output
    # The script runs again with the machine, which is RUNNING and takes ssh by then.
    cloud.until(lambda: serial_port(cloud, machine).count("startup-script: has-begun") > count)
    asked = inside(cloud, machine, "sudo shutdown -h now", check=False)
    assert "Failed" not in asked.output and "failed" not in asked.output
    cloud.until(lambda: status(cloud, machine) == "TERMINATED")
    assert "shutdown-script: is-ending" in serial_port(cloud, machine)
    cloud.sh(f"gcloud compute instances start {machine} {ZONE}")


def test_a_stopped_machine_keeps_its_disk_and_takes_wider_scopes(cloud, machine, bucket):
    def write():
        # gcloud keeps tokens on the machine's disk for as long as they live: an old one has the old scopes.
        command = f"rm -f ~/.config/gcloud/access_tokens.db; echo kept > ~/kept; gcloud storage cp ~/kept {bucket}/kept"
        return cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='{command}'", check=False)

    refused = write()
    assert refused.status != 0 and "insufficient authentication scopes" in refused.output
    field = "networkInterfaces[0].networkIP"
    address = cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format='value({field})'").stdout.strip()
    key = cloud.sh(f"ssh-keyscan -t ed25519 {address}").stdout
    cloud.sh(f"gcloud compute instances stop {machine} {ZONE} -q")
    cloud.sh(f"gcloud compute instances set-service-account {machine} {ZONE} --scopes=cloud-platform")
    assert "TERMINATED" in cloud.sh(f"gcloud compute instances describe {machine} {ZONE} --format='value(status)'").stdout
    cloud.sh(f"gcloud compute instances start {machine} {ZONE} -q")
    assert cloud.sh(f"gcloud compute ssh {machine} {ZONE} -q --command='cat ~/kept'").stdout.strip() == "kept"
    assert key and cloud.sh(f"ssh-keyscan -t ed25519 {address}").stdout == key
    written = write()
    assert written.status == 0, written.output


@pytest.mark.parametrize(
    "flags, said",
    [
        ("--machine-type=e2-gigantic", "e2-gigantic"),
        ("--image-family=no-such-family --image-project=debian-cloud", "no-such-family"),
        ("--zone=atlantis-west1-b", "atlantis-west1-b"),
    ],
)
def test_what_does_not_exist_is_named(cloud, flags, said):
    zone = "" if "--zone" in flags else ZONE
    result = cloud.sh(f"gcloud compute instances create vm-wrong {zone} {flags}", check=False)
    assert result.status == 1 and said in result.output
    assert "vm-wrong" not in cloud.sh("gcloud compute instances list").stdout


def test_a_wrong_name_is_refused(cloud):
    result = cloud.sh(f"gcloud compute instances create Bad_Name {ZONE}", check=False)
    assert result.status == 1 and "Bad_Name" in result.output


def test_images_types_and_zones_are_listed(cloud):
    assert "debian-12" in cloud.sh("gcloud compute images list --format='value(family)'").stdout
    assert "e2-medium" in cloud.sh("gcloud compute machine-types list --zones=europe-west1-b --format='value(name)'").stdout
    assert "pd-ssd" in cloud.sh("gcloud compute disk-types list --zones=europe-west1-b --format='value(name)'").stdout
    assert "europe-west1-b" in cloud.sh("gcloud compute zones list --format='value(name)'").stdout
    assert "europe-west1" in cloud.sh("gcloud compute regions list --format='value(name)'").stdout.split()
