"""A headless Chromium, driven over its DevTools protocol: enough to look at a page and to type."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
PATIENCE_S = 60.0


class Page:
    """One page.

    `requested` are the addresses it asked for, `problems` what its console said, `painted` what its
    terminal was told to paint.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requested: list[str] = []
        self.problems: list[str] = []
        self.painted = ""

    async def read(self) -> None:
        """Take what the browser tells until it is gone."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Network.requestWillBeSent":
                self.requested.append(told["params"]["request"]["url"])
            elif told["method"] == "Network.webSocketCreated":
                self.requested.append(told["params"]["url"])
            elif told["method"] == "Network.webSocketFrameReceived":
                self.painted += _text_of(told["params"]["response"])
            elif told["method"] == "Log.entryAdded":
                self.problems.append(told["params"]["entry"]["text"])

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        told = await asyncio.wait_for(answer, PATIENCE_S)
        assert "error" not in told, told
        result: dict[str, Any] = told["result"]
        return result

    async def evaluate(self, script: str) -> Any:
        told = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        return told["result"].get("value")

    async def click(self, x: int, y: int) -> None:
        """Click somewhere."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def press(self, key: str) -> None:
        """Press a key that types a character."""
        await self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def picture(self) -> bytes:
        """What is seen, as PNG."""
        told = await self.send("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])


def _text_of(frame: dict[str, Any]) -> str:
    """The payload of a frame; binary ones (opcode 2) come in base64."""
    data: str = frame["payloadData"]
    return base64.b64decode(data).decode(errors="replace") if frame["opcode"] == 2 else data


@asynccontextmanager
async def page(profile: Path, address: str) -> AsyncIterator[Page]:
    """Open a page in a browser of its own; everything but loopback leads nowhere."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=1200,800",
        f"--user-data-dir={profile}",
        "--remote-debugging-port=0",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await asyncio.wait_for(_devtools_port(process), PATIENCE_S)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = await answer.json()
            url = next(each for each in targets if each["type"] == "page")["webSocketDebuggerUrl"]
            async with session.ws_connect(url, max_msg_size=0) as socket:
                opened = Page(socket)
                reader = asyncio.create_task(opened.read())
                for domain in ("Page", "Network", "Log"):
                    await opened.send(f"{domain}.enable")
                await opened.send("Emulation.setFocusEmulationEnabled", enabled=True)
                await opened.send("Page.navigate", url=address)
                yield opened
                reader.cancel()
    finally:
        process.kill()
        await process.wait()


async def _devtools_port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/", line):
            return int(found[1])
    raise AssertionError("chromium ended before it could be spoken to")
