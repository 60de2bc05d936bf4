"""Source repositories and triggers: git pushes to the cloud, and each push builds what its triggers say, once."""

import hashlib
import hmac
import json
import os
import subprocess
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.needs("gcloud", "git")

CONFIG = "steps:\n- name: busybox\n  args: ['echo', '$BRANCH_NAME$TAG_NAME $SHORT_SHA $_SIZE']\n"


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    """A cloud whose builds run at once, on the simulated engine."""
    import shutil
    import tempfile

    from conftest import Cloud

    folder = tempfile.mkdtemp(prefix="brume-src-", dir="/tmp")
    cloud = Cloud(folder, {"BRUME_ENGINE": "simulated"})
    cloud.up()
    yield cloud
    cloud.brume("down", check=False)
    shutil.rmtree(folder, ignore_errors=True)


class Work:
    """A working copy of a hosted repository."""

    def __init__(self, cloud, name):
        self.cloud, self.name, self.folder = cloud, name, cloud.folder / name
        cloud.sh(f"gcloud source repos create {name} && gcloud source repos clone {name} {self.folder}")
        cloud.sh("git config user.name me && git config user.email me@localhost", cwd=self.folder)

    def sh(self, command, **options):
        return self.cloud.sh(command, cwd=self.folder, **options)

    def commit(self, files, message="work"):
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.sh(f"git add -A && git commit -qm '{message}'")
        return self.sh("git rev-parse HEAD").stdout.strip()

    def push(self, where="main", **options):
        return self.sh(f"git push -q origin HEAD:{where}", **options)


@pytest.fixture
def work(sim, name):
    return Work(sim, name)


def call(cloud, method, path, body=None, headers=None, token=True):
    """One call of the API at the plain endpoint; returns status and text."""
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + cloud.token
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{cloud.port}{path}", data, headers, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def settled(cloud):
    """Returns when no event waits for its builds any more, and no build runs."""
    query = "SELECT (SELECT count(*) FROM build_events WHERE NOT isSettled) + (SELECT count(*) FROM builds WHERE status IN ('QUEUED', 'WORKING'))"
    code = (
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n"
        "end = time.monotonic() + 60\n"
        "while db.execute(sys.argv[2]).fetchone()[0] and time.monotonic() < end: time.sleep(0.02)\n"
    )
    subprocess.run(["python3", "-c", code, str(cloud.data / "brume.sqlite"), query], check=True)


def builds(cloud, trigger):
    """The builds of a trigger, newest first."""
    settled(cloud)
    listed = cloud.sh(f"gcloud builds list --filter='substitutions.TRIGGER_NAME={trigger}' --format=json").stdout
    return json.loads(listed)


def trigger(cloud, repo, name, *flags):
    config = "" if any(f.startswith(("--build-config", "--dockerfile", "--inline")) for f in flags) else "--build-config=cloudbuild.yaml"
    cloud.sh(f"gcloud builds triggers create cloud-source-repositories --name={name} --repo={repo} {config} " + " ".join(flags))


def test_a_repository_is_created_listed_cloned_pushed_and_deleted(sim, work, tmp_path):
    assert work.name in sim.sh("gcloud source repos list").stdout
    assert f"/p/{sim.project}/r/{work.name}" in sim.sh(f"gcloud source repos describe {work.name}").stdout
    commit = work.commit({"a.txt": "one\n", "big.bin": "x" * 3_000_000})
    work.sh("git tag -a v1 -m 'first' && git push -q origin HEAD:main v1")
    clone = tmp_path / "again"
    sim.sh(f"gcloud source repos clone {work.name} {clone}")
    assert sim.sh("git rev-parse HEAD v1^{commit} && git branch --show-current", cwd=clone).stdout.split() == [commit, commit, "main"]
    assert (clone / "big.bin").stat().st_size == 3_000_000
    sim.sh(f"gcloud source repos delete {work.name} --quiet")
    assert sim.sh("git fetch", cwd=clone, check=False).status != 0
    assert sim.sh(f"gcloud source repos create {work.name[:2]}", check=False).status == 1
    assert sim.sh("gcloud source repos describe missing-one", check=False).output.count("NOT_FOUND")


