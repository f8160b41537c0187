"""How long `flotilla get clusters` takes from the shell, and where that goes.

Against a server whose fleet is two small clusters: what is measured is the program's start.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from resource import RUSAGE_CHILDREN, getrusage

from tests.benchmarks.figures import progress, say
from tests.benchmarks.servers import running_server

ROUNDS = 20
SLOWEST = 8
COMMAND = (sys.executable, "-m", "fleet.cli.main")
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")


def timed(command: Sequence[str], rounds: int, label: str) -> None:
    """Run a command again and again; say what it took, waiting and computing."""
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(rounds):
        used, start = _children_s(), time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        wall.append(time.perf_counter() - start)
        cpu.append(_children_s() - used)
    say("wall time, median", statistics.median(wall) * 1e3, "ms", command=label)
    say("wall time, shortest", min(wall) * 1e3, "ms", command=label)
    say("CPU", statistics.median(cpu) * 1e3, "ms", command=label)


def _children_s() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def imports(command: Sequence[str]) -> None:
    """Say which packages take the time: of each module its own, summed up by package."""
    ran = subprocess.run(
        [command[0], "-X", "importtime", *command[1:]], capture_output=True, text=True, check=True
    )
    own: dict[str, int] = {}
    count = 0
    for line in ran.stderr.splitlines():
        if found := _IMPORT.search(line):
            package = found[4].partition(".")[0]
            own[package] = own.get(package, 0) + int(found[1])
            count += 1
    label = "get clusters, imports"
    say("modules imported", count, "modules", command=label)
    say("all imports", sum(own.values()) / 1e3, "ms", command=label)
    for package in sorted(own, key=own.__getitem__, reverse=True)[:SLOWEST]:
        say(f"own time of {package}", own[package] / 1e3, "ms", command=label)


async def main(arguments: argparse.Namespace) -> None:
    rounds = 3 if arguments.quick else ROUNDS
    async with running_server(clusters=2, objects=2) as server:
        await server.converged()
        get = (*COMMAND, "get", "clusters", "--server", server.address)

        def measure() -> None:
            progress("starting the command line")
            timed((sys.executable, "-c", "pass"), rounds, "python -c pass")
            timed((*COMMAND, "version"), rounds, "flotilla version")
            timed(get, rounds, "flotilla get clusters")
            imports(get)

        await asyncio.to_thread(measure)


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--quick", action="store_true", help="few rounds")
    asyncio.run(main(command.parse_args()))
