"""An HTTP server that answers what it is told to: real sockets, made-up answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from clusters.client.transport import Endpoint

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class HttpServer:
    """`handle` answers; `seen` keeps every request in order."""

    handle: Handler
    url: str = ""
    seen: list[web.BaseRequest] = field(default_factory=list)

    async def _take(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request)
        return await self.handle(request)

    def endpoint(self, token: str = "t1", **more: Any) -> Endpoint:
        async def headers(renew: bool) -> Mapping[str, str]:
            return {"Authorization": f"Bearer {token}"}

        values: dict[str, Any] = {"server": self.url, "headers": headers}
        return Endpoint(**(values | more))


@contextlib.asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[HttpServer]:
    server = HttpServer(handle)
    runner = web.ServerRunner(web.Server(server._take, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def json(value: Any, status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        content_type="application/json",
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


def status(code: int, reason: str = "", message: str = "", **details: Any) -> web.Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
        "details": details,
    }
    return json(body, code)


def html(code: int = 200) -> web.Response:
    return web.Response(text="<html>Sign in</html>", content_type="text/html", status=code)


async def hang(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def cut(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()
