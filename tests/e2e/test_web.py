"""The TUI in a browser: a real page of a real server, seen, typed into, and not open to others."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.browser import CHROMIUM, Page, page
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tui.web_server import is_of_here, is_own_page

pytestmark = pytest.mark.e2e
PATIENCE_S = 60.0
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@asynccontextmanager
async def served(folder: Path, *options: str) -> AsyncIterator[tuple[str, ApiServer]]:
    """Run `flotilla tui --web` on a free port."""
    with ApiServer(fleets.fleet(24), socket_path=folder / "api.sock") as api:
        words = ["--web", "--port", "0", "--server", api.address, *options]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tui.main",
            *words,
            stdout=asyncio.subprocess.PIPE,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
            found = re.search(rb"http://127\.0\.0\.1:\d+", line)
            assert found, line
            await eventually(lambda: listens(int(found[0].rpartition(b":")[2])))
            yield found[0].decode(), api
        finally:
            process.terminate()
            await process.wait()


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    for _ in range(int(PATIENCE_S / 0.1)):
        if await condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it does not come to pass")


async def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def paints(opened: Page, words: str) -> None:
    """Wait until words were painted in the page's terminal."""

    async def painted() -> bool:
        return words in ESCAPES.sub("", opened.painted)

    await eventually(painted)


async def takes_keys(opened: Page) -> bool:
    """Whether the terminal in the page has the focus."""
    return bool(await opened.evaluate("document.activeElement.tagName === 'TEXTAREA'"))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
async def test_a_browser_shows_the_fleet_and_takes_keys(tmp_path: Path) -> None:
    async with served(tmp_path) as (address, api), page(tmp_path / "profile", address) as opened:
        await paints(opened, "Needs you")
        await paints(opened, "read-only")
        first = await opened.picture()
        await eventually(lambda: takes_keys(opened))
        await opened.press("?")
        await paints(opened, "Keys in fleet")
        await opened.press("s")

        assert first.startswith(b"\x89PNG")
        assert await opened.picture() != first
        assert {re.split(r"[/:]", url)[3] for url in opened.requested} == {"127.0.0.1"}
        assert not [each for each in opened.problems if "Content Security" in each]
        assert api.commands == []


async def test_pages_of_others_cannot_reach_it(tmp_path: Path) -> None:
    async with served(tmp_path) as (address, _), aiohttp.ClientSession() as session:
        host = address.removeprefix("http://")
        foreign = {"Host": f"evil.example:{host.partition(':')[2]}"}
        async with session.get(address, headers=foreign) as answer:
            assert answer.status == 403
        async with session.get(address) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            text = await answer.text()
            assert not re.findall(r"https?://(?!127\.0\.0\.1)", text)
        for origin in ("http://evil.example", "null", None):
            headers = {} if origin is None else {"Origin": origin}
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(f"ws://{host}/ws", headers=headers)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:8000", True),
        ("localhost:8000", True),
        ("[::1]:8000", True),
        ("evil.example:8000", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_only_this_machine_is_here(host: str, here: bool) -> None:
    assert is_of_here(host) is here


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8001", False),
        ("http://evil.example", False),
        ("null", False),
        (None, False),
    ],
)
def test_only_the_own_page_opens_the_socket(origin: str | None, own: bool) -> None:
    assert is_own_page(origin, "127.0.0.1:8000") is own
