"""A Git server over http: the real `git http-backend` behind aiohttp, with basic auth and faults.

It runs in the test's own event loop; each request is one process of `git http-backend`.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from aiohttp import web


class Fault(StrEnum):
    """How the server misbehaves."""

    NONE = "none"
    HANG = "hang"
    HTML = "html"
    SERVER_ERROR = "server-error"
    REDIRECT = "redirect"
    CUT = "cut"


@dataclass
class GitHttp:
    """Serves every repository below `root` at `url`."""

    root: Path
    login: tuple[str, str] | None = None
    fault: Fault = Fault.NONE
    redirect_to: str = ""
    speaks_version_2: bool = True
    """Old servers send only what a branch or tag names, never any commit."""
    url: str = ""
    requests: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        match self.fault:
            case Fault.HANG:
                await asyncio.sleep(3600)
            case Fault.HTML:
                return web.Response(
                    text="<html>Welcome to the hotel</html>", content_type="text/html"
                )
            case Fault.SERVER_ERROR:
                return web.Response(status=500)
            case Fault.REDIRECT:
                raise web.HTTPFound(self.redirect_to + request.raw_path)
            case Fault.CUT | Fault.NONE:
                pass
        if self.login and request.headers.get("Authorization") != _basic(*self.login):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
        head, body = await self._backend(request)
        if self.fault is Fault.CUT and request.method == "POST":
            body = body[: len(body) // 2]
        response = web.Response(body=body)
        for line in head.decode().splitlines():
            name, _, value = line.partition(": ")
            if name == "Status":
                response.set_status(int(value.split()[0]))
            else:
                response.headers[name] = value
        return response

    async def _backend(self, request: web.Request) -> tuple[bytes, bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": (
                request.headers.get("Git-Protocol", "") if self.speaks_version_2 else ""
            ),
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "PATH_INFO": request.path,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(await request.read())
        head, _, body = out.partition(b"\r\n\r\n")
        return head, body


@asynccontextmanager
async def serve(root: Path, *, login: tuple[str, str] | None = None) -> AsyncIterator[GitHttp]:
    """Run a server on a free port of loopback."""
    server = GitHttp(root, login)
    # aiohttp would unpack bodies; http-backend wants them as they came.
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, auto_decompress=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
