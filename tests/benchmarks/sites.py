"""Where benchmarks run: embedded clusters in a process of their own, or any API servers.

Client and server are different processes, so that the CPU of each can be told from the other's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from clusters.client.kubeconfig import KubeconfigSource, connect
from clusters.client.transport import Endpoint
from fleet.control.process import raise_file_limit

START_TIMEOUT_S = 60.0
_PAGE = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int | None = None) -> float:
    """CPU time of a process (default: this one), user and system."""
    if pid is None:
        return time.process_time()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int | None = None) -> float:
    """Resident memory of a process (default: this one) in MB."""
    return int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]) * _PAGE / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """API servers to measure against."""

    kubeconfig: Path
    contexts: Sequence[str]
    pid: int | None
    """The process that serves embedded clusters; None for servers from elsewhere."""

    async def endpoint(self, context: str) -> Endpoint:
        return await connect(KubeconfigSource(path=self.kubeconfig, context=context))

    def take(self, count: int, *, of: int = 0, parts: int = 1) -> list[str]:
        """The first `count` contexts of part number `of`, so that two loops share none.

        Where there are too few, every part gets the same ones.
        """
        share = len(self.contexts) // parts
        if share < count:
            return list(self.contexts[:count])
        return list(self.contexts[of * share :][:count])

    def server_cpu_s(self) -> float:
        """CPU of the embedded servers so far; 0.0 for servers from elsewhere."""
        return cpu_s(self.pid) if self.pid else 0.0

    async def empty(self, contexts: Sequence[str], namespace: str) -> None:
        """Make clusters as they were: wiped, or without the namespace."""
        for context in contexts:
            endpoint = await self.endpoint(context)
            async with session(endpoint) as http:
                if self.pid:
                    call = http.post(endpoint.server + "/flotilla/wipe")
                else:
                    call = http.delete(f"{endpoint.server}/api/v1/namespaces/{namespace}")
                async with call as answer:
                    await answer.read()
                while not self.pid:
                    url = f"{endpoint.server}/api/v1/namespaces/{namespace}"
                    async with http.get(url) as answer:
                        if answer.status == 404:
                            break
                    await asyncio.sleep(0.5)


@asynccontextmanager
async def session(endpoint: Endpoint) -> AsyncIterator[aiohttp.ClientSession]:
    """A bare aiohttp session with the endpoint's credentials."""
    connector = aiohttp.TCPConnector(limit=0, ssl=endpoint.tls or True)
    headers = await endpoint.headers(False)
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, timeout=aiohttp.ClientTimeout(total=None)
    ) as http:
        yield http


@asynccontextmanager
async def embedded(count: int) -> AsyncIterator[Sites]:
    """Serve `count` embedded clusters from a process of their own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "clusters.embedded", "--clusters", str(count),
            "--kubeconfig", str(kubeconfig), "--ready-after", "0",
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not (kubeconfig.exists() and kubeconfig.read_text().endswith("\n")):
                if process.returncode is not None or time.monotonic() > deadline:
                    raise RuntimeError("the embedded clusters did not start")
                await asyncio.sleep(0.05)
            names = [f"cluster-{number:03d}" for number in range(1, count + 1)]
            yield Sites(kubeconfig=kubeconfig, contexts=names, pid=process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@asynccontextmanager
async def sites(arguments: argparse.Namespace, count: int) -> AsyncIterator[Sites]:
    """The servers that the command line names, or `count` embedded clusters."""
    raise_file_limit()
    if arguments.kubeconfig:
        contexts = arguments.contexts.split(",")
        yield Sites(kubeconfig=arguments.kubeconfig, contexts=contexts, pid=None)
        return
    async with embedded(count) as served:
        yield served


def parser(description: str | None) -> argparse.ArgumentParser:
    """A command line with the options of every benchmark of the engine."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--quick", action="store_true", help="small sizes")
    made.add_argument("--kubeconfig", type=Path, help="API servers instead of embedded clusters")
    made.add_argument("--contexts", default="", help="which of its contexts, with commas between")
    return made
