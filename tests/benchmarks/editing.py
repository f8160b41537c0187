"""Somebody else who writes to the clusters, in a process of its own so that its CPU is not ours.

`python -m tests.benchmarks.editing --kubeconfig F --contexts a,b --what data --count 100 --rate 50`
prints JSON lines: one when it is ready to begin, one for each edit that it saw put back (`--what
data`), and the totals.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import cycle, islice
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from clusters.client.transport import Endpoint
from fleet.control.process import raise_file_limit
from tests.benchmarks import bare
from tests.benchmarks.sites import Sites, session
from tests.benchmarks.workload import manifests, path_of

PUT_BACK_S = 60.0
IN_FLIGHT = 100
"""A server that cannot keep the rate slows us down, instead of being flooded."""
_MERGE = {"Content-Type": "application/merge-patch+json"}
_KIND = {"data": "ConfigMap", "status": "Deployment"}


async def edits(
    sites: Sites,
    contexts: Sequence[str],
    *,
    what: str,
    count: int,
    rate: float,
    objects: int,
) -> AsyncIterator[Any]:
    """Let another process edit; yields its lines as they come."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.editing",
        "--kubeconfig", str(sites.kubeconfig), "--contexts", ",".join(contexts),
        "--what", what, "--count", str(count), "--rate", str(rate), "--objects", str(objects),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async for line in process.stdout:
        yield json.loads(line)
    if await process.wait():
        raise RuntimeError("the edits failed")


def _plan(contexts: Sequence[str], kind: str, objects: int) -> Iterator[tuple[str, str, str]]:
    """Cluster, path and name, spread evenly: every cluster once before any twice."""
    paths = [(path_of(m), m.ref.name) for m in manifests(objects) if m.ref.kind == kind]
    for turn in cycle(range(len(paths))):
        for context in contexts:
            yield (context, *paths[turn])


def _body(what: str, number: int) -> dict[str, Any]:
    if what == "data":
        return {"data": {"key-1": f"edited {number}"}}
    # A field that no judgement of health looks at, and that no controller puts back.
    return {"status": {"collisionCount": number}}


class _Somebody:
    """Edits, and sees what becomes of it."""

    def __init__(self, sites: Sites, what: str, objects: int) -> None:
        self._sites = sites
        self._what = what
        self._objects = objects
        self._sessions: dict[str, tuple[aiohttp.ClientSession, str]] = {}
        self._sent: dict[tuple[str, str], float] = {}
        self._all_back = asyncio.Event()
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def open(self, stack: AsyncExitStack) -> None:
        """Connect to all clusters, so that no edit pays for it."""
        for context in self._sites.contexts:
            endpoint = await self._sites.endpoint(context)
            http = await stack.enter_async_context(session(endpoint))
            self._sessions[context] = (http, endpoint.server)
            async with http.get(endpoint.server + "/version") as answer:
                await answer.read()
            if self._what == "data":
                task = asyncio.create_task(self._see(context, endpoint))
                stack.callback(task.cancel)
        await asyncio.sleep(1.0)  # until the watches are open
        _say(ready=True)

    async def work(self, count: int, rate: float) -> None:
        """Send all edits, at their times; wait until all are put back."""
        started = monotonic()
        plan = _plan(self._sites.contexts, _KIND[self._what], self._objects)
        async with asyncio.TaskGroup() as group:
            for number, (context, path, name) in enumerate(islice(plan, count)):
                due = started + number / rate
                if (wait_s := due - monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                await self._slots.acquire()
                group.create_task(self._edit(number, context, path, name))
        wall_s = monotonic() - started
        if self._what == "data":
            async with asyncio.timeout(PUT_BACK_S):
                await self._all_back.wait()
        _say(edits=count, wall_s=wall_s)

    async def _edit(self, number: int, context: str, path: str, name: str) -> None:
        http, server = self._sessions[context]
        self._sent[context, name] = monotonic()
        suffix = "/status" if self._what == "status" else ""
        try:
            await _send(http, server + path + suffix, _body(self._what, number))
        finally:
            self._slots.release()

    async def _see(self, context: str, endpoint: Endpoint) -> None:
        http, _ = self._sessions[context]
        edited: set[str] = set()
        async for line in bare.watch(http, endpoint, "ConfigMap"):
            seen = json.loads(line)["object"]
            name = seen["metadata"]["name"]
            if seen["data"]["key-1"].startswith("edited"):
                edited.add(name)
            elif name in edited:
                edited.discard(name)
                sent = self._sent.pop((context, name))
                _say(cluster=context, name=name, sent=sent, back=monotonic())
                if not self._sent:
                    self._all_back.set()


async def _main(arguments: argparse.Namespace) -> None:
    raise_file_limit()
    contexts = arguments.contexts.split(",")
    sites = Sites(kubeconfig=arguments.kubeconfig, contexts=contexts, pid=None)
    somebody = _Somebody(sites, arguments.what, arguments.objects)
    async with AsyncExitStack() as stack:
        await somebody.open(stack)
        await somebody.work(arguments.count, arguments.rate)


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def _send(http: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> None:
    params = {"fieldManager": "somebody"}
    async with http.patch(url, params=params, json=body, headers=_MERGE) as answer:
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {await answer.text()}")
        await answer.read()


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--kubeconfig", type=Path, required=True)
    command.add_argument("--contexts", required=True)
    command.add_argument("--what", choices=sorted(_KIND), required=True)
    command.add_argument("--count", type=int, required=True)
    command.add_argument("--rate", type=float, required=True, help="edits a second, together")
    command.add_argument("--objects", type=int, required=True, help="how many a cluster has")
    asyncio.run(_main(command.parse_args()))
