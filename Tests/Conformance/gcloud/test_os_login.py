"""OS Login: accounts log in as themselves with the keys of their profiles; the metadata's keys let nobody in."""

import json

import pytest

pytestmark = [pytest.mark.needs("gcloud", "dockerd", "ssh"), pytest.mark.compute]
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
        metadata = cloud.sh(f"gcloud compute instances describe vm-login {ZONE} '--format=json(metadata)'").stdout
        assert "ssh-keys" not in metadata

        # Without its key the account is not let in; the next gcloud brings it again.
        [fingerprint] = own["sshPublicKeys"]
        assert fingerprint in cloud.sh("gcloud compute os-login ssh-keys list").stdout
        cloud.sh(f"gcloud compute os-login ssh-keys update --key={fingerprint} --ttl=1h")
        shown = cloud.sh(f"gcloud compute os-login ssh-keys describe --key={fingerprint} --format=json").stdout
        assert json.loads(shown)["expirationTimeUsec"]
        cloud.sh(f"gcloud compute os-login ssh-keys remove --key={fingerprint}")
        assert not profile(cloud).get("sshPublicKeys")
        again = cloud.sh(f"gcloud compute ssh vm-login {ZONE} -q --command='id -un'").stdout.split()
        assert again[-1] == user

        # A service account that may log in and no more: without root.
        account = f"plain-login@{cloud.project}.iam.gserviceaccount.com"
        cloud.sh("gcloud iam service-accounts create plain-login")
        cloud.sh(
            f"gcloud projects add-iam-policy-binding {cloud.project} --member=serviceAccount:{account}"
            " --role=roles/compute.osLogin"
        )
        me = cloud.sh("gcloud config get account").stdout.strip()
        cloud.sh(
            f"gcloud iam service-accounts add-iam-policy-binding {account} --member=serviceAccount:{me}"
            " --role=roles/iam.serviceAccountTokenCreator"
        )
        cloud.sh(
            "gcloud compute os-login ssh-keys add --key-file=$HOME/.ssh/google_compute_engine.pub"
            f" --project={cloud.project} --impersonate-service-account={account}"
        )
        address = cloud.sh(
            f"gcloud compute instances describe vm-login {ZONE}"
            " '--format=value(networkInterfaces[0].networkIP)'"
        ).stdout.strip()

        def plain_login():
            return cloud.sh(
                "ssh -i $HOME/.ssh/google_compute_engine -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
                f" sa_plain_login@{address} 'id -un; sudo -n id -u'",
                check=False,
            )

        plain = plain_login()
        assert plain.stdout.split() == ["sa_plain_login"] and plain.status == 1

        # Roles count at once: one on the machine alone, and one that the project takes back.
        role = f"--member=serviceAccount:{account} --role=roles/compute"
        cloud.sh(f"gcloud compute instances add-iam-policy-binding vm-login {ZONE} {role}.osAdminLogin")
        assert plain_login().stdout.split() == ["sa_plain_login", "0"]
        cloud.sh(f"gcloud projects remove-iam-policy-binding {cloud.project} {role}.osLogin")
        assert plain_login().status == 0
        cloud.sh(f"gcloud compute instances remove-iam-policy-binding vm-login {ZONE} {role}.osAdminLogin")
        assert plain_login().status == 255
    finally:
        cloud.sh(f"gcloud compute instances delete vm-login {ZONE} -q")
        cloud.sh("gcloud compute os-login remove-profile -q", check=False)
