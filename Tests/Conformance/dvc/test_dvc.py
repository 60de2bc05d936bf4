"""DVC with a Google Cloud Storage remote, as the exercise sheet types it: no setting but the bucket's URL."""

import pytest

pytestmark = pytest.mark.needs("git")


def test_push_then_pull_without_a_cache(cloud, bucket, tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("".join(f"{i},{i * i}\n" for i in range(10_000)))
    before = data.read_bytes()
    cloud.sh("git init -q . && git config user.name me && git config user.email me@localhost && dvc init -q", cwd=tmp_path)
    cloud.sh(f"dvc add -q data.csv && dvc remote add -d remote_storage {bucket}", cwd=tmp_path)
    cloud.sh("dvc push", cwd=tmp_path)
    assert "files/md5/" in cloud.sh(f"gcloud storage ls -r {bucket}").stdout
    cloud.sh("rm -rf .dvc/cache data.csv && dvc pull", cwd=tmp_path)
    assert data.read_bytes() == before
    assert "in sync" in cloud.sh("dvc status -c", cwd=tmp_path).output
