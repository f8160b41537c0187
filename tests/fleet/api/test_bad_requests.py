"""Whatever a client sends: an answer with a sentence, and a server that goes on."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from fleet.api.address import parse_address
from fleet.api.client import ApiClient
from fleet.api.errors import Refused
from fleet.view import CommandRequest
from tests.fakes.fleet import FleetWorld, fleet_world


def _sent(world: FleetWorld, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request byte by byte as it is written here."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(60)
        wire.connect(parse_address(world.settings.address).path)
        rest = b"Host: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        wire.sendall(head + b"\r\n" + rest + body)
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    first, _, said = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]), said


def _command(**fields: object) -> bytes:
    return json.dumps({"command": "reconcile", "target": "fleet", **fields}).encode()


HOSTILE = [
    (b"", _command(actor="a\0b"), 422, b"printable"),
    (b"", _command(actor="x" * 201), 422, b"up to 200"),
    (b"", _command(actor="flotilla"), 422, b"what the server calls itself"),
    (b"", _command(arguments={"a": 0})[:-2] + b"[" * 20_000 + b"]" * 20_000 + b"}}", 422, b""),
    (b"", _command(arguments={"clusters": 5}), 422, b"array"),
    (b"", _command(arguments={"targets": {"a": "b"}}), 422, b"targets"),
    (b"", _command(command="rollback", arguments={"clusters": [[]]}), 422, b"str"),
    (b"\r\nIdempotency-Key: \xff\xfe", _command(), 200, b"accepted"),
    (b"\r\nAuthorization: Bearer \xff", _command(), 200, b"accepted"),
]


async def test_no_command_ends_the_server() -> None:
    async with fleet_world(("a",)) as world:
        for headers, body, status, words in HOSTILE:
            head = b"POST /v1/commands HTTP/1.1" + headers
            found, said = await asyncio.to_thread(_sent, world, head, body)
            assert (found, words in said) == (status, True), (headers, body[:80], said)
        assert (await world.command("reconcile", "fleet")).accepted


async def test_a_key_of_somebody_else_or_of_another_command_answers_nothing() -> None:
    async with fleet_world(("a",)) as world:
        await world.converged()
        api = ApiClient(world.settings.address)

        def ask(command: str, actor: str) -> str:
            asked = CommandRequest(command=command, target="cluster/a", reason="x", actor=actor)
            return api.command(asked, key="k").message

        assert "accepted" in await asyncio.to_thread(ask, "suspend", "ada")
        assert "accepted" in await asyncio.to_thread(ask, "suspend", "ada")
        with pytest.raises(Refused, match="already suspended by ada"):
            await asyncio.to_thread(ask, "suspend", "bob")
        assert "resume" in await asyncio.to_thread(ask, "resume", "ada")
        assert not world.runtime.coordinator.state.suspended


async def test_a_command_that_comes_twice_at_once_is_carried_out_once() -> None:
    async with fleet_world(("a",)) as world:
        await world.converged()
        twice = [world.command("suspend", "cluster/a", "kernel", key="k") for _ in range(8)]
        answers = await asyncio.gather(*twice)
        assert {answer.message for answer in answers} == {"suspend cluster/a: accepted"}
