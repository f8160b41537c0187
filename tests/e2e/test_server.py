"""The server from outside: TCP with tokens, its stream, its metrics, PostgreSQL, its shutdown."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fleet.api.client import ApiClient
from fleet.api.errors import NotAuthorised, ServerUnreachable
from fleet.api.stream import Changes, Reset
from fleet.view import CommandRequest, EventView
from tests.e2e.processes import Process, run, served_clusters, short_folder, started
from tests.fakes.fleet import config_map, simple_fleet
from tests.fakes.postgres import PostgresServer
from tests.fleet.source.gits import WorkTree

pytestmark = pytest.mark.e2e
NAMES = ("cluster-001", "cluster-002")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


class Stage:
    """A server on TCP."""

    def __init__(self, folder: Path, tree: WorkTree) -> None:
        self.folder, self.tree = folder, tree
        self.port = _free_port()
        self.process: Process
        self.tokens = folder / "tokens"
        self.tokens.write_text("carol:secret-of-carol\nci:secret-of-ci\n")
        self.tokens.chmod(0o600)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str | None = "secret-of-carol") -> ApiClient:
        return ApiClient(self.url, token)

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def converged(self) -> bool:
        try:
            view = self.client().snapshot()
        except ServerUnreachable:
            return False
        head = self.tree.git("rev-parse", "HEAD")
        return view.git.revision == head and all(c.state == "Ready" for c in view.clusters)


@contextmanager
def serving(*more: str) -> Iterator[Stage]:
    with short_folder() as folder, served_clusters(folder, len(NAMES)) as kubeconfig:
        stage = Stage(folder, WorkTree.make(folder / "repo", simple_fleet(NAMES)))
        words = (
            "--repo", str(stage.tree.path), "--state", str(folder / "state"),
            "--kubeconfig", str(kubeconfig), "--listen", f"127.0.0.1:{stage.port}",
            "--token-file", str(stage.tokens), *more,
        )  # fmt: skip
        with started("server", *words, log=folder / "log") as stage.process:
            stage.process.wait_until(stage.converged)
            yield stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with serving() as made:
        yield made


@pytest.mark.parametrize("token", [None, "", "wrong", "secret-of-car", "carol"])
def test_cve_2022_29165_without_a_valid_token_there_is_no_answer(
    stage: Stage, token: str | None
) -> None:
    with pytest.raises(NotAuthorised, match="token"):
        stage.client(token).snapshot()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for path in ("/v1/snapshot", "/v1/events", "/v1/audit", "/v1/plan", "/nothing"):
        status, body = stage.get(path, **headers)
        assert (status, json.loads(body)["error"]) == (401, "a bearer token is needed")


def test_the_token_says_who_gives_a_command(stage: Stage) -> None:
    request = CommandRequest(command="reconcile", target="fleet", reason="why not", actor="root")
    stage.client("secret-of-ci").command(request)
    told = stage.client().audit(limit=500)
    assert [e.actor for e in told if e.kind == "ReconcileAsked"][-1] == "ci"


def test_the_command_line_reads_the_token_from_a_file(stage: Stage) -> None:
    (stage.folder / "mine").write_text("secret-of-carol")
    words = ("get", "clusters", "-o", "name", "-s", stage.url)
    said = run(*words, "--token-file", str(stage.folder / "mine"))
    assert said.stdout.split() == list(NAMES)
    assert run(*words).returncode == 5


def test_probes_and_metrics_need_no_token(stage: Stage) -> None:
    assert stage.get("/healthz")[0] == 200
    assert stage.get("/readyz")[0] == 200
    status, body = stage.get("/metrics")
    assert status == 200
    samples: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append(sample)
    ready = {s.labels["state"]: s.value for s in samples["flotilla_clusters"]}
    assert ready["Ready"] == 2
    assert [s.value for s in samples["flotilla_cluster_connection_status"]] == [1, 1]
    circuit = {s.labels["state"]: s.value for s in samples["flotilla_cluster_circuit"]}
    assert circuit == {"closed": 1, "half-open": 0, "open": 0}
    assert {s.labels["bundle"] for s in samples["flotilla_resource_info"]} == {"app", "other"}


def test_the_log_holds_no_secret(stage: Stage) -> None:
    assert "secret-of" not in stage.process.words_said()


def test_a_stream_resumes_where_it_was(stage: Stage) -> None:
    client = stage.client()
    cursor = client.snapshot().cursor
    request = CommandRequest(command="suspend", target=f"cluster/{NAMES[0]}", reason="one")
    client.command(request)
    client.command(CommandRequest(command="resume", target=f"cluster/{NAMES[0]}"))
    told: list[str] = []
    with closing(client.changes(cursor)) as stream:
        for item in stream:
            assert not isinstance(item, Reset)
            if isinstance(item, Changes):
                told += [c.value.kind for c in item.changes if isinstance(c.value, EventView)]
                middle = item.cursor
            if told[-1:] == ["Resumed"]:
                break
    assert told == ["Suspended", "Resumed"]
    with closing(client.changes(middle)) as stream:
        client.command(CommandRequest(command="reconcile", target="fleet"))
        items, told = iter(stream), []
        while not told:  # what else changes meanwhile, like a state, may come before
            item = next(items)
            if isinstance(item, Changes):
                told = [c.value.kind for c in item.changes if isinstance(c.value, EventView)]
    assert told == ["ReconcileAsked"]


@pytest.mark.parametrize("cursor", ["", "gone:12", "x"])
def test_an_unknown_cursor_is_told_to_begin_anew(stage: Stage, cursor: str) -> None:
    with closing(stage.client().changes(cursor)) as stream:
        assert isinstance(next(iter(stream)), Reset)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/why?target=moon/1", 404, "moon/1"),
        ("/v1/clusters/nobody/objects", 404, "nobody"),
        ("/v1/clusters/cluster-001/object?kind=ConfigMap&namespace=x&name=y", 404, "x/y"),
        ("/v1/plan?revision=no-such", 422, "no-such"),
        ("/v1/nothing", 404, "Not Found"),
    ],
)
def test_errors_are_json_with_a_sentence(stage: Stage, path: str, status: int, said: str) -> None:
    code, body = stage.get(path, Authorization="Bearer secret-of-carol")
    assert code == status
    assert said in json.loads(body)["error"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"{", b'{"command": 1, "target": "fleet"}'])
def test_a_command_that_is_none_is_refused(stage: Stage, body: bytes) -> None:
    request = urllib.request.Request(
        f"{stage.url}/v1/commands", body, {"Authorization": "Bearer secret-of-carol"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=60)
    assert caught.value.code == 422
    assert "no command" in json.loads(caught.value.read())["message"]
    caught.value.close()


def test_a_server_on_postgresql_goes_on_after_a_kill(postgres_server: PostgresServer) -> None:
    database = postgres_server.create_schema()
    with serving("--database", database) as stage:
        before = stage.client().snapshot().events
        stage.process.kill()
        stage.tree.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        stage.process.start()
        stage.process.wait_until(stage.converged)
        after = stage.client().snapshot().events
        assert [e.seq for e in after][: len(before)] == [e.seq for e in before]
        state = str(stage.folder / "state")
        said = run("audit", "verify", "--database", database, "--state", state)
        assert said.returncode == 0, said.stderr


def test_a_server_ends_in_order_also_while_somebody_listens(stage: Stage) -> None:
    client = stage.client()
    with closing(client.changes(client.snapshot().cursor)):
        assert stage.process.stop() == 0
    assert stage.process.words_said().rstrip().endswith("stopped")


def test_a_token_in_the_address_is_warned_of_and_not_shown() -> None:
    with short_folder() as folder:
        said = run(
            "server", "--repo", "https://bot:t0k3n-cAnArY@127.0.0.1:9/fleet.git", "--once",
            "--state", str(folder / "state"), "--timeout", "20",
        )  # fmt: skip
        assert said.returncode == 1
        assert "use FLOTILLA_REPO_TOKEN or --git-credentials" in said.stderr
        assert "127.0.0.1:9/fleet.git" in said.stdout + said.stderr
        assert "cAnArY" not in said.stdout + said.stderr
