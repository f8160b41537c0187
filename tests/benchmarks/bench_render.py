"""Whether the server answers while it renders: lag of its event loop, kube-prometheus, 24 clusters.

The server runs in this process, so that its loop can be watched; clusters are elsewhere.  A late
tick is one that comes more than its due time; the longest stretch of CPU between two ticks is what
the loop itself did without a pause, whatever else this machine was busy with.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import yaml

from fleet.control.process import raise_file_limit
from fleet.control.runtime import Runtime, open_runtime
from fleet.control.settings import ServerSettings
from tests.benchmarks.figures import progress, say
from tests.benchmarks.servers import fleet_files
from tests.benchmarks.sites import cpu_s, embedded
from tests.fleet.source.gits import WorkTree

SAMPLE = Path(__file__).resolve().parents[2].parent / "shared/samples/kube-prometheus"
CLUSTERS = 24
TICK_S = 0.002
TIMEOUT_S = 600.0


class Lag:
    """Watches the running loop: wakes every 2 ms, and notes how late it was."""

    def __init__(self) -> None:
        self._late_s: list[float] = []
        self._busy_s: list[float] = []
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            due, used = time.perf_counter() + TICK_S, time.thread_time()
            await asyncio.sleep(TICK_S)
            self._late_s.append(time.perf_counter() - due)
            self._busy_s.append(time.thread_time() - used)

    def report(self, work: str) -> None:
        """Say how late the loop was since the last report."""
        late_s, self._late_s = self._late_s, []
        busy_s, self._busy_s = self._busy_s, []
        quantiles = statistics.quantiles(late_s, n=100)
        say("lag of the loop, p50", quantiles[49] * 1e3, "ms", work=work)
        say("lag of the loop, p99", quantiles[98] * 1e3, "ms", work=work)
        say("lag of the loop, longest", max(late_s) * 1e3, "ms", work=work)
        say("longest stretch of CPU in the loop", max(busy_s) * 1e3, "ms", work=work)

    def stop(self) -> None:
        self._task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait without being in the way."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)


def files() -> dict[str, str]:
    """A repository whose one bundle is kube-prometheus."""
    names = [f"cluster-{number:03d}" for number in range(1, CLUSTERS + 1)]
    made = {k: v for k, v in fleet_files(names, 1).items() if not k.startswith("app/")}
    for file in sorted(SAMPLE.rglob("*.yaml")):
        made[f"app/{file.relative_to(SAMPLE)}"] = file.read_text()
    return made


async def measure(runtime: Runtime, tree: WorkTree) -> None:
    """Render anew, and let the clusters converge."""
    work = asyncio.create_task(runtime.run())
    lag = Lag()

    def in_force(revision: str) -> bool:
        if work.done():
            work.result()
        return runtime.publisher.snapshot(datetime.now(UTC)).git.revision == revision

    started, used, own = time.perf_counter(), cpu_s(), time.thread_time()
    await until(lambda: in_force(tree.git("rev-parse", "HEAD")))
    say("from start to the commit in force", time.perf_counter() - started, "s", work="rendering")
    say("CPU", cpu_s() - used, "s", work="rendering")
    say("CPU of the loop's thread", time.thread_time() - own, "s", work="rendering")
    lag.report("rendering")
    progress("first apply")
    await until(runtime.coordinator.settled.is_set)
    lag.report("first apply")
    progress("a commit that changes one file")
    path = next(iter(sorted((tree.path / "app").rglob("*serviceAccount.yaml"))))
    document = yaml.safe_load(path.read_text())
    document["metadata"].setdefault("labels", {})["edition"] = "second"
    path.write_text(yaml.safe_dump(document))
    revision = tree.commit_all("change one file")
    started, used = time.perf_counter(), cpu_s()
    runtime.intake.look_now()
    await until(lambda: in_force(revision))
    say("from look to the commit in force", time.perf_counter() - started, "s", work="one file")
    say("CPU", cpu_s() - used, "s", work="one file")
    lag.report("one file")
    lag.stop()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def main() -> None:
    raise_file_limit()
    async with AsyncExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        served = await stack.enter_async_context(embedded(CLUSTERS))
        tree = WorkTree.make(base / "repo", files())
        settings = ServerSettings(
            repo=str(tree.path), state_dir=base / "state", kubeconfig=served.kubeconfig
        )
        progress(f"rendering kube-prometheus for {CLUSTERS} clusters")
        runtime = await stack.enter_async_context(open_runtime(settings))
        await measure(runtime, tree)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    if SAMPLE.exists():
        asyncio.run(main())
    else:
        progress(f"skipped: {SAMPLE} is not there")
