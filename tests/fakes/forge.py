"""A forge as far as pull requests go: it remembers what was asked, and answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class FakeForge:
    """Speaks the pull request part of GitHub's, GitLab's and Gitea's API."""

    url: str = ""
    status: int = 201
    answer: Any = field(default_factory=lambda: {"html_url": "https://forge.example/pulls/7"})
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    """Path, headers and body of each request."""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.raw_path, dict(request.headers), await request.json()))
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def forge() -> AsyncIterator[FakeForge]:
    """Serve one on the loopback."""
    fake = FakeForge()
    app = web.Application()
    app.add_routes([web.post("/{path:.*}", fake.handle)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        fake.url = f"http://{host}:{port}/api"
        yield fake
    finally:
        await runner.cleanup()
