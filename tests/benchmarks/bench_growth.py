"""Whether the hundredth cluster costs what the first did: a fleet that grows step by step.

At each step clusters are added to those that are there; connecting, first apply and idling are
counted by cluster.  After the last step a new process takes over what the store has, without a
first apply behind it: what its memory is by cluster and by object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from fleet.control.process import raise_file_limit
from tests.benchmarks.engines import engines
from tests.benchmarks.figures import progress, say
from tests.benchmarks.sites import Sites, cpu_s, parser, rss_mb, sites
from tests.benchmarks.workload import NAMESPACE, desired

STEPS = (10, 50, 100, 200, 500)
OBJECTS = 20
SETTLE_S, IDLE_S = 20.0, 8.0
LARGE_CLUSTERS, LARGE_OBJECTS = 20, 1_000


async def grow(
    sites: Sites, steps: Sequence[int], folder: Path, *, settle_s: float, idle_s: float
) -> None:
    """Add clusters step by step."""
    wanted = desired(OBJECTS)
    async with engines(sites, folder) as fleet:
        gc.collect()
        before = 0
        for size in steps:
            names = sites.contexts[before:size]
            labels = {"work": f"{before} to {size} clusters", "clusters": f"× {OBJECTS}"}
            progress(labels["work"])
            memory_mb, used_s = rss_mb(), cpu_s()
            fleet.start(names)
            await fleet.connected()
            say("CPU to connect", (cpu_s() - used_s) / len(names) * 1e3, "ms/cluster", **labels)
            used_s = cpu_s()
            await fleet.converge(wanted)
            say("CPU to apply", (cpu_s() - used_s) / len(names) * 1e3, "ms/cluster", **labels)
            await asyncio.sleep(settle_s)  # idle connections are closed
            gc.collect()
            say("memory", (rss_mb() - memory_mb) / len(names), "MB/cluster", **labels)
            used_s, started = cpu_s(), monotonic()
            await asyncio.sleep(idle_s)
            idle = (cpu_s() - used_s) / (monotonic() - started)
            say("CPU when idle", idle / size * 1e6, "µs/s/cluster", **labels)
            before = size


async def held(sites: Sites, names: Sequence[str], folder: Path, objects: int) -> float:
    """Memory in MB that a new process needs for clusters that are as they should be."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.bench_growth", "--hold", str(folder),
        "--kubeconfig", str(sites.kubeconfig), "--contexts", ",".join(names),
        "--objects", str(objects), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    found: float = json.loads(out)
    return found


async def hold(arguments: argparse.Namespace) -> None:
    """Take over what a store has, and print the memory that it takes."""
    raise_file_limit()
    names = arguments.contexts.split(",")
    where = Sites(kubeconfig=arguments.kubeconfig, contexts=names, pid=None)
    wanted = desired(arguments.objects)
    async with engines(where, arguments.hold) as fleet:
        fleet.start(names[:1])
        await fleet.converge(wanted)  # what is there once, whatever the number of clusters
        gc.collect()
        before_mb = rss_mb()
        fleet.start(names[1:])
        await fleet.converge(wanted)
        await asyncio.sleep(1.0)
        gc.collect()
        sys.stdout.write(json.dumps(rss_mb() - before_mb))


async def memory(sites: Sites, clusters: int, objects: int) -> None:
    """The slope between few and many objects is what one object takes."""
    names = sites.contexts[:clusters]
    taken = {}
    for count in (objects // 10, objects):
        progress(f"memory of {clusters} × {count} in a new process")
        with tempfile.TemporaryDirectory() as folder:
            async with engines(sites, Path(folder)) as fleet:
                fleet.start(names)
                await fleet.converge(desired(count))
            taken[count] = await held(sites, names, Path(folder), count) / (clusters - 1)
        await sites.empty(names, NAMESPACE)
    few, many = taken.values()
    slope = (many - few) / (objects - objects // 10)
    labels = {"work": "new process", "clusters": f"{clusters} × {objects}"}
    say("memory", slope * 1e6, "bytes/object", **labels)
    say("memory without objects", few - slope * (objects // 10), "MB/cluster", **labels)
    say("memory", many, "MB/cluster", **labels)


async def main(arguments: argparse.Namespace) -> None:
    steps = (2, 4) if arguments.quick else STEPS
    settle_s, idle_s = (0.0, 1.0) if arguments.quick else (SETTLE_S, IDLE_S)
    async with sites(arguments, max(steps)) as served:
        steps = [size for size in steps if size <= len(served.contexts)] or [len(served.contexts)]
        with tempfile.TemporaryDirectory() as folder:
            await grow(served, steps, Path(folder), settle_s=settle_s, idle_s=idle_s)
        await served.empty(served.contexts[: max(steps)], NAMESPACE)
        if len(served.contexts) >= 2:
            many = (2, 100) if arguments.quick else (LARGE_CLUSTERS, LARGE_OBJECTS)
            await memory(served, *many)


if __name__ == "__main__":
    command = parser(__doc__)
    command.add_argument("--hold", type=Path, help=argparse.SUPPRESS)
    command.add_argument("--objects", type=int, help=argparse.SUPPRESS)
    given = command.parse_args()
    asyncio.run(hold(given) if given.hold else main(given))