def test_a_repository_of_many_commits_goes_through_both_ways(sim, work, tmp_path):
    lines = []
    for i in range(1, 2001):
        lines.append(f"commit refs/heads/main\nmark :{i}\ncommitter me <me@localhost> {1700000000 + i} +0000\ndata 4\nwork")
        if i > 1:
            lines.append(f"from :{i - 1}")
        lines.append(f"M 100644 inline f{i % 500}\ndata 8\n{i:07d}\n")
    (tmp_path / "stream").write_text("\n".join(lines) + "\n")
    work.sh(f"git fast-import --quiet < {tmp_path}/stream && git push -q origin main")
    sim.sh(f"gcloud source repos clone {work.name} {tmp_path}/again")
    assert sim.sh("git rev-list --count main && git fsck --strict", cwd=tmp_path / "again").stdout.startswith("2000")
    # Many wants make git compress its request.
    work.sh("git fetch -q origin 'refs/heads/*:refs/remotes/all/*' && git clone -q --depth=1 $(git remote get-url origin) shallow")


def test_nobody_reads_or_pushes_without_credentials_or_permission(sim, work):
    work.commit({"a.txt": "one\n"})
    work.push()
    address = f"http://127.0.0.1:{sim.port}/p/{sim.project}/r/{work.name}"
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    assert sim.sh(f"git ls-remote {address}", check=False, environment=quiet).status != 0
    assert sim.sh(f"git ls-remote {address.replace('://', '://me:wrong@')}", check=False, environment=quiet).status != 0
    token = sim.token
    assert "refs/heads/main" in sim.sh(f"git ls-remote {address.replace('://', f'://me:{token}@')}", environment=quiet).stdout
    account = f"{work.name}@{sim.project}.iam.gserviceaccount.com"
    sim.sh(f"gcloud iam service-accounts create {work.name}")
    sim.sh(f"gcloud iam service-accounts keys create key.json --iam-account={account}", cwd=work.folder)
    other = {"CLOUDSDK_CONFIG": str(work.folder / ".gcloud")}
    work.sh("gcloud auth activate-service-account --key-file=key.json", environment=other)
    reader = {**quiet, "TOKEN": work.sh("gcloud auth print-access-token", environment=other).stdout.strip()}
    mine = address.replace("://", "://me:$TOKEN@")
    assert sim.sh(f"git ls-remote {mine}", check=False, environment=reader).status != 0
    policy = {"bindings": [{"role": "roles/source.reader", "members": [f"serviceAccount:{account}"]}]}
    (work.folder / "policy.json").write_text(json.dumps(policy))
    sim.sh(f"gcloud source repos set-iam-policy {work.name} {work.folder}/policy.json")
    assert "source.reader" in sim.sh(f"gcloud source repos get-iam-policy {work.name}").stdout
    assert "refs/heads/main" in sim.sh(f"git ls-remote {mine}", environment=reader).stdout
    refused = work.sh(f"git push {mine} HEAD:refs/heads/mine", check=False, environment=reader)
    assert refused.status != 0 and "403" in refused.output


def test_a_push_to_main_starts_one_build_and_other_pushes_none(sim, work):
    work.commit({"cloudbuild.yaml": CONFIG})
    trigger(sim, work.name, work.name, "--branch-pattern='^main$'", "--substitutions=_SIZE=large")
    commit = work.commit({"a.txt": "one\n"})
    work.push("main")
    work.push("mainline")
    work.sh("git tag v1 && git push -q origin v1")
    [build] = builds(sim, work.name)
    assert build["status"] == "SUCCESS"
    assert build["steps"][0]["args"] == ["echo", f"main {commit[:7]} large"]
    assert build["source"]["repoSource"] == {"projectId": sim.project, "repoName": work.name, "commitSha": commit}
    assert build["substitutions"]["COMMIT_SHA"] == commit and build["substitutions"]["REPO_NAME"] == work.name
    assert build["substitutions"]["TRIGGER_BUILD_CONFIG_PATH"] == "cloudbuild.yaml"
    # Each further push of it, one more; a deletion, none.
    for i in range(3):
        work.commit({"a.txt": f"{i}\n"})
        work.push("main")
    work.sh("git push -q origin :mainline")
    assert len(builds(sim, work.name)) == 4


