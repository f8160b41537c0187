"""What servers answer that are not ours: read within bounds, whatever it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from fleet.source.answers import ANSWER_MAX_BYTES, read_json


@asynccontextmanager
async def answering(body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}/"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            yield response
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 200_000, "is no JSON"),
        (b"<html>", "HTTP 200"),
        (b"\xff", "is no JSON"),
        (b" " * (ANSWER_MAX_BYTES + 1), "more than 8,388,608 bytes"),
    ],
)
async def test_what_is_no_answer_is_said_in_a_sentence(body: bytes, said: str) -> None:
    async with answering(body) as response:
        with pytest.raises(ValueError, match=said):
            await read_json(response)


async def test_an_answer_is_read_and_an_empty_one_is_nothing() -> None:
    async with answering(b'{"status": "success"}') as response:
        assert await read_json(response) == {"status": "success"}
    async with answering(b"") as response:
        assert await read_json(response) is None
