"""gsutil, as the exercise sheet types it."""

import os

import pytest

pytestmark = pytest.mark.needs("gsutil")


@pytest.fixture
def made(cloud, name):
    url = f"gs://{cloud.project}-{name}"
    cloud.sh(f"gsutil mb -l europe-west1 {url}")
    return url


def test_ls_shows_the_bucket(cloud, made):
    assert f"{made}/" in cloud.sh("gsutil ls").stdout.split()


@pytest.mark.parametrize("size", [10, 9 * 1024 * 1024])
def test_cp_up_and_down(cloud, made, tmp_path, size):
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(size))
    cloud.sh(f"gsutil cp {source} {made}/x && gsutil cp {made}/x {back}")
    assert back.read_bytes() == source.read_bytes()


def test_cat_stat_mv_and_rm(cloud, made):
    cloud.sh(f"echo fog | gsutil cp - {made}/a.txt")
    assert cloud.sh(f"gsutil cat {made}/a.txt").stdout == "fog\n"
    assert "Content-Length:" in cloud.sh(f"gsutil stat {made}/a.txt").stdout
    cloud.sh(f"gsutil mv {made}/a.txt {made}/b.txt")
    assert cloud.sh(f"gsutil ls {made}").stdout.split() == [f"{made}/b.txt"]
    cloud.sh(f"gsutil rm -r {made}")
    assert f"{made}/" not in cloud.sh("gsutil ls").stdout.split()


def test_rsync_copies_what_differs(cloud, made, tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "one").write_text("1")
    (folder / "sub" / "two").write_text("2")
    cloud.sh(f"gsutil -m rsync -r {folder} {made}/tree")
    listed = cloud.sh(f"gsutil ls -r {made}/tree/**").stdout.split()
    assert listed == [f"{made}/tree/one", f"{made}/tree/sub/two"]


def test_a_taken_name_is_refused(cloud, made):
    result = cloud.sh(f"gsutil mb {made}", check=False)
    assert result.status == 1 and "409" in result.output


def test_gzip_travels_and_rests_packed_and_arrives_plain(cloud, bucket, tmp_path):
    text = "".join(f"line {n}\n" for n in range(20_000))
    (tmp_path / "page.txt").write_text(text)
    cloud.sh(f"gsutil cp -z txt page.txt {bucket}/rests && gsutil cp -J page.txt {bucket}/travels", cwd=tmp_path)
    listed = cloud.sh(f"gsutil ls -l {bucket}/*").stdout.split("\n")
    sizes = {line.split()[2].rsplit("/", 1)[1]: int(line.split()[0]) for line in listed if bucket in line}
    assert sizes["travels"] == len(text) and sizes["rests"] < len(text) / 2
    for name in ["rests", "travels"]:
        cloud.sh(f"gsutil cp {bucket}/{name} back && cmp back page.txt && rm back", cwd=tmp_path)
    # gsutil asks for no-transform, which keeps content packed for everybody.
    cloud.sh(f"gsutil setmeta -h 'Cache-Control:private' {bucket}/rests")
    token = cloud.token
    url = f"https://storage.googleapis.com/{bucket[5:]}/rests"
    assert cloud.sh(f"curl -sf -H 'Authorization: Bearer {token}' {url}").stdout == text
