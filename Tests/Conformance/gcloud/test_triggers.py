"""Repositories and triggers: a git push starts a build, exactly one, also when the daemon was killed meanwhile."""

import json
import uuid

import pytest

pytestmark = pytest.mark.needs("gcloud", "git", "dockerd")

CONFIG = """\
steps:
- name: busybox
  args: [echo, 'built $SHORT_SHA of $BRANCH_NAME']
- name: busybox
  args: [cat, hello.txt]
"""


@pytest.fixture
def repository(cloud):
    name = f"repo-{uuid.uuid4().hex[:6]}"
    cloud.sh(f"gcloud source repos create {name}")
    assert name in cloud.sh("gcloud source repos list").stdout
    cloud.sh(f"gcloud source repos clone {name}")
    folder = cloud.folder / name
    cloud.sh("git config user.name me && git config user.email me@localhost && git checkout -q -b main", cwd=folder)
    (folder / "cloudbuild.yaml").write_text(CONFIG)
    (folder / "hello.txt").write_text("hello from the repository\n")
    cloud.sh("git add . && git commit -qm first && git push -q origin main", cwd=folder)
    yield name, folder
    cloud.sh(f"gcloud source repos delete {name} --quiet")
    assert cloud.sh(f"git ls-remote https://source.developers.google.com/p/{cloud.project}/r/{name}", check=False).status


def trigger(cloud, name, pattern="^main$"):
    cloud.sh(
        f"gcloud builds triggers create cloud-source-repositories --name=t-{name} --repo={name}"
        f" --branch-pattern='{pattern}' --build-config=cloudbuild.yaml"
    )
    return f"t-{name}"


def commit(cloud, folder, text):
    (folder / "hello.txt").write_text(text + "\n")
    cloud.sh(f"git commit -qam '{text}'", cwd=folder)
    return cloud.sh("git rev-parse HEAD", cwd=folder).stdout.strip()


def builds(cloud, sha):
    answer = cloud.sh(f"gcloud builds list --filter='source.repoSource.commitSha={sha}' --format=json")
    return json.loads(answer.stdout)


def started(cloud, sha):
    """The builds of a commit, once there are any: a daemon that has just started may still be looking."""
    while not (found := builds(cloud, sha)):
        pass
    return found


def test_a_push_to_main_starts_one_build_of_what_was_pushed(cloud, repository):
    name, folder = repository
    trigger(cloud, name)
    sha = commit(cloud, folder, "second")
    cloud.sh("git push -q origin main", cwd=folder)
    (build,) = builds(cloud, sha)
    log = cloud.sh(f"gcloud builds log --stream {build['id']}").stdout
    assert f"built {sha[:7]} of main" in log and "second" in log
    assert cloud.sh(f"gcloud builds describe {build['id']} --format='value(status)'").stdout.strip() == "SUCCESS"
    cloud.sh("git push -q origin main:refs/heads/other", cwd=folder)
    assert len(builds(cloud, sha)) == 1


def test_a_trigger_is_run_by_hand_described_and_deleted(cloud, repository):
    name, folder = repository
    made = trigger(cloud, name, pattern="^never$")
    ran = cloud.sh(f"gcloud builds triggers run {made} --branch=main --format='value(metadata.build.id)'").stdout.strip()
    assert "hello from the repository" in cloud.sh(f"gcloud builds log --stream {ran}").stdout
    described = cloud.sh(f"gcloud builds triggers describe {made} --format='value(triggerTemplate.branchName)'")
    assert described.stdout.strip() == "^never$"
    cloud.sh(f"gcloud builds triggers delete {made} --quiet")
    assert made not in cloud.sh("gcloud builds triggers list").output


def test_a_push_is_built_once_though_the_daemon_is_killed(new_cloud):
    cloud = new_cloud()
    cloud.up()
    cloud.sh("gcloud source repos create killed && gcloud source repos clone killed")
    folder = cloud.folder / "killed"
    cloud.sh("git config user.name me && git config user.email me@localhost && git checkout -q -b main", cwd=folder)
    (folder / "cloudbuild.yaml").write_text(CONFIG)
    (folder / "hello.txt").write_text("first\n")
    cloud.sh("git add . && git commit -qm first", cwd=folder)
    trigger(cloud, "killed")
    cloud.sh("git push -q origin main", cwd=folder)
    sha = cloud.sh("git rev-parse HEAD", cwd=folder).stdout.strip()
    cloud.kill()
    cloud.up()
    assert len(started(cloud, sha)) == 1
    # Brought to the repository while no daemon runs: the next one finds it.
    cloud.kill()
    sha = commit(cloud, folder, "meanwhile")
    (bare,) = (cloud.data / "repositories").iterdir()
    cloud.sh(f"git push -q {bare} main", cwd=folder)
    cloud.up()
    (build,) = started(cloud, sha)
    assert build["substitutions"]["BRANCH_NAME"] == "main"


def test_git_without_credentials_is_asked_for_some(cloud, repository):
    name, _ = repository
    url = f"https://source.developers.google.com/p/{cloud.project}/r/{name}"
    refused = cloud.sh(f"GIT_TERMINAL_PROMPT=0 git -c credential.helper= clone {url} none", check=False)
    assert refused.status != 0 and "could not read Username" in refused.output
