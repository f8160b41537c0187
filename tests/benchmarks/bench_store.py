"""How fast the store is: `python -m tests.benchmarks.bench_store [--directory DIR]`.

One JSON object a line, for SQLite with each durability and for PostgreSQL where it is installed.
The directory's disk decides most figures: give one on the disk in question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from clusters.model import (
    Applied,
    BundleName,
    ClusterName,
    Digest,
    Manifest,
    ObjectRef,
    digest_of,
)
from fleet.store.model import Batch, Durability, EventDraft
from fleet.store.store import Store
from tests.fakes.postgres import postgres_binaries, running_postgres

SINGLE = 500
GROUP = 5_000
CALLERS = 100
CLUSTERS = 100
OBJECTS = 100
LOG = 20_000
REPEATS = 5

Report = Callable[[str, float, str], None]


def event(number: int) -> EventDraft:
    return EventDraft(
        kind="Applied",
        at=datetime.now(UTC),
        actor="reconciler",
        cluster=f"cluster-{number % CLUSTERS:03}",
        bundle="shop",
        data={"objects": number, "revision": "0" * 40, "note": "x" * 60},
    )


def objects(count: int, *, confirmed: bool = False) -> list[Applied]:
    return [
        Applied(
            ref=ObjectRef("apps", "Deployment", "shop", f"workload-{number:05}"),
            api_version="apps/v1",
            bundle=BundleName("shop"),
            digest=Digest(f"{number:032x}"),
            uid=f"{number:036x}",
            entry_hash="e" * 32,
            live_hash="f" * 32,
            confirmed=confirmed,
        )
        for number in range(count)
    ]


async def best_s(work: Callable[[], Awaitable[object]], repeats: int = REPEATS) -> float:
    """Shortest time of a few runs: what the store can do when nothing else disturbs it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        await work()
        times.append(time.perf_counter() - start)
    return min(times)


async def measure_log(store: Store, report: Report) -> None:
    async def one_after_another() -> None:
        for number in range(SINGLE):
            await store.append([event(number)])

    async def caller(first: int) -> None:
        for number in range(GROUP // CALLERS):
            await store.append([event(first + number)])

    async def together() -> None:
        await asyncio.gather(*map(caller, range(CALLERS)))

    report("append, one caller", SINGLE / await best_s(one_after_another, 2), "events/s")
    report(f"append, {CALLERS} callers", GROUP / await best_s(together, 2), "events/s")
    batch = [event(number) for number in range(1_000)]
    report("append, 1000 in a call", 1_000 / await best_s(lambda: store.append(batch)), "events/s")
    while await store.last_seq() < LOG:
        await store.append(batch)
    events = await store.last_seq()
    report("verify", events / await best_s(store.verify), "events/s")
    report("read 1000 events", await best_s(lambda: store.read(limit=1_000)) * 1e3, "ms")


async def measure_apply_sets(store: Store, report: Report) -> None:
    cluster = ClusterName("large")
    intended, confirmed = objects(1_000), objects(1_000, confirmed=True)
    first = await best_s(lambda: store.write_applied(cluster, intended), 1)
    report("write 1000 applied, new", first * 1e3, "ms")
    again = await best_s(lambda: store.write_applied(cluster, confirmed))
    report("write 1000 applied, known", again * 1e3, "ms")
    report("load 1000 applied", await best_s(lambda: store.applied(cluster)) * 1e3, "ms")

    names = [ClusterName(f"cluster-{number:03}") for number in range(CLUSTERS)]
    some = objects(OBJECTS)

    async def write_all() -> None:
        await asyncio.gather(*(store.write_applied(name, some) for name in names))

    async def load_all() -> None:
        await asyncio.gather(*map(store.applied, names))

    report(f"write {CLUSTERS} x {OBJECTS} applied", await best_s(write_all, 2) * 1e3, "ms")
    report(f"load {CLUSTERS} x {OBJECTS} applied", await best_s(load_all) * 1e3, "ms")


async def measure_contents(store: Store, report: Report) -> None:
    manifests = [
        Manifest.of(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"settings-{number}", "namespace": "shop"},
                "data": {f"key-{line}": f"value {number * line}" for line in range(60)},
            }
        )
        for number in range(1_000)
    ]
    batch = Batch(
        contents={manifest.digest: manifest.body for manifest in manifests},
        sets={digest_of(b"release"): [manifest.digest for manifest in manifests]},
    )
    digests = list(batch.contents)
    report("store 1000 manifests and their set", await best_s(lambda: store.commit(batch), 1) * 1e3,
           "ms")  # fmt: skip
    report("store them again", await best_s(lambda: store.commit(batch)) * 1e3, "ms")
    report("load 1000 manifests", await best_s(lambda: store.get_contents(digests)) * 1e3, "ms")
    state = json.dumps([manifest.body.decode() for manifest in manifests]).encode()
    seq = await store.last_seq()
    save = await best_s(lambda: store.save_snapshot(seq, state))
    report(f"save a snapshot of {len(state) / 1e6:.1f} MB", save * 1e3, "ms")
    report("load it", await best_s(store.load_snapshot) * 1e3, "ms")


async def measure(address: str | Path, directory: Path, durability: Durability, name: str) -> None:
    def report(what: str, value: float, unit: str) -> None:
        line = {"store": name, "what": what, "value": round(value, 2), "unit": unit}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    start = time.perf_counter()
    store = await Store.open(address, key_file=directory / "store.key", durability=durability)
    report("open, new", (time.perf_counter() - start) * 1e3, "ms")
    async with store:
        await measure_log(store, report)
        await measure_apply_sets(store, report)
        await measure_contents(store, report)
    start = time.perf_counter()
    store = await Store.open(address, key_file=directory / "store.key", durability=durability)
    report("open, known", (time.perf_counter() - start) * 1e3, "ms")
    await store.close()


@contextmanager
def scratch(parent: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-store-", dir=parent) as name:
        yield Path(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, help="where to make the databases")
    parent = parser.parse_args().directory
    for durability in Durability:
        with scratch(parent) as directory:
            name = f"sqlite, {durability.name.lower()}"
            asyncio.run(measure(directory / "state.db", directory, durability, name))
    binaries = postgres_binaries()
    if binaries is not None:
        with scratch(parent) as directory, running_postgres(binaries, sync=True) as server:
            durability = Durability.POWER_LOSS
            asyncio.run(measure(server.create_schema(), directory, durability, "postgresql"))


if __name__ == "__main__":
    main()
