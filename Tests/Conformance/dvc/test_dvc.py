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


def repository(cloud, bucket, folder, *settings):
    """A repository whose default remote is the bucket."""
    cloud.sh("git init -q . && git config user.name me && git config user.email me@localhost && dvc init -q", cwd=folder)
    cloud.sh(f"dvc remote add -d r {bucket}/store", cwd=folder)
    for setting in settings:
        cloud.sh(f"dvc remote modify r {setting}", cwd=folder)


def test_gc_leaves_what_is_in_use(cloud, bucket, tmp_path):
    repository(cloud, bucket, tmp_path)
    for content in ("old", "new"):
        (tmp_path / "data").write_text(content)
        cloud.sh("dvc add -q data && dvc push -q", cwd=tmp_path)
    listing = f"gcloud storage ls {bucket}/store/files/md5/**"
    assert len(cloud.sh(listing).stdout.split()) == 2
    cloud.sh("dvc gc -f -w -c", cwd=tmp_path)
    assert len(cloud.sh(listing).stdout.split()) == 1
    cloud.sh("rm -rf .dvc/cache data && dvc pull -q", cwd=tmp_path)
    assert (tmp_path / "data").read_text() == "new"


def test_an_imported_object_is_updated_when_it_changes(cloud, bucket, tmp_path):
    repository(cloud, bucket, tmp_path)
    cloud.sh(f"echo first | gcloud storage cp - {bucket}/source.txt && dvc import-url {bucket}/source.txt", cwd=tmp_path)
    assert (tmp_path / "source.txt").read_text() == "first\n"
    assert "up to date" in cloud.sh("dvc status source.txt.dvc", cwd=tmp_path).output
    cloud.sh(f"echo second | gcloud storage cp - {bucket}/source.txt", cwd=tmp_path)
    assert "changed" in cloud.sh("dvc status source.txt.dvc", cwd=tmp_path).output
    cloud.sh("dvc update source.txt.dvc", cwd=tmp_path)
    assert (tmp_path / "source.txt").read_text() == "second\n"


def test_a_version_aware_remote_keeps_every_generation(cloud, bucket, tmp_path):
    cloud.sh(f"gcloud storage buckets update {bucket} --versioning")
    repository(cloud, bucket, tmp_path, "version_aware true")
    for content in ("one", "two"):
        (tmp_path / "data.txt").write_text(content)
        cloud.sh(f"dvc add -q data.txt && dvc push && git add -A && git commit -qm {content}", cwd=tmp_path)
    # Objects are called as the files are, and each commit names a generation.
    assert cloud.sh(f"gcloud storage cat {bucket}/store/data.txt").stdout == "two"
    assert "version_id" in (tmp_path / "data.txt.dvc").read_text()
    for commit, content in [("HEAD~1", "one"), ("HEAD@{1}", "two")]:
        cloud.sh(f"git checkout -q {commit} && rm -rf .dvc/cache data.txt && dvc pull", cwd=tmp_path)
        assert (tmp_path / "data.txt").read_text() == content