def test_tags_files_messages_and_switches_decide(sim, work):
    work.commit({"cloudbuild.yaml": CONFIG})
    work.push()
    n = work.name
    trigger(sim, n, f"{n}-tag", "--tag-pattern='^v[0-9]+$'")
    trigger(sim, n, f"{n}-src", "--branch-pattern='.*'", "--included-files='src/**'", "--ignored-files='**/*.md'")
    trigger(sim, n, f"{n}-off", "--branch-pattern='.*'")
    found = json.loads(sim.sh(f"gcloud builds triggers describe {n}-off --format=json").stdout)
    status, _ = call(sim, "PATCH", f"/cloudbuild/v1/{found['resourceName']}?updateMask=disabled", {"disabled": True})
    assert status == 200
    trigger(sim, n, f"{n}-not", "--branch-pattern='^main$'")
    found = json.loads(sim.sh(f"gcloud builds triggers describe {n}-not --format=json").stdout)
    mask = "trigger_template.invert_regex"
    assert call(sim, "PATCH", f"/cloudbuild/v1/{found['resourceName']}?updateMask={mask}", {"triggerTemplate": {"invertRegex": True}})[0] == 200
    work.commit({"README.md": "a\n"})
    work.push()
    work.commit({"src/README.md": "a\n"})
    work.push()
    work.commit({"src/a.py": "a\n"})
    work.push()
    work.commit({"src/b.py": "b\n"}, "nothing to see [skip ci]")
    work.push()
    work.push("side")
    work.sh("git tag v2 && git tag nightly && git push -q origin v2 nightly")
    assert [len(builds(sim, f"{n}-{t}")) for t in ("tag", "src", "off", "not")] == [0, 1, 0, 0]
    work.commit({"src/c.py": "c\n"})
    work.push("side")
    work.sh("git tag -a v3 -m 'with words' && git push -q origin v3")
    assert [len(builds(sim, f"{n}-{t}")) for t in ("tag", "src", "off", "not")] == [1, 2, 0, 1]
    assert builds(sim, f"{n}-tag")[0]["substitutions"]["TAG_NAME"] == "v3"


def test_configurations_are_found_by_themselves_and_wrong_ones_fail_visibly(sim, work):
    work.commit({"Dockerfile": "FROM busybox\n"})
    body = {"name": work.name, "triggerTemplate": {"repoName": work.name, "branchName": ".*"}, "autodetect": True}
    assert call(sim, "POST", f"/cloudbuild/v1/projects/{sim.project}/triggers", body)[0] == 200
    work.push()
    settled(sim)
    [build] = json.loads(sim.sh(f"gcloud builds list --filter='substitutions.TRIGGER_NAME={work.name}' --format=json").stdout)
    commit = work.sh("git rev-parse HEAD").stdout.strip()
    assert build["images"] == [f"gcr.io/{sim.project}/{work.name}:{commit}"]
    work.commit({"cloudbuild.yaml": "steps:\n- name: busybox\n  args: [a\n"})
    work.push()
    wrong = builds(sim, work.name)[0]
    assert wrong["status"] == "FAILURE" and "cloudbuild.yaml" in wrong["statusDetail"] and "line" in wrong["statusDetail"]
    work.commit({"cloudbuild.yaml": "steps: []\n"})
    work.push()
    assert "at least one step" in builds(sim, work.name)[0]["statusDetail"]


