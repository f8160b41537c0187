"""The stream of changes of a real server: it beats while nothing happens, and ends with it."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress

import pytest

from fleet.api import server
from fleet.api.address import parse_address
from fleet.api.client import ApiClient
from fleet.api.errors import ServerUnreachable
from fleet.api.stream import Heartbeat, StreamItem
from fleet.view import Change
from tests.fakes.fleet import fleet_world


async def test_a_stream_beats_and_a_shutdown_does_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_S", 0.05)
    async with fleet_world(("a",)) as world:
        await world.converged()
        api = ApiClient(world.settings.address)
        cursor = (await asyncio.to_thread(api.snapshot)).cursor
        with closing(await asyncio.to_thread(api.changes, cursor)) as stream:
            items = iter(stream)

            def beats() -> StreamItem:
                return next(item for item in items if isinstance(item, Heartbeat))

            await asyncio.to_thread(beats)
            await world.stop()  # aiohttp would give it a second, and say so in a traceback

            def the_end() -> None:
                for _ in items:
                    pass

            with pytest.raises(ServerUnreachable):
                await asyncio.to_thread(the_end)


async def test_who_reads_nothing_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "DEAF_AFTER_S", 0.1)
    monkeypatch.setattr(server, "HEARTBEAT_S", 0.05)
    async with fleet_world(("a",)) as world:
        await world.converged()
        feed = world.runtime.publisher.feed
        reader, writer = await asyncio.open_unix_connection(
            parse_address(world.settings.address).path, limit=1024
        )
        with closing(writer):
            asked = f"GET /v1/events?cursor={feed.cursor} HTTP/1.1\r\nHost: x\r\n\r\n"
            writer.write(asked.encode())
            await reader.readuntil(b"heartbeat")
            large = Change(entity="event", key="1", value="x" * 8_000_000)
            feed.publish([large])
            await asyncio.sleep(1.0)  # and reads nothing
            got = 0
            with suppress(ConnectionResetError):
                async with asyncio.timeout(60.0):
                    while data := await reader.read(65_536):
                        got += len(data)
            assert got < 8_000_000
