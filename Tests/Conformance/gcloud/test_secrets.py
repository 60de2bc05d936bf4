"""Secret Manager: gcloud's whole round, and who may read."""

import pytest

pytestmark = pytest.mark.needs("gcloud")


def test_versions_are_added_read_disabled_and_destroyed(cloud, name, tmp_path):
    (tmp_path / "one").write_bytes(b"p\x00ss\xff\n")
    (tmp_path / "two").write_text("two")
    cloud.sh(f"gcloud secrets create {name} --data-file=one --labels=env=test", cwd=tmp_path)
    cloud.sh(f"gcloud secrets versions access latest --secret={name} --out-file=back", cwd=tmp_path)
    assert (tmp_path / "back").read_bytes() == b"p\x00ss\xff\n"
    cloud.sh(f"gcloud secrets versions add {name} --data-file=two", cwd=tmp_path)
    assert cloud.sh(f"gcloud secrets versions access latest --secret={name}").stdout == "two"
    assert "env=test" in cloud.sh(f"gcloud secrets describe {name} --format='value(labels)'").stdout
    assert name in cloud.sh("gcloud secrets list --filter=labels.env=test --format='value(name)'").stdout
    cloud.sh(f"gcloud secrets versions disable 2 --secret={name}")
    refused = cloud.sh(f"gcloud secrets versions access latest --secret={name}", check=False)
    assert refused.status != 0 and "DISABLED" in refused.output
    cloud.sh(f"gcloud secrets versions enable 2 --secret={name}")
    cloud.sh(f"gcloud secrets versions destroy 1 --secret={name} --quiet")
    states = cloud.sh(f"gcloud secrets versions list {name} --format='value(name,state)'").stdout.lower()
    assert states.split() == ["2", "enabled", "1", "destroyed"]
    member = "--member=user:reader@example.com --role=roles/secretmanager.secretAccessor"
    cloud.sh(f"gcloud secrets add-iam-policy-binding {name} {member}")
    assert "reader@example.com" in cloud.sh(f"gcloud secrets get-iam-policy {name}").stdout
    cloud.sh(f"gcloud secrets delete {name} --quiet")
    assert "not found" in cloud.sh(f"gcloud secrets describe {name}", check=False).output


@pytest.mark.needs("dockerd")
def test_a_step_has_the_secret_that_the_builds_account_may_read(cloud, name, tmp_path):
    (tmp_path / "word").write_text("open sesame")
    (tmp_path / "cloudbuild.yaml").write_text(
        f"""
steps:
- name: busybox
  entrypoint: sh
  args: ['-c', 'test "$$WORD" = "open sesame" && echo it is right']
  secretEnv: ['WORD']
availableSecrets:
  secretManager:
  - versionName: projects/$PROJECT_ID/secrets/{name}/versions/latest
    env: WORD
"""
    )
    cloud.sh(f"gcloud secrets create {name} --data-file=word", cwd=tmp_path)
    submit = "gcloud builds submit --no-source --config=cloudbuild.yaml"
    refused = cloud.sh(submit, cwd=tmp_path, check=False, timeout=1200)
    assert refused.status == 1 and "secretmanager.versions.access" in refused.output
    number = cloud.sh(f"gcloud projects describe {cloud.project} --format='value(projectNumber)'").stdout.strip()
    member = f"--member=serviceAccount:{number}@cloudbuild.gserviceaccount.com"
    cloud.sh(f"gcloud secrets add-iam-policy-binding {name} {member} --role=roles/secretmanager.secretAccessor")
    assert "it is right" in cloud.sh(submit, cwd=tmp_path, timeout=1200).output
