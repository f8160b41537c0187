import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fleet.api.client import ApiClient
from fleet.api.errors import NotAuthorised, Refused, ServerError, ServerUnreachable
from fleet.view import CommandRequest, CommandResult
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer

SYNC = CommandRequest(command="reconcile", target="cluster/dev-eu-000", reason="test")


@pytest.fixture(params=["unix", "tcp"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiServer]:
    path = tmp_path / "api.sock" if request.param == "unix" else None
    with ApiServer(fleets.fleet(24), socket_path=path) as made:
        yield made


@pytest.fixture
def client(server: ApiServer) -> ApiClient:
    return ApiClient(server.address, timeout_s=60.0)


def test_the_snapshot_arrives_as_it_was_sent(server: ApiServer, client: ApiClient) -> None:
    assert msgspec.json.encode(client.snapshot()) == msgspec.json.encode(server.view)


def test_everything_else_can_be_read(client: ApiClient) -> None:
    objects = client.objects("dev-eu-000")

    assert len(objects) == 30
    assert client.object("dev-eu-000", objects[0]).object == objects[0]
    assert [commit.state for commit in client.history(limit=4)][:2] == ["refused", "in force"]
    assert [event.seq for event in client.audit(after=18232)] == [18233, 18234]
    assert client.why("cluster/dev-eu-000") == ["Stage prod waits for 1 more approval (1 of 2)."]


def test_a_name_cannot_leave_its_place_in_the_path(server: ApiServer, client: ApiClient) -> None:
    client.objects("../a b?c")

    assert server.requests[-1] == "GET /v1/clusters/..%2Fa%20b%3Fc/objects"


def test_a_command_is_sent_once_with_a_key_of_its_own(server: ApiServer, client: ApiClient) -> None:
    assert client.command(SYNC).seq == 18235
    client.command(SYNC)
    client.command(SYNC, key="mine")

    assert server.commands == [SYNC, SYNC, SYNC]
    assert len(set(server.idempotency_keys)) == 3
    assert server.idempotency_keys[2] == "mine"


@pytest.mark.parametrize("status", [403, 409, 422])
def test_a_refusal_carries_the_sentence(server: ApiServer, client: ApiClient, status: int) -> None:
    server.refusal_status = status
    server.answer = lambda _: CommandResult(accepted=False, message="a change freeze is on")

    with pytest.raises(Refused, match="a change freeze is on") as refused:
        client.command(SYNC)

    assert refused.value.status == status
    assert len(server.commands) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(401, NotAuthorised), (403, NotAuthorised), (503, ServerError)]
)
def test_other_answers_are_errors_with_a_hint(
    server: ApiServer, client: ApiClient, status: int, error: type[Exception]
) -> None:
    server.status_of = {"/v1/snapshot": status, "/v1/commands": status}

    with pytest.raises(error, match=f"Told to answer {status}"):
        client.snapshot()
    with pytest.raises(error, match=f"Told to answer {status}"):
        client.command(SYNC)


def test_a_token_is_sent_over_tcp() -> None:
    with ApiServer(fleets.fleet(1)) as server:
        server.token = "s3cret"

        assert ApiClient(server.address, "s3cret").snapshot().fleet == "acme"
        with pytest.raises(NotAuthorised, match="No such token"):
            ApiClient(server.address, "other").snapshot()


def test_no_server_says_where_it_was_sought_and_what_to_do(tmp_path: Path) -> None:
    client = ApiClient(f"unix:{tmp_path}/none.sock")

    with pytest.raises(ServerUnreachable) as error:
        client.snapshot()

    assert str(tmp_path) in error.value.message
    assert "flotilla server" in error.value.hint


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ApiClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.05)

        with pytest.raises(ServerUnreachable, match="does not answer"):
            client.snapshot()


def test_a_plan_is_waited_for_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ApiClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.01)

        with pytest.raises(ServerUnreachable, match=r"waited 0\.05 s"):
            client.plan("main", timeout_s=0.05)


def test_something_that_speaks_no_http_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as strange:
        client = ApiClient(f"http://127.0.0.1:{strange.getsockname()[1]}", timeout_s=60)

        def answer() -> None:
            peer, _ = strange.accept()
            with peer:
                peer.recv(10_000)
                peer.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ServerUnreachable, match="broke off its answer"):
            client.snapshot()
        thread.join()


def test_the_client_loads_nothing_heavy() -> None:
    heavy = {"aiohttp", "asyncio", "kubernetes", "pydantic", "sqlmodel", "textual", "orjson"}
    code = "import sys, fleet.api.client; print(' '.join(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert heavy.isdisjoint(done.stdout.split())
