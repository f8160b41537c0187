"""The server behind `flotilla tui --web`: textual-serve with a page of our own, and with a lock.

textual-serve's page loads a font from elsewhere; ours loads nothing that does not come from here,
and says so to the browser.  Whoever may open the page may type into it, so a page of somebody else
must not reach it through the same browser: only requests that name this machine, and sockets that
our own page opened, are answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TEMPLATES = Path(__file__).parent / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' {socket}; base-uri 'none'; frame-ancestors 'none'"
)
"""Inline styles are what the terminal in the page sets on its own elements."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_of_here(host: str) -> bool:
    """Whether a `Host` header names this machine (else a foreign name was made to lead here)."""
    return urlsplit(f"//{host}").hostname in _LOOPBACK


def is_own_page(origin: str | None, host: str) -> bool:
    """Whether a socket was opened by the page of `host`; browsers always say by which."""
    return origin is not None and urlsplit(origin).netloc == host


class PageServer(Server):
    """Serves the TUI to browsers on this machine."""

    def __init__(self, command: str, *, host: str, port: int) -> None:
        super().__init__(command, host=host, port=port, title="flotilla", templates_path=TEMPLATES)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._lock)
        app.router.add_get("/page.js", _script)
        return app

    @web.middleware
    async def _lock(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_of_here(request.host):
            raise web.HTTPForbidden(text="This page is only for the machine it runs on.")
        if request.path == "/ws" and not is_own_page(request.headers.get("Origin"), request.host):
            raise web.HTTPForbidden(text="Only the page of this server may open its socket.")
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = POLICY.format(
                socket=f"ws://{request.host}"
            )
        return response

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is."""
        self.console.print(f"flotilla is at {self.public_url}  (ctrl+c ends it)", highlight=False)


async def _script(request: web.Request) -> web.FileResponse:
    return web.FileResponse(TEMPLATES / "page.js")
