"""A quiet fleet whose objects' status changes all the time, as controllers make it change.

What idling costs, what foreign status updates cost (beside a bare loop that only cuts the same
watch into lines), and memory by cluster.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

from tests.benchmarks import bare
from tests.benchmarks.editing import edits
from tests.benchmarks.engines import engines
from tests.benchmarks.figures import progress, say
from tests.benchmarks.sites import Sites, cpu_s, parser, rss_mb, session, sites
from tests.benchmarks.workload import NAMESPACE, PATHS, desired

CLUSTERS, OBJECTS = 200, 100
RATE = 10.0
"""Foreign status updates a second and cluster."""
SECONDS, IDLE_S = 10.0, 15.0
SETTLE_S = 35.0


async def measure(
    sites: Sites, names: Sequence[str], who: str, *, seconds: float, objects: int
) -> None:
    """Let somebody update statuses, and say what it costs to look on."""
    labels = {"work": "status updates", "clusters": f"{len(names)} × {objects}"}
    progress(f"status updates: {who or 'engine'}")
    count, rate = round(len(names) * RATE * seconds), len(names) * RATE
    before_s, server_s = 0.0, 0.0
    async for line in edits(sites, names, what="status", count=count, rate=rate, objects=objects):
        if "ready" in line:
            before_s, server_s = cpu_s(), sites.server_cpu_s()
        else:
            say(f"rate{who}", line["edits"] / line["wall_s"], "updates/s", **labels)
    await asyncio.sleep(0.5)  # the last of them are on their way
    used_s = cpu_s() - before_s
    say(f"CPU{who}", used_s / count * 1e6, "µs/update", **labels)
    if sites.pid:
        server_s = sites.server_cpu_s() - server_s
        say(f"CPU of the server{who}", server_s / count * 1e6, "µs/update", **labels)
    say(f"CPU at 1,000 updates/s{who}", used_s / count * 1000 * 100, "% of a core", **labels)


async def idle(names: Sequence[str], *, seconds: float, objects: int) -> None:
    """What nothing at all costs."""
    labels = {"work": "idle", "clusters": f"{len(names)} × {objects}"}
    progress("idle")
    before_s, started = cpu_s(), monotonic()
    await asyncio.sleep(seconds)
    used = (cpu_s() - before_s) / (monotonic() - started)
    say("CPU", used * 100, "% of a core", **labels)
    say("CPU a cluster", used / len(names) * 1e6, "µs/s", **labels)


async def bare_watchers(sites: Sites, names: Sequence[str], stack: AsyncExitStack) -> None:
    """Open the same watches as the engine, and read them."""

    async def read(name: str, kind: str) -> None:
        endpoint = await sites.endpoint(name)
        async with session(endpoint) as http:
            async for _ in bare.watch(http, endpoint, kind):
                pass

    for name in names:
        for kind in PATHS:
            stack.callback(asyncio.create_task(read(name, kind)).cancel)
    await asyncio.sleep(max(2.0, len(names) / 20))


async def main(arguments: argparse.Namespace) -> None:
    clusters, objects = (5, 20) if arguments.quick else (CLUSTERS, OBJECTS)
    seconds, idle_s = (2.0, 2.0) if arguments.quick else (SECONDS, IDLE_S)
    settle_s = 1.0 if arguments.quick else SETTLE_S
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(sites(arguments, clusters))
        names = served.take(min(clusters, len(served.contexts)))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        async with engines(served, Path(folder)) as fleet:
            desired(objects)
            gc.collect()
            before_mb = rss_mb()
            progress(f"first apply of {len(names)} × {objects}")
            fleet.start(names)
            await fleet.converge(desired(objects))
            progress("until the connections of the first apply are closed")
            await asyncio.sleep(settle_s)
            gc.collect()
            labels = {"work": "first apply", "clusters": f"{len(names)} × {objects}"}
            say("memory a cluster", (rss_mb() - before_mb) / len(names), "MB", **labels)
            await idle(names, seconds=idle_s, objects=objects)
            await measure(served, names, "", seconds=seconds, objects=objects)
            gc.collect()
            labels["work"] = "after status updates"
            say("memory a cluster", (rss_mb() - before_mb) / len(names), "MB", **labels)
            say("memory, all", rss_mb(), "MB", **labels)
        async with AsyncExitStack() as watching:
            await bare_watchers(served, names, watching)
            await measure(served, names, ", bare loop", seconds=seconds, objects=objects)
        await served.empty(names, NAMESPACE)


if __name__ == "__main__":
    command = parser(__doc__)
    asyncio.run(main(command.parse_args()))
