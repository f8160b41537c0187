"""The command line against a running server: output for people and programs, exit codes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fleet.api.client import ApiClient
from fleet.api.errors import ServerUnreachable
from fleet.view import FleetView
from tests.e2e.processes import (
    FLOTILLA,
    Process,
    environment,
    run,
    served_clusters,
    short_folder,
    started,
)
from tests.fakes.fleet import cluster_document, config_map, simple_fleet
from tests.fleet.source.gits import WorkTree

pytestmark = pytest.mark.e2e
NAMES = ("cluster-001", "cluster-002", "cluster-003")
LABELS = {"cluster-003": "env: prod"}


@dataclass
class Stage:
    """A fleet that has converged."""

    folder: Path
    tree: WorkTree
    server: Process

    @property
    def address(self) -> str:
        return f"unix:{self.folder / 'state/flotilla.sock'}"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(*words, FLOTILLA_SERVER=self.address)

    def view(self) -> FleetView | None:
        try:
            return ApiClient(self.address).snapshot()
        except ServerUnreachable:
            return None

    def converged(self) -> bool:
        view = self.view()
        head = self.tree.git("rev-parse", "HEAD")
        return bool(
            view and view.git.revision == head and all(c.state == "Ready" for c in view.clusters)
        )


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with short_folder() as folder, served_clusters(folder, len(NAMES)) as kubeconfig:
        files = simple_fleet(NAMES)
        for name, labels in LABELS.items():
            files[f"clusters/{name}.yaml"] = cluster_document(name, labels)
        tree = WorkTree.make(folder / "repo", files)
        words = ("--repo", str(tree.path), "--state", str(folder / "state"), "--interval", "1")
        with started(
            "server", "--ref", "main", *words, "--kubeconfig", str(kubeconfig), log=folder / "log"
        ) as server:
            made = Stage(folder, tree, server)
            server.wait_until(made.converged)
            yield made


def test_a_table_lists_clusters(stage: Stage) -> None:
    said = stage.run("get", "clusters")
    head, *rows = said.stdout.splitlines()
    assert said.returncode == 0, said.stderr
    assert head.split()[:5] == ["NAME", "STATE", "BUNDLES", "OBJECTS", "DRIFT"]
    assert [row.split()[:5] for row in rows] == [[n, "Ready", "2/2", "4", "0"] for n in NAMES]


def test_wide_shows_more_and_no_headers_shows_less(stage: Stage) -> None:
    wide = stage.run("get", "clusters", "-o", "wide", "--no-headers").stdout.splitlines()
    assert len(wide) == 3
    assert wide[2].endswith("env=prod")


def test_names_are_one_a_line(stage: Stage) -> None:
    assert stage.run("get", "clusters", "-o", "name").stdout.split() == list(NAMES)


@pytest.mark.parametrize("kind", ["clusters", "bundles", "placements", "drift", "needs", "events"])
def test_json_and_yaml_say_the_same(stage: Stage, kind: str) -> None:
    as_json = json.loads(stage.run("get", kind, "-o", "json").stdout)
    as_yaml = yaml.safe_load(stage.run("get", kind, "-o", "yaml").stdout)
    assert as_json["apiVersion"] == "flotilla.dev/cli/v1"
    assert as_json["kind"] == f"{kind.removesuffix('s').title()}List"
    assert len(as_yaml["items"]) == len(as_json["items"])
    if kind == "bundles":
        assert {b["name"]: b["clustersReady"] for b in as_json["items"]} == {"app": 3, "other": 3}


def test_a_selector_chooses_clusters(stage: Stage) -> None:
    chosen = stage.run("get", "clusters", "-l", "env in (prod)", "-o", "name")
    assert chosen.stdout.split() == ["cluster-003"]
    placements = stage.run("get", "placements", "-l", "env!=prod", "-o", "name").stdout.split()
    assert sorted(placements) == [f"{n}/{b}" for n in NAMES[:2] for b in ("app", "other")]
    assert stage.run("get", "bundles", "-l", "env=prod", "-o", "name").stdout.split()
    nothing = stage.run("get", "bundles", "-l", "env=moon")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "no bundles that match\n"
    one = stage.run("get", "clusters", NAMES[0], "-o", "name")
    assert one.stdout.split() == [NAMES[0]]
    unknown = stage.run("get", "clusters", "nowhere")
    assert (unknown.returncode, "no clusters named nowhere" in unknown.stderr) == (1, True)
    wrong = stage.run("get", "clusters", "-l", "env in prod")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Error: ")


def test_a_column_sorts(stage: Stage) -> None:
    assert stage.run("get", "clusters", "--sort-by", "state").returncode == 0
    wrong = stage.run("get", "clusters", "--sort-by", "colour")
    assert wrong.returncode == 2
    assert "there is no column 'colour'" in wrong.stderr


def test_a_watch_prints_again_when_something_changed(stage: Stage) -> None:
    watching = subprocess.Popen(
        [*FLOTILLA, "get", "clusters", "-w", "-o", "name"],
        env=environment(FLOTILLA_SERVER=stage.address, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        first = [watching.stdout.readline().strip() for _ in NAMES]
        assert stage.run("suspend", "cluster", NAMES[0], "-r", "test").returncode == 0
        again = [watching.stdout.readline().strip() for _ in ("", *NAMES)]
        assert again == ["", *first]
    finally:
        watching.kill()
        watching.communicate()
        assert stage.run("resume", "cluster", NAMES[0]).returncode == 0


def test_a_refused_command_fails_and_says_why(stage: Stage) -> None:
    said = stage.run("suspend", "cluster", "nobody", "-r", "test")
    assert said.returncode == 1
    assert "there is no cluster 'nobody'" in said.stderr
    assert stage.run("suspend", "cluster", NAMES[0]).returncode == 2


def test_the_tree_lists_objects_by_bundle(stage: Stage) -> None:
    said = stage.run("tree", NAMES[0])
    assert "app  (3 objects)" in said.stdout
    assert re.search(r"ConfigMap +default/four +Healthy +applied", said.stdout)
    only = json.loads(stage.run("tree", NAMES[0], "-b", "other", "-o", "json").stdout)
    assert [item["name"] for item in only["items"]] == ["four"]
    assert stage.run("tree", "nobody").returncode == 1


def test_diff_says_no_difference_by_its_exit_code(stage: Stage) -> None:
    assert stage.run("diff", NAMES[0]).returncode == 0
    assert stage.run("diff", NAMES[0], "--all").returncode == 0
    assert stage.run("diff", "nobody").returncode > 1


def test_why_answers_in_sentences(stage: Stage) -> None:
    assert stage.run("why").stdout == "Everything is as Git says, and healthy.\n"
    assert stage.run("why", "bundle", "app").stdout.startswith("app is healthy")
    missing = stage.run("why", "cluster", "nobody")
    assert missing.returncode == 1
    assert "nobody" in missing.stderr


def test_events_tell_the_story(stage: Stage) -> None:
    told = stage.run("events", "-n", "500").stdout
    assert "is in force" in told
    of_one = stage.run("events", "--cluster", NAMES[1], "-n", "1").stdout.splitlines()
    assert len(of_one) == 1
    assert NAMES[1] in of_one[0]


def test_a_plan_shows_fields_and_changes_nothing(stage: Stage) -> None:
    tree = stage.tree
    same = stage.run("plan", "main")
    assert (same.returncode, same.stdout) == (0, "")
    tree.git("switch", "--quiet", "-c", "proposal")
    try:
        (tree.path / "apps/app/two.yaml").unlink()
        tree.commit(
            {
                "apps/app/one.yaml": config_map("one", color="blue"),
                "apps/app/five.yaml": config_map("five", color="red"),
            }
        )
        planned = stage.run("plan", "proposal")
        assert planned.returncode == 1, planned.stderr
        assert "app on 3 clusters" in planned.stdout
        assert "+ ConfigMap default/five" in planned.stdout
        assert "~ ConfigMap default/one" in planned.stdout
        assert "data.color: red → blue" in planned.stdout
        assert "- ConfigMap default/two" in planned.stdout
        assert "→" not in stage.run("plan", "proposal", "--brief").stdout
        assert stage.run("plan", "proposal", "-b", "other").returncode == 0

        tree.commit({"apps/app/one.yaml": "data: {"})
        refused = stage.run("plan", "proposal")
        assert refused.returncode == 2
        assert "apps/app/one.yaml" in refused.stdout + refused.stderr
    finally:
        tree.git("switch", "--quiet", "main")
    assert stage.run("plan", "no-such-branch").returncode == 2
    view = stage.view()
    assert view is not None
    assert view.git.revision == tree.git("rev-parse", "main")
    assert stage.converged()


def test_the_doctor_looks_at_everything(stage: Stage) -> None:
    said = stage.run("doctor", "--kubeconfig", str(stage.folder / "kubeconfig"))
    assert said.returncode == 0, said.stdout
    contexts = [f"context {name}" for name in NAMES]
    for subject in ("python", "git", "kubeconfig", "server", "repository", *contexts, *NAMES):
        assert re.search(rf"^✓ {subject}\b", said.stdout, re.MULTILINE), subject
    (stage.folder / "open").write_text("{}")
    (stage.folder / "open").chmod(0o644)
    said = stage.run("doctor", "--kubeconfig", str(stage.folder / "open"))
    assert said.returncode == 1
    assert "chmod 600" in said.stdout


def test_the_socket_is_for_its_owner_only(stage: Stage) -> None:
    assert (stage.folder / "state/flotilla.sock").stat().st_mode & 0o777 == 0o600
    assert (stage.folder / "state").stat().st_mode & 0o077 == 0
    for name in ("token", "store.key"):
        assert (stage.folder / "state" / name).stat().st_mode & 0o077 == 0


def test_a_second_server_on_the_same_state_is_refused(stage: Stage) -> None:
    words = ("--repo", str(stage.tree.path), "--state", str(stage.folder / "state"))
    said = run("server", *words, "--kubeconfig", str(stage.folder / "kubeconfig"))
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1].startswith("Error: ")
    assert stage.converged()


def test_the_log_is_verified_exported_and_tampering_is_found(stage: Stage) -> None:
    copy = stage.folder / "copy"
    shutil.copytree(
        stage.folder / "state", copy, ignore=shutil.ignore_patterns("*.sock", "git", "*.lock")
    )
    good = run("audit", "verify", "--state", str(copy))
    assert good.returncode == 0, good.stderr
    exported = run("audit", "export", "--state", str(copy))
    rows = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert run("audit", "export", "--state", str(copy), "-o", str(copy / "log")).returncode == 0
    assert (copy / "log").read_text() == exported.stdout

    assert run("audit", "verify", "--state", str(copy), "--anchor", "x").returncode == 2
    kept = run("audit", "prune", "--before", "30d", "--state", str(copy))
    assert (kept.returncode, "no event is older" in kept.stderr) == (0, True), kept.stderr
    pruned = run("audit", "prune", "--before", "0", "--state", str(copy))
    assert pruned.returncode == 0, pruned.stderr
    assert "were moved to" in pruned.stderr
    followed = run("audit", "verify", "--state", str(copy))
    assert followed.returncode == 0, followed.stderr
    assert followed.stderr.startswith("archive: ")
    locked = run("audit", "prune", "--before", "0", "--state", str(stage.folder / "state"))
    assert locked.returncode == 1
    assert "--keep-events" in locked.stderr
    for file in (copy / "archive").iterdir():
        file.unlink()
    lost = run("audit", "verify", "--state", str(copy))
    assert (lost.returncode, "does not lead up to" in lost.stderr) == (1, True), lost.stderr

    shutil.rmtree(copy)
    shutil.copytree(
        stage.folder / "state", copy, ignore=shutil.ignore_patterns("*.sock", "git", "*.lock")
    )
    _tamper(copy / "flotilla.db")
    bad = run("audit", "verify", "--state", str(copy))
    assert bad.returncode == 1
    assert re.search(r"\b2\b", bad.stderr), bad.stderr


def _tamper(database: Path) -> None:
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); "
        "t = [r[0] for r in c.execute(\"select name from sqlite_master where type='table'\")]; "
        "e = next(n for n in t if 'event' in n); "
        "[c.execute(f'drop trigger {r[0]}') for r in "
        "c.execute(\"select name from sqlite_master where type='trigger'\").fetchall()]; "
        "c.execute(f\"update {e} set actor = 'mallory' where seq = 2\"); c.commit()"
    )
    subprocess.run([sys.executable, "-c", code, str(database)], check=True)


def test_no_server_is_exit_code_3() -> None:
    said = run("get", "clusters", "-s", "unix:/nonexistent/socket")
    assert (said.returncode, said.stdout) == (3, "")
    assert "No server at unix:/nonexistent/socket" in said.stderr
    assert "flotilla server" in said.stderr


@pytest.mark.parametrize(
    "words", [["get", "moons"], ["dance"], ["get"], ["suspend", "cluster"], ["server"]]
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert run(*words).returncode == 2


def test_a_folder_that_is_not_there_is_no_problem_of_a_line() -> None:
    said = run("validate", "/nowhere")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "Error: there is no folder /nowhere\n"


def test_a_server_without_a_usable_repository_says_so() -> None:
    with short_folder() as folder:
        said = run("server", "--repo", "ext::sh -c id", "--state", str(folder / "state"))
        assert said.returncode == 2
        assert said.stderr.splitlines()[-1].startswith("Error: ")


def test_a_reader_that_has_seen_enough_is_no_error(stage: Stage) -> None:
    said = subprocess.run(
        f"{' '.join(FLOTILLA)} events -n 500 | head -n 1",
        shell=True, env=environment(FLOTILLA_SERVER=stage.address),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.stderr == ""


def test_from_nothing_to_a_converged_fleet() -> None:
    with short_folder() as folder, served_clusters(folder, 2) as kubeconfig:
        repo = folder / "fleet"
        laid_out = run("init", str(repo))
        assert laid_out.returncode == 0
        assert "flotilla cluster add" in laid_out.stderr
        # `git add -A` beside embedded clusters must not commit their token.
        assert "kubeconfig*" in (repo / ".gitignore").read_text()
        assert run("init", str(repo)).returncode == 2
        assert run("validate", str(repo)).returncode == 0
        known = ("--kubeconfig", str(kubeconfig))
        for name, env in (("cluster-001", "dev"), ("cluster-002", "prod")):
            words = ("--context", name, "--label", f"env={env}", "--repo", str(repo), *known)
            added = run("cluster", "add", *words)
            assert (added.returncode, "warning" in added.stderr) == (0, False), added.stderr
        odd = run("cluster", "add", "--context", "moon", "--repo", str(repo), *known)
        assert "has no context 'moon' (it has: cluster-001, cluster-002)" in odd.stderr
        (repo / "clusters/moon.yaml").unlink()
        assert (
            run("cluster", "add", "--context", "cluster-001", "--repo", str(repo)).returncode == 2
        )
        valid = run("validate", str(repo))
        assert valid.returncode == 0
        assert "2 clusters, 1 bundle, " in valid.stderr

        tree = WorkTree(repo)
        tree.git("init", "--quiet", "--initial-branch=main")
        tree.commit_all()
        (repo / "bundles/hello.yaml").write_text(
            (repo / "bundles/hello.yaml").read_text().replace("  strategy: ring\n", "")
        )
        tree.commit_all()
        words = ("--repo", str(repo), "--state", str(folder / "state"))
        said = run("server", *words, "--kubeconfig", str(kubeconfig), "--once")
        assert said.returncode == 0, said.stdout + said.stderr
        assert "2 of 2 clusters ready, 6 objects" in said.stderr
        assert said.stderr.startswith("… ")
        assert "… 2 of 2 clusters ready, 6 of 6 objects as they should be" in said.stderr

        manifests = repo / "apps/hello/hello.yaml"
        manifests.write_text(manifests.read_text().replace("{name: hello, n", "{name: Hel_lo, n"))
        tree.commit_all()
        refused = run("server", *words, "--kubeconfig", str(kubeconfig), "--once")
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert refused.stdout.count("Failed") == 2
        assert "Hel_lo" in refused.stderr

        manifests.write_text("kind: [")
        broken = run("validate", str(repo))
        assert broken.returncode == 1
        assert re.match(r"apps/hello/hello.yaml:\d+: no valid YAML: ", broken.stdout)
        tree.commit_all()
        refused = run("server", *words, "--kubeconfig", str(kubeconfig), "--once")
        assert refused.returncode == 1
        assert re.search(r"  apps/hello/hello.yaml:\d+: no valid YAML: ", refused.stderr)
