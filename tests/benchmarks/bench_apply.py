"""Applying 1,000 objects to clusters: first time, again after a restart, and one change.

Each beside the bare loop of `bare`, on clusters of the same server in the same run; `of the limit`
is the bare loop's time as a share of the engine's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.benchmarks import bare
from tests.benchmarks.engines import Engines, engines
from tests.benchmarks.figures import progress, say
from tests.benchmarks.sites import Sites, cpu_s, parser, sites
from tests.benchmarks.workload import NAMESPACE, desired, manifests

OBJECTS = 1_000
SIZES = (1, 10, 50)


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took."""

    wall_s: float
    cpu_s: float
    server_cpu_s: float


async def spent(sites: Sites, work: Awaitable[None]) -> Spent:
    """Measure something."""
    gc.collect()
    wall, own, server = perf_counter(), cpu_s(), sites.server_cpu_s()
    await work
    return Spent(perf_counter() - wall, cpu_s() - own, sites.server_cpu_s() - server)


def compare(labels: dict[str, str], engine: Spent, loop: Spent, *, count: int, unit: str) -> None:
    """Say what the engine took, what the bare loop took, and how they stand to each other."""
    each = f"µs/{unit}"
    say("rate", count / engine.wall_s, f"{unit}s/s", **labels)
    say("rate, bare loop", count / loop.wall_s, f"{unit}s/s", **labels)
    say("rate of the limit", loop.wall_s / engine.wall_s, "×", **labels)
    say("CPU", engine.cpu_s / count * 1e6, each, **labels)
    say("CPU, bare loop", loop.cpu_s / count * 1e6, each, **labels)
    if engine.server_cpu_s:
        say("CPU of the server", engine.server_cpu_s / count * 1e6, each, **labels)
        say("CPU of the server, bare loop", loop.server_cpu_s / count * 1e6, each, **labels)


async def first_apply(sites: Sites, size: int, objects: int, fleet: Engines) -> None:
    theirs, ours = sites.take(size, of=0, parts=2), sites.take(size, of=1, parts=2)
    labels = {"work": "first apply", "clusters": f"{size} × {objects}"}
    progress(f"first apply, {size} clusters: bare loop")
    loop = await spent(sites, bare.apply(sites, theirs, manifests(objects)))
    await sites.empty(theirs, NAMESPACE)
    progress(f"first apply, {size} clusters: engine")
    fleet.start(ours)
    await fleet.connected()
    engine = await spent(sites, fleet.converge(desired(objects)))
    compare(labels, engine, loop, count=size * objects, unit="object")


async def change(sites: Sites, size: int, objects: int, fleet: Engines) -> None:
    """One object of all differs in the next commit."""
    after = desired(objects, "second", generation=2)
    differing = [
        new
        for old, new in zip(manifests(objects), manifests(objects, "second"), strict=True)
        if old.digest != new.digest
    ]
    assert len(differing) == 1
    engine = await spent(sites, fleet.converge(after))
    labels = {"work": f"one of {objects} changed", "clusters": f"{size} × {objects}"}
    ours = sites.take(size, of=1, parts=2)
    # The same request again, with what is there already: at most as dear for the server.
    loop = await spent(sites, bare.apply(sites, ours, differing))
    compare(labels, engine, loop, count=size, unit="cluster")


async def restart(sites: Sites, size: int, objects: int, fleet: Engines) -> None:
    """Start anew with what the store has: nothing is to be written."""
    ours = sites.take(size, of=1, parts=2)
    progress(f"no-op pass, {size} clusters")
    await fleet.stop()
    loop = await spent(sites, bare.look(sites, ours))
    wanted = desired(objects, "second", generation=3)

    async def again() -> None:
        fleet.start(ours)
        await fleet.converge(wanted)

    engine = await spent(sites, again())
    labels = {"work": "no-op pass after a restart", "clusters": f"{size} × {objects}"}
    compare(labels, engine, loop, count=size * objects, unit="object")


async def main(arguments: argparse.Namespace) -> None:
    sizes, objects = ((1, 4), 100) if arguments.quick else (SIZES, OBJECTS)
    async with sites(arguments, 2 * max(sizes)) as served:
        # So that neither side pays for what the server and this process do only once.
        warm = served.take(1)
        await bare.apply(served, warm, manifests(20))
        await served.empty(warm, NAMESPACE)
        for size in sizes:
            if size > len(served.contexts):
                continue
            with tempfile.TemporaryDirectory() as folder:
                async with engines(served, Path(folder)) as fleet:
                    await first_apply(served, size, objects, fleet)
                    await change(served, size, objects, fleet)
                    await restart(served, size, objects, fleet)
            await served.empty(served.take(size, of=1, parts=2), NAMESPACE)


if __name__ == "__main__":
    command = parser(__doc__)
    asyncio.run(main(command.parse_args()))
