"""Who may enter a machine, and who it is: keys written by hand, a service account of one's own, or none."""

import json
import re

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
ZONE = "--zone=europe-west1-b"
METADATA = "http://metadata.google.internal/computeMetadata/v1/instance"


class Machine:
    """One that bob enters by a key that gcloud knows nothing of."""

    def __init__(self, cloud, name, *flags):
        self.cloud, self.name = cloud, name
        cloud.sh(
            f"gcloud compute instances create {name} {ZONE} --machine-type=e2-small --image-family=debian-12"
            " --image-project=debian-cloud --metadata=block-project-ssh-keys=TRUE --metadata-from-file=ssh-keys=keys "
            + " ".join(flags)
        )
        field = "networkInterfaces[0].networkIP"
        describe = f"gcloud compute instances describe {name} {ZONE} --format='value({field})'"
        self.address = cloud.sh(describe).stdout.strip()

    def ssh(self, command, user="bob", key="key"):
        options = "-q -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        return self.cloud.sh(f"ssh {options} -i {key} {user}@{self.address} '{command}'", check=False)

    def ask(self, path):
        return self.ssh(f"curl -s -H Metadata-Flavor:Google {METADATA}/{path}").stdout


@pytest.fixture(scope="module")
def account(cloud):
    email = f"worker@{cloud.project}.iam.gserviceaccount.com"
    cloud.sh("gcloud iam service-accounts create worker")
    yield email
    cloud.sh(f"gcloud iam service-accounts delete {email} -q")


@pytest.fixture(scope="module")
def machine(cloud, account):
    cloud.sh("ssh-keygen -q -t ed25519 -N '' -f key && echo bob:$(cat key.pub) > keys")
    try:
        yield Machine(cloud, "vm-worker", f"--service-account={account} --scopes=cloud-platform")
    finally:
        cloud.sh(f"gcloud compute instances delete vm-worker {ZONE} -q", check=False)


def test_a_key_of_the_machines_metadata_lets_its_user_in_and_the_projects_key_nobody(cloud, machine):
    assert machine.ssh("id -un; sudo id -u").stdout.split() == ["bob", "0"]
    cloud.sh("gcloud compute config-ssh -q --ssh-config-file=ssh-config-of-project")
    user, key = cloud.sh("id -un; cut -d' ' -f2 ~/.ssh/google_compute_engine.pub").stdout.split()
    assert f"{user}:ssh-rsa {key}" in cloud.sh("gcloud compute project-info describe").stdout
    assert machine.ssh("true", user=user, key="~/.ssh/google_compute_engine").status == 255


def test_a_key_with_an_end_lets_its_user_in_until_then(cloud, machine):
    key = "~/.ssh/google_compute_engine"
    cloud.sh(f"gcloud compute ssh eve@{machine.name} {ZONE} -q --ssh-key-expire-after=1h --command=true")
    describe = f"gcloud compute instances describe {machine.name} {ZONE} --format=json"
    items = json.loads(cloud.sh(describe).stdout)["metadata"]["items"]
    [keys] = [item["value"] for item in items if item["key"] == "ssh-keys"]
    assert "google-ssh" in keys and machine.ssh("id -un", user="eve", key=key).stdout == "eve\n"
    ended = re.sub(r'"expireOn":"\d+', '"expireOn":"2020', keys)
    cloud.sh(f"cat > ended <<'END'\n{ended}\nEND")
    cloud.sh(f"gcloud compute instances add-metadata {machine.name} {ZONE} --metadata-from-file=ssh-keys=ended")
    assert machine.ssh("true", user="eve", key=key).status == 255
    assert machine.ssh("id -un").stdout == "bob\n"


def test_os_login_shuts_the_metadatas_keys_out_while_it_is_on(cloud, machine):
    switch = f"gcloud compute instances add-metadata {machine.name} {ZONE} --metadata=enable-oslogin="
    cloud.sh(f"{switch}TRUE")
    assert machine.ssh("true").status == 255
    cloud.sh(f"{switch}FALSE")
    assert machine.ssh("id -un").stdout.strip() == "bob"


def test_a_program_inside_may_do_what_its_account_may(cloud, machine, account, bucket):
    assert machine.ask("service-accounts/default/email") == account
    cloud.sh(f"echo from-the-bucket | gcloud storage cp - {bucket}/file")
    inside = f"gcloud storage cat {bucket}/file"
    refused = machine.ssh(inside)
    assert refused.status == 1 and f"{account} does not have storage.objects.get" in refused.output
    cloud.sh(
        f"gcloud storage buckets add-iam-policy-binding {bucket} --member=serviceAccount:{account}"
        " --role=roles/storage.objectViewer"
    )
    assert machine.ssh(inside).stdout == "from-the-bucket\n"


def test_a_machine_may_be_nobody(cloud, machine):
    try:
        nobody = Machine(cloud, "vm-nobody", "--no-service-account --no-scopes")
        assert nobody.ask("name") == "vm-nobody" and nobody.ask("service-accounts/") == ""
        token = f"curl -sf -H Metadata-Flavor:Google {METADATA}/service-accounts/default/token"
        assert nobody.ssh(token).status == 22
    finally:
        cloud.sh(f"gcloud compute instances delete vm-nobody {ZONE} -q", check=False)