def test_triggers_are_managed_with_gcloud(sim, work):
    n = work.name
    commit = work.commit({"cloudbuild.yaml": CONFIG, "Dockerfile": "FROM busybox\n"})
    work.push()
    trigger(sim, n, n, "--branch-pattern='^main$'")
    again = sim.sh(
        f"gcloud builds triggers create cloud-source-repositories --name={n} --repo={n} --branch-pattern=x --build-config=c.yaml",
        check=False,
    )
    assert again.status == 1 and "already exists" in again.output
    bad = sim.sh(
        f"gcloud builds triggers create cloud-source-repositories --name={n}-bad --repo={n} --branch-pattern='(?=x)' --build-config=c.yaml",
        check=False,
    )
    assert bad.status == 1 and "invalid or unsupported Perl syntax" in bad.output
    ran = sim.sh(f"gcloud builds triggers run {n} --branch=main --substitutions=_SIZE=huge --format=json").stdout
    ran = json.loads(ran)["metadata"]["build"]
    assert ran["steps"][0]["args"] == ["echo", f"main {commit[:7]} huge"]
    missing = sim.sh(f"gcloud builds triggers run {n} --branch=nowhere", check=False)
    assert missing.status == 1 and "nowhere" in missing.output
    sim.sh(f"gcloud builds triggers update cloud-source-repositories {n} --tag-pattern='^v' --description=tags")
    found = json.loads(sim.sh(f"gcloud builds triggers describe {n} --format=json").stdout)
    assert found["triggerTemplate"] == {"repoName": n, "tagName": "^v"} and found["description"] == "tags"
    work.sh(f"gcloud alpha builds triggers export {n} --destination=t.yaml && sed -i s/tags/more/ t.yaml")
    work.sh("gcloud builds triggers import --source=t.yaml")
    assert sim.sh(f"gcloud builds triggers describe {n} --format='value(description)'").stdout.strip() == "more"
    repo = f"https://source.developers.google.com/p/{sim.project}/r/{n}"
    sim.sh(
        f"gcloud builds triggers create manual --name={n}-m --repo={repo} --repo-type=CLOUD_SOURCE_REPOSITORIES"
        " --branch=main --dockerfile=Dockerfile"
    )
    ran = json.loads(sim.sh(f"gcloud builds triggers run {n}-m --format=json").stdout)["metadata"]["build"]
    assert ran["source"]["repoSource"]["commitSha"] == commit and "dir" not in ran["steps"][0]
    assert sim.sh("gcloud builds triggers list --format='value(name)'").stdout.split().count(f"{n}-m") == 1
    sim.sh(f"gcloud builds triggers delete {n}-m && gcloud builds triggers delete {n}")
    assert sim.sh(f"gcloud builds triggers describe {n}", check=False).output.count("NOT_FOUND")


def test_a_build_that_needs_approval_waits(sim, work):
    work.commit({"cloudbuild.yaml": CONFIG})
    trigger(sim, work.name, work.name, "--branch-pattern=.*", "--require-approval")
    work.push()
    [build] = builds(sim, work.name)
    assert build["status"] == "PENDING" and build["approval"]["state"] == "PENDING"
    sim.sh(f"gcloud beta builds approve {build['id']} --comment=fine")
    [approved] = builds(sim, work.name)
    assert approved["status"] != "PENDING" and approved["approval"]["result"]["comment"] == "fine"
    assert approved["approval"]["result"]["approverAccount"]
    again = sim.sh(f"gcloud beta builds reject {build['id']}", check=False)
    assert again.status != 0 and "does not wait for an approval" in again.output


