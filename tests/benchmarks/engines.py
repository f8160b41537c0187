"""Reconcilers of many clusters in this process, as a server runs them, and what they report."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from clusters.engine.reconciler import Reconciler
from clusters.engine.terms import Terms
from clusters.events import BundleObserved, ClusterEvent, Connected, DriftCorrected
from clusters.model import ClusterName, DesiredState, ObjectRef
from clusters.records import FieldSets, Journal
from fleet.control.journal import StoreJournal
from fleet.control.process import calm_collector, slim_tls
from fleet.store.store import Store
from tests.benchmarks.sites import Sites
from tests.benchmarks.workload import BUNDLE, SELECTOR

TIMEOUT_S = 1800.0


class Engines:
    """One reconciler a cluster."""

    def __init__(self, sites: Sites, journal: Journal) -> None:
        self._sites = sites
        self._journal = journal
        self._field_sets = FieldSets()
        self._running: dict[str, tuple[Reconciler, asyncio.Task[None]]] = {}
        self._latest: dict[str, BundleObserved] = {}
        self._connected: set[str] = set()
        self._moved = asyncio.Event()
        self.corrected: dict[tuple[str, ObjectRef], float] = {}
        """When a drifted object was put back: monotonic seconds."""

    def start(self, names: Sequence[str]) -> None:
        """Start reconcilers; they connect, and wait for something to do."""
        for name in names:
            reconciler = Reconciler(
                ClusterName(name),
                connect=lambda name=name: self._sites.endpoint(name),  # type: ignore[misc]
                journal=self._journal,
                report=self._report,
                terms=Terms(selector=SELECTOR),
                field_sets=self._field_sets,
            )
            task = asyncio.get_running_loop().create_task(reconciler.run(), name=name)
            self._running[name] = (reconciler, task)

    async def _report(self, event: ClusterEvent) -> None:
        match event:
            case BundleObserved():
                self._latest[event.cluster] = event
            case Connected():
                self._connected.add(event.cluster)
            case DriftCorrected():
                self.corrected[event.cluster, event.ref] = monotonic()
        self._moved.set()

    async def connected(self) -> None:
        """Wait until every cluster answered."""
        await self.until(lambda: self._connected >= self._running.keys())

    async def converge(self, desired: DesiredState) -> None:
        """Assign a desired state to all clusters, and wait until each says that it stands."""
        for reconciler, _ in self._running.values():
            reconciler.assign(desired)
        waiting = set(self._running)

        def done() -> bool:
            waiting.difference_update([n for n in waiting if self._stands(n, desired)])
            return not waiting

        await self.until(done)

    def _stands(self, name: str, desired: DesiredState) -> bool:
        seen = self._latest.get(name)
        return bool(
            seen
            and seen.generation == desired.generation
            and seen.applied_digest == desired.bundles[BUNDLE].digest
        )

    async def until(self, condition: object) -> None:
        """Wait for a condition, which is asked after each report.

        Raises:
            TimeoutError: it does not come true; the message says how the clusters stand.
        """
        assert callable(condition)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                while not condition():
                    for _, task in self._running.values():
                        if task.done():
                            task.result()
                    self._moved.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._moved.wait(), 1.0)
        except TimeoutError:
            latest = [f"{name}: {seen.message}" for name, seen in self._latest.items()]
            raise TimeoutError("; ".join(latest[:5])) from None

    async def stop(self) -> None:
        """Stop as a crash would: without a word to anybody."""
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._running.clear()
        self._connected.clear()
        self._latest.clear()
        self._field_sets = FieldSets()


@asynccontextmanager
async def engines(sites: Sites, folder: Path) -> AsyncIterator[Engines]:
    """Reconcilers whose apply sets are in a real store (SQLite)."""
    async with await Store.open(folder / "state.db", key_file=folder / "store.key") as store:
        made = Engines(sites, StoreJournal(store))
        calm_collector()
        slim_tls()
        try:
            yield made
        finally:
            await made.stop()
