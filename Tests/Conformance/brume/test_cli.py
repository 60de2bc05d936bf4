"""The command line: up, down, status, env, run, and what happens to a cloud that is killed."""

import json
import socket
import sqlite3

import pytest

from conftest import run


def test_up_returns_when_the_cloud_serves_and_prints_the_switch(new_cloud):
    cloud = new_cloud()
    result = cloud.brume("up")
    assert f"http://127.0.0.1:{cloud.port}" in result.stdout
    assert 'eval "$(brume env)"' in result.stdout
    with socket.create_connection(("127.0.0.1", cloud.port)):
        pass


def test_status_tells_whether_it_runs(new_cloud):
    cloud = new_cloud()
    assert cloud.brume("status", check=False).status == 1
    cloud.up()
    status = json.loads(cloud.brume("status", "--json").stdout)
    assert status["running"] and status["port"] == cloud.port
    cloud.down()
    assert json.loads(cloud.brume("status", "--json", check=False).stdout)["running"] is False


def test_two_clouds_side_by_side(new_cloud):
    one, two = new_cloud(), new_cloud()
    one.up()
    two.up()
    one.sh(f"gcloud storage buckets create gs://{one.project}-only-here")
    assert "only-here" in one.sh("gcloud storage ls").stdout
    assert "only-here" not in two.sh("gcloud storage ls", check=False).output


def test_a_used_port_is_refused_with_the_remedy(new_cloud):
    cloud = new_cloud()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = cloud.brume("up", "--port", str(taken.getsockname()[1]), check=False)
    assert result.status != 0
    assert "already used" in result.stderr and "--port" in result.stderr


def test_a_data_folder_of_a_newer_version_is_refused_and_left_alone(new_cloud):
    cloud = new_cloud()
    cloud.up()
    cloud.down()
    path = cloud.data / "brume.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO grdb_migrations VALUES ('storage.9999')")
        before = list(database.iterdump())
    result = cloud.brume("up", check=False)
    assert result.status != 0 and "newer Brume" in result.stderr
    with sqlite3.connect(path) as database:
        assert list(database.iterdump()) == before


@pytest.mark.parametrize("setting, value", [("BRUME_PORT", "http"), ("BRUME_PORT", "99999"), ("BRUME_ENGINE", "podman")])
def test_a_wrong_setting_is_named_with_its_value(new_cloud, setting, value):
    cloud = new_cloud(**{setting: value})
    cloud.base[setting] = value
    result = cloud.brume("up", check=False)
    assert result.status != 0 and value in result.stderr


@pytest.mark.needs("gcloud")
@pytest.mark.parametrize("how", ["down", "kill"])
def test_everything_is_there_again_after(new_cloud, how):
    cloud = new_cloud()
    cloud.up()
    cloud.sh(f"gcloud storage buckets create gs://{cloud.project}-kept")
    cloud.sh(f"echo kept | gcloud storage cp - gs://{cloud.project}-kept/a.txt")
    cloud.sh("gcloud projects create kept-project-1")
    getattr(cloud, how)()
    cloud.up()
    assert cloud.sh(f"gcloud storage cat gs://{cloud.project}-kept/a.txt").stdout == "kept\n"
    assert "kept-project-1" in cloud.sh("gcloud projects list --format='value(projectId)'").stdout


def test_env_off_restores_what_was_there(new_cloud):
    cloud = new_cloud()
    cloud.up()
    script = """
        export HTTPS_PROXY=http://mine:1 ; unset CLOUDSDK_CONFIG
        eval "$(brume env)"; echo "on=$HTTPS_PROXY"
        eval "$(brume env)"; eval "$(brume env --off)"; echo "off=$HTTPS_PROXY config=${CLOUDSDK_CONFIG-none}"
    """
    result = run(["bash", "-c", script], cloud.base, cloud.folder)
    assert f"on=http://127.0.0.1:{cloud.port}" in result.stdout
    assert "off=http://mine:1 config=none" in result.stdout


def test_run_gives_one_command_the_surroundings(new_cloud):
    cloud = new_cloud()
    cloud.up()
    result = cloud.brume("run", "--", "bash", "-c", "echo $CLOUDSDK_CONFIG $HTTPS_PROXY")
    assert str(cloud.data) in result.stdout and str(cloud.port) in result.stdout


def test_reset_deletes_the_cloud_and_nothing_else(new_cloud):
    cloud = new_cloud()
    cloud.up()
    assert cloud.brume("reset", "--yes", check=False).status != 0, "a running cloud must not be deleted"
    cloud.down()
    (cloud.data / "mine.txt").write_text("mine")
    cloud.brume("reset", "--yes")
    assert [p.name for p in cloud.data.iterdir()] == ["mine.txt"]
