"""From a change by hand to its correction, for edits spread over clusters.

Counted from the moment the edit is sent until whoever made it sees it put back in a watch.  The
bare loop watches ConfigMaps only and, when a line comes that is not its own echo, applies that
object again without a look at it.  `paced` leaves the server idle in between; `at once` sends all
edits together.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from clusters.client.transport import Endpoint
from tests.benchmarks import bare
from tests.benchmarks.editing import edits
from tests.benchmarks.engines import engines
from tests.benchmarks.figures import progress, say
from tests.benchmarks.sites import Sites, cpu_s, parser, session, sites
from tests.benchmarks.workload import NAMESPACE, desired, manifests, path_of

CLUSTERS, OBJECTS, EDITS, RATE = 50, 100, 1_000, 40.0
AT_ONCE = 100_000.0


async def measure(
    sites: Sites, contexts: Sequence[str], who: str, *, count: int, rate: float, objects: int
) -> None:
    """Let somebody edit until all is put back, and say how long each took."""
    pace = "at once" if rate == AT_ONCE else "paced"
    labels = {"work": f"{count} edits {pace}", "clusters": f"{len(contexts)} × {objects}"}
    progress(f"{count} edits {pace}: {who or 'engine'}")
    lines: list[dict[str, Any]] = []
    before_s = server_s = started = 0.0
    wanted = edits(sites, contexts, what="data", count=count, rate=rate, objects=objects)
    async for line in wanted:
        if "ready" in line:
            before_s, server_s, started = cpu_s(), sites.server_cpu_s(), monotonic()
        elif "back" in line:
            lines.append(line)
    spent_s = cpu_s() - before_s
    quantiles = statistics.quantiles([(line["back"] - line["sent"]) * 1e3 for line in lines], n=100)
    say(f"change to corrected, p50{who}", quantiles[49], "ms", **labels)
    say(f"change to corrected, p99{who}", quantiles[98], "ms", **labels)
    say(f"CPU{who}", spent_s / count * 1e6, "µs/edit", **labels)
    if rate == AT_ONCE:
        span_s = max(line["back"] for line in lines) - min(line["sent"] for line in lines)
        say(f"all corrected after{who}", span_s, "s", **labels)
    elif sites.pid:
        load = (sites.server_cpu_s() - server_s) / (monotonic() - started)
        say(f"load of the server{who}", load * 100, "% of a core", **labels)


class _Line(msgspec.Struct):
    type: str
    object: _Object


class _Metadata(msgspec.Struct):
    name: str
    resourceVersion: str  # noqa: N815 - the wire's name


class _Object(msgspec.Struct):
    metadata: _Metadata


@asynccontextmanager
async def bare_correctors(
    sites: Sites, contexts: Sequence[str], objects: int
) -> AsyncIterator[None]:
    """On each cluster, put back whatever anybody else changes."""
    bodies = {m.ref.name: m for m in manifests(objects) if m.ref.kind == "ConfigMap"}
    decode = msgspec.json.Decoder(_Line).decode

    async def correct(context: str, endpoint: Endpoint, watching: asyncio.Event) -> None:
        own: set[str] = set()
        async with session(endpoint) as http:
            watching.set()
            async for raw in bare.watch(http, endpoint, "ConfigMap"):
                seen = decode(raw).object.metadata
                if seen.resourceVersion in own:
                    continue
                manifest = bodies[seen.name]
                url = endpoint.server + path_of(manifest)
                async with http.patch(
                    url, params=bare.FORCED, data=manifest.body, headers=bare.APPLY
                ) as answer:
                    written = msgspec.json.decode(await answer.read(), type=_Object)
                own.add(written.metadata.resourceVersion)

    async with AsyncExitStack() as stack:
        for context in contexts:
            watching = asyncio.Event()
            endpoint = await sites.endpoint(context)
            task = asyncio.create_task(correct(context, endpoint, watching))
            stack.callback(task.cancel)
            await watching.wait()
        await asyncio.sleep(2.0)  # until every watch is open
        yield


async def main(arguments: argparse.Namespace) -> None:
    clusters, objects, count = (4, 20, 20) if arguments.quick else (CLUSTERS, OBJECTS, EDITS)
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(sites(arguments, clusters))
        names = served.take(min(clusters, len(served.contexts)))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        wanted = desired(objects)
        async with engines(served, Path(folder)) as fleet:
            progress(f"first apply of {len(names)} × {objects}")
            fleet.start(names)
            await fleet.converge(wanted)
            for rate in (RATE, AT_ONCE):
                await measure(served, names, "", count=count, rate=rate, objects=objects)
        # The same clusters and objects, now that the engine is gone.
        async with bare_correctors(served, names, objects):
            for rate in (RATE, AT_ONCE):
                who = ", bare loop"
                await measure(served, names, who, count=count, rate=rate, objects=objects)
        await served.empty(names, NAMESPACE)


if __name__ == "__main__":
    command = parser(__doc__)
    asyncio.run(main(command.parse_args()))
