"""OS Login: accounts log in as themselves with the keys of their profiles; the metadata's keys let nobody in."""

import json

import pytest

pytestmark = pytest.mark.needs("gcloud", "dockerd", "ssh")
ZONE = "--zone=europe-west1-b"


def profile(cloud):
    return json.loads(cloud.sh("gcloud compute os-login describe-profile --format=json").stdout)


def test_gcloud_logs_in_as_the_account_itself(cloud):
    cloud.sh(f"gcloud compute instances create vm-login {ZONE} --metadata=enable-oslogin=TRUE")
    try:
        seen = cloud.sh(f"gcloud compute ssh ada@vm-login {ZONE} -q --command='id -un; sudo id -u'").stdout.split()
        own = profile(cloud)
        user = own["posixAccounts"][0]["username"]
        assert seen[-2:] == [user, "0"] and user != "ada"
        metadata = cloud.sh(f"gcloud compute instances describe vm-login {ZONE} --format=json(metadata)").stdout
        assert "ssh-keys" not in metadata

        # Without its key the account is not let in; the next gcloud brings it again.
        [fingerprint] = own["sshPublicKeys"]
        listed = cloud.sh("gcloud compute os-login ssh-keys list --format=value(fingerprint)").stdout
        assert listed.split() == [fingerprint]
        cloud.sh(f"gcloud compute os-login ssh-keys update --key={fingerprint} --ttl=1h")
        shown = cloud.sh(f"gcloud compute os-login ssh-keys describe --key={fingerprint} --format=json").stdout
        assert json.loads(shown)["expirationTimeUsec"]
        cloud.sh(f"gcloud compute os-login ssh-keys remove --key={fingerprint}")
        assert not profile(cloud).get("sshPublicKeys")
        again = cloud.sh(f"gcloud compute ssh vm-login {ZONE} -q --command='id -un'").stdout.split()
        assert again[-1] == user
    finally:
        cloud.sh(f"gcloud compute instances delete vm-login {ZONE} -q")
        cloud.sh("gcloud compute os-login remove-profile -q", check=False)
