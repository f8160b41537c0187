"""`flotilla server` is killed and started again: how long until it shows the fleet as it is.

The first correct view has every cluster observed by the new process, and ready.
"""

from __future__ import annotations

import argparse
import asyncio

from tests.benchmarks.figures import progress, say
from tests.benchmarks.servers import running_server

CLUSTERS, OBJECTS = 200, 100


async def main(arguments: argparse.Namespace) -> None:
    clusters, objects = (5, 20) if arguments.quick else (CLUSTERS, OBJECTS)
    of = f"{clusters} × {objects}"
    async with running_server(clusters=clusters, objects=objects) as server:
        progress(f"first convergence of {of}")
        say("from start to converged", await server.converged(), "s", work="first start", of=of)
        say("CPU", server.cpu_s, "s", work="first start", of=of)
        say("memory", server.rss_mb, "MB", work="first start", of=of)
        server.kill()
        progress("start again")
        server.start()
        answers = await server.seen(lambda _: True)
        say("from start to the first answer", answers, "s", work="restart", of=of)
        correct = await server.converged()
        say("from start to the first correct view", correct, "s", work="restart", of=of)
        say("CPU until then", server.cpu_s, "s", work="restart", of=of)
        say("memory", server.rss_mb, "MB", work="restart", of=of)


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--quick", action="store_true", help="small sizes")
    asyncio.run(main(command.parse_args()))
