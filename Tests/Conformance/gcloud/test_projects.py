"""Sign-in, projects, services, service accounts: the calls that every exercise sheet begins with."""

import json

import pytest

pytestmark = pytest.mark.needs("gcloud")


def test_the_owner_is_signed_in_and_has_a_project(cloud):
    assert cloud.project in cloud.sh("gcloud config list").output
    account = cloud.sh("gcloud auth list --format='value(account)' --filter=status:ACTIVE").stdout.strip()
    assert account.endswith("gserviceaccount.com")


def test_access_and_identity_tokens_are_printed(cloud):
    assert cloud.sh("gcloud auth print-access-token").stdout.strip()
    assert cloud.sh("gcloud auth print-identity-token").stdout.count(".") == 2


def test_a_project_is_created_described_and_listed(cloud, name):
    cloud.sh(f"gcloud projects create {name} --name='My first'")
    described = json.loads(cloud.sh(f"gcloud projects describe {name} --format=json").stdout)
    assert described["projectId"] == name and described["lifecycleState"] == "ACTIVE"
    assert described["projectNumber"].isdigit()
    assert name in cloud.sh("gcloud projects list --format='value(projectId)'").stdout.split()


@pytest.mark.parametrize("wrong", ["Capital-Letters", "abc", "9begins-with-digit", "ends-with-dash-"])
def test_a_wrong_project_id_is_refused(cloud, wrong):
    result = cloud.sh(f"gcloud projects create {wrong}", check=False)
    assert result.status != 0
    assert wrong not in cloud.sh("gcloud projects list --format='value(projectId)'").stdout.split()


def test_an_unknown_project_is_named(cloud):
    result = cloud.sh("gcloud projects describe no-such-project-77", check=False)
    assert result.status == 1 and "no-such-project-77" in result.output


def test_services_are_enabled_and_listed(cloud):
    cloud.sh("gcloud services enable containerregistry.googleapis.com")
    cloud.sh("gcloud services enable cloudbuild.googleapis.com")
    enabled = cloud.sh("gcloud services list --enabled --format='value(config.name)'").stdout.split()
    assert {"containerregistry.googleapis.com", "cloudbuild.googleapis.com"} <= set(enabled)


def test_a_service_account_gets_a_key_that_signs_in(cloud, name, tmp_path):
    cloud.sh(f"gcloud iam service-accounts create {name} --display-name=Trainer")
    email = f"{name}@{cloud.project}.iam.gserviceaccount.com"
    assert email in cloud.sh("gcloud iam service-accounts list --format='value(email)'").stdout.split()
    key = tmp_path / "key.json"
    cloud.sh(f"gcloud iam service-accounts keys create {key} --iam-account={email}")
    assert json.loads(key.read_text())["client_email"] == email
    own = {"CLOUDSDK_CONFIG": str(tmp_path / "config")}
    cloud.sh(f"gcloud auth activate-service-account --key-file={key}", environment=own)
    assert email in cloud.sh("gcloud auth list --format='value(account)'", environment=own).stdout
    refused = cloud.sh("gcloud storage ls", environment=own, check=False)
    assert refused.status == 1, "an account without roles may do nothing"
    assert f"{email} does not have storage.buckets.list access" in refused.output


@pytest.mark.parametrize("token", ["", "Bearer nonsense", "Bearer ya29.forged"])
def test_without_or_with_a_wrong_token_401(cloud, token):
    header = f"-H 'Authorization: {token}'" if token else ""
    result = cloud.sh(f"curl -s {header} 'https://storage.googleapis.com/storage/v1/b?project={cloud.project}'")
    error = json.loads(result.stdout)["error"]
    assert error["code"] == 401 and error["errors"][0]["reason"] in ("required", "authError")


def test_a_method_that_brume_lacks_answers_501_with_its_name(cloud):
    token = cloud.sh("gcloud auth print-access-token").stdout.strip()
    result = cloud.sh(
        f"curl -s -X POST -H 'Authorization: Bearer {token}' "
        f"'https://compute.googleapis.com/compute/v1/projects/{cloud.project}/zones/europe-west1-b/instances/x/addNetworkInterface'"
    )
    error = json.loads(result.stdout)["error"]
    assert error["code"] == 501 and "compute.instances.addNetworkInterface" in error["message"]


def test_the_billing_account_that_charges_nothing(cloud):
    accounts = json.loads(cloud.sh("gcloud billing accounts list --format=json").stdout)
    account = accounts[0]["name"].removeprefix("billingAccounts/")
    assert len(accounts) == 1 and accounts[0]["open"]

    def is_enabled():
        described = cloud.sh(f"gcloud billing projects describe {cloud.project} --format=json")
        return json.loads(described.stdout)["billingEnabled"]

    assert is_enabled()
    cloud.sh(f"gcloud billing projects unlink {cloud.project}")
    assert not is_enabled()
    cloud.sh(f"gcloud billing projects link {cloud.project} --billing-account={account}")
    assert is_enabled()
    refused = cloud.sh(
        f"gcloud billing projects link {cloud.project} --billing-account=012345-567890-ABCDEF", check=False)
    assert refused.status != 0 and account in refused.stderr
