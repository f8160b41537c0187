"""The stream of changes of a real server: it beats while nothing happens, and ends with it."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from fleet.api import server
from fleet.api.client import ApiClient
from fleet.api.errors import ServerUnreachable
from fleet.api.stream import Heartbeat, StreamItem
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