def github(cloud, hook, event, body, delivery, secret=None):
    data = json.dumps(body).encode()
    signature = "sha256=" + hmac.new((secret or hook["secret"]).encode(), data, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": signature}
    return call(cloud, "POST", hook["path"], data, {**headers, "Content-Type": "application/json"}, token=False)[0]


def test_a_connected_repository_builds_what_its_host_tells_of(sim, work):
    n, commit = work.name, work.commit({"cloudbuild.yaml": CONFIG})
    work.push("main")
    sim.sh(f"gcloud builds connections create github {n} --region=europe-west1")
    address = f"http://127.0.0.1:{sim.port}/p/{sim.project}/r/{n}"
    sim.sh(f"gcloud builds repositories create app --remote-uri={address} --connection={n} --region=europe-west1")
    assert "COMPLETE" in sim.sh("gcloud builds connections list --region=europe-west1").stdout
    assert address in sim.sh(f"gcloud builds repositories list --connection={n} --region=europe-west1").stdout
    repository = f"projects/{sim.project}/locations/europe-west1/connections/{n}/repositories/app"
    for kind, flag in (("pr", "--pull-request-pattern='^main$' --comment-control=COMMENTS_ENABLED"), ("push", "--branch-pattern='^hook$'")):
        sim.sh(
            f"gcloud builds triggers create github --name={n}-{kind} --repository={repository} {flag}"
            " --build-config=cloudbuild.yaml --region=europe-west1"
        )
    status, text = call(sim, "GET", f"/cloudbuild/v2/projects/{sim.project}/locations/europe-west1/connections/{n}:webhook")
    hook = json.loads(text)
    push = {"ref": "refs/heads/hook", "before": "0" * 40, "after": commit, "repository": {"full_name": n}}
    assert github(sim, hook, "push", push, "one", secret="wrong") == 403
    assert github(sim, hook, "push", push, "one") == 200
    assert github(sim, hook, "push", push, "one") == 200
    region = "--region=europe-west1 --format=json"
    listed = lambda t: json.loads(sim.sh(f"gcloud builds list {region} --filter='substitutions.TRIGGER_NAME={n}-{t}'").stdout)
    settled(sim)
    [build] = listed("push")
    assert build["substitutions"]["COMMIT_SHA"] == commit and build["source"]["connectedRepository"]["revision"] == commit
    request = {
        "action": "opened", "repository": {"full_name": n},
        "pull_request": {
            "number": 7, "author_association": "NONE", "base": {"ref": "main"},
            "head": {"ref": "patch", "sha": commit, "repo": {"clone_url": "https://example.com/x.git"}},
        },
    }
    assert github(sim, hook, "pull_request", request, "two") == 200
    settled(sim)
    assert listed("pr") == []
    comment = {
        "action": "created", "repository": {"full_name": n}, "issue": {"number": 7, "pull_request": {}},
        "comment": {"body": "/gcbrun", "author_association": "OWNER"},
    }
    stranger = {**comment, "comment": {"body": "/gcbrun", "author_association": "NONE"}}
    assert github(sim, hook, "issue_comment", stranger, "three") == 200
    assert github(sim, hook, "issue_comment", comment, "four") == 200
    settled(sim)
    [build] = listed("pr")
    assert build["substitutions"]["_PR_NUMBER"] == "7" and build["substitutions"]["_BASE_BRANCH"] == "main"
    sim.sh(f"gcloud builds repositories delete app --connection={n} --region=europe-west1 --quiet")
    sim.sh(f"gcloud builds connections delete {n} --region=europe-west1 --quiet")


def test_pushes_around_a_killed_daemon_start_one_build_each(new_cloud, name):
    cloud = new_cloud()
    cloud.up()
    work = Work(cloud, name)
    work.commit({"cloudbuild.yaml": CONFIG})
    trigger(cloud, name, name, "--branch-pattern=.*")
    pushed = 0
    for round in range(3):
        commit = work.commit({"a.txt": f"{round}\n" + os.urandom(400_000).hex()})
        push = subprocess.Popen(
            ["git", "push", "-q", "origin", "HEAD:main"], cwd=work.folder, env=cloud.environment, stderr=subprocess.DEVNULL
        )
        # Killed at another moment each time: soon after the push began, or right behind its answer.
        try:
            push.wait(timeout=[0.9, 1.1, None][round])
        except subprocess.TimeoutExpired:
            pass
        cloud.kill()
        push.wait()
        cloud.up()
        work.push()
        pushed += 1
        settled(cloud)
        found = [b["substitutions"]["COMMIT_SHA"] for b in builds(cloud, name)]
        assert found.count(commit) == 1 and len(found) == pushed


def test_a_hostile_repository_is_refused(sim, work):
    work.commit({"a.txt": "one\n"})
    work.sh(
        r"""
        blob=$(printf '[submodule "a"]\n\tpath = a\n\turl = --upload-pack=touch /tmp/owned\n' | git hash-object -w --stdin)
        tree=$(printf '100644 blob %s\t.gitmodules\n' "$blob" | git mktree)
        git update-ref refs/heads/modules $(git commit-tree -m x $tree)
        blob=$(echo x | git hash-object -w --stdin)
        inner=$(printf '100644 blob %s\tconfig\n' "$blob" | git mktree)
        tree=$(printf '040000 tree %s\t.GIT\n' "$inner" | git mktree)
        git update-ref refs/heads/dotgit $(git commit-tree -m x $tree)
        """
    )
    for branch in ("modules", "dotgit"):
        refused = work.sh(f"git push origin {branch}", check=False)
        assert refused.status != 0 and "refs/heads/" not in sim.sh(f"git ls-remote $(git remote get-url origin) {branch}", cwd=work.folder).stdout
    status, _ = call(sim, "GET", f"/p/{sim.project}/r/{work.name}/info/refs?service=git-upload-archive")
    assert status == 403
    for path in ("..%2F..", "%2e%2e", work.name + "%2F..%2F.."):
        assert call(sim, "GET", f"/p/{sim.project}/r/{path}/info/refs?service=git-upload-pack")[0] == 404
    assert call(sim, "GET", f"/p/{sim.project}/r/{work.name}/objects/info/packs")[0] == 404
    # What is fetched for a build comes over the network, not from this machine's disk.
    body = {"steps": [{"name": "busybox"}], "source": {"gitSource": {"url": f"file://{work.folder}"}}}
    status, text = call(sim, "POST", f"/cloudbuild/v1/projects/{sim.project}/builds", body)
    settled(sim)
    found = json.loads(sim.sh("gcloud builds list --limit=1 --format=json").stdout)[0]
    assert status == 400 or found["status"] == "FAILURE"


def test_a_commit_shows_what_its_builds_came_to(sim, work):
    trigger(sim, work.name, work.name, "--branch-pattern=.*")
    commit = work.commit({"cloudbuild.yaml": CONFIG.replace("$_SIZE", "")})
    work.push()
    settled(sim)
    status, text = call(sim, "GET", f"/cloudbuild/v1/projects/{sim.project}/repos/{work.name}/commits/{commit}/status")
    told = json.loads(text)
    assert status == 200 and told["state"] == "success" and [s["context"] for s in told["statuses"]] == [work.name]


def test_whoever_knows_the_secret_of_a_webhook_starts_its_build(sim, name, tmp_path):
    sim.sh(f"printf 'open sesame' | gcloud secrets create {name} --data-file=-")
    (tmp_path / "cloudbuild.yaml").write_text("steps:\n- name: busybox\n  args: [echo, $_WHO]\n")
    number = sim.sh(f"gcloud projects describe {sim.project} --format='value(projectNumber)'").stdout.strip()
    made = (
        f"gcloud builds triggers create webhook --name={name} --inline-config=cloudbuild.yaml --substitutions='_WHO=$(body.who)'"
        f" --secret=projects/{sim.project}/secrets/{name}/versions/1"
    )
    sim.sh(made, cwd=tmp_path)
    sim.sh(
        f"gcloud secrets add-iam-policy-binding {name} --role=roles/secretmanager.secretAccessor"
        f" --member=serviceAccount:service-{number}@gcp-sa-cloudbuild.iam.gserviceaccount.com"
    )
    path = f"/cloudbuild/v1/projects/{sim.project}/triggers/{name}:webhook"
    for wrong in ("?secret=sesame", "?secret=", ""):
        assert call(sim, "POST", path + wrong, {"who": "stranger"}, token=False)[0] in (400, 401, 403)
    assert builds(sim, name) == []
    assert call(sim, "POST", f"{path}?key=any&secret=open%20sesame", {"who": "a friend"}, token=False)[0] == 200
    (found,) = builds(sim, name)
    assert found["status"] == "SUCCESS" and found["steps"][0]["args"] == ["echo", "a friend"]
    # Another version of the secret is another secret; a trigger that is off starts nothing.
    exported = json.loads(sim.sh(f"gcloud builds triggers describe {name} --format=json").stdout)
    (tmp_path / "trigger.json").write_text(json.dumps({**exported, "disabled": True}))
    sim.sh("gcloud builds triggers import --source=trigger.json", cwd=tmp_path)
    call(sim, "POST", f"{path}?secret=open%20sesame", {"who": "a friend"}, token=False)
    assert len(builds(sim, name)) == 1
