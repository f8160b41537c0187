"""Wanted reconcilers against running ones: stops what is not wanted, starts what is missing.

The one place that may catch `Exception`: a reconciler that fails unexpectedly is a bug, and takes
only its own cluster with it (quarantine).  Everything else that fails takes the process down.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from clusters.engine.reconciler import Reconciler
from clusters.events import ClusterEvent, ReconcilerCrashed
from clusters.model import ClusterName, DesiredState, ObjectRef
from fleet.model import Cluster

log = logging.getLogger(__name__)

STOP_TIMEOUT_S = 10.0


@dataclass(slots=True)
class _Running:
    cluster: Cluster
    reconciler: Reconciler
    task: asyncio.Task[None]
    settings: object
    """What of the fleet's settings it was made with."""


class Supervisor:
    """Runs one reconciler for each wanted cluster.

    Args:
        build: makes a reconciler for a cluster.
        report: where crashes are reported; the same inbox as the reconcilers' own events.
    """

    def __init__(
        self,
        *,
        build: Callable[[Cluster], Reconciler],
        report: Callable[[ClusterEvent], Awaitable[None]],
    ) -> None:
        self._build = build
        self._report = report
        self._running: dict[ClusterName, _Running] = {}

    @property
    def running(self) -> Mapping[ClusterName, Reconciler]:
        """The reconcilers at work."""
        return {name: entry.reconciler for name, entry in self._running.items()}

    async def adjust(
        self, wanted: Mapping[ClusterName, Cluster], *, settings: object = None
    ) -> list[ClusterName]:
        """Make the running set equal to `wanted`; one made for something else is replaced.

        Returns those that were started: they were told nothing yet.

        Args:
            wanted: the clusters to run for; another connection is something else.
            settings: what of the fleet's settings reconcilers are made with, to be compared.
        """
        stale = [
            name
            for name, entry in self._running.items()
            if name not in wanted
            or wanted[name].connection != entry.cluster.connection
            or settings != entry.settings
        ]
        await self._stop(stale)
        started = [name for name in wanted if name not in self._running]
        for name in started:
            self._start(wanted[name], settings)
        return started

    def assign(self, name: ClusterName, desired: DesiredState) -> None:
        """Hand a cluster its desired state; nothing happens for one that does not run."""
        if entry := self._running.get(name):
            entry.reconciler.assign(desired)

    def poke(self, name: ClusterName) -> bool:
        """Make a cluster look now; False when it does not run."""
        entry = self._running.get(name)
        if entry is None:
            return False
        entry.reconciler.poke()
        return True

    def correct(self, name: ClusterName, ref: ObjectRef) -> bool:
        """Put drift of one object back, once, on a person's word; False: there is none to see."""
        entry = self._running.get(name)
        return entry is not None and entry.reconciler.correct(ref)

    async def stop(self) -> None:
        """Stop all, and wait until they are."""
        await self._stop(list(self._running))

    def _start(self, cluster: Cluster, settings: object) -> None:
        reconciler = self._build(cluster)
        task = asyncio.get_running_loop().create_task(
            self._guard(cluster.name, reconciler), name=f"reconcile {cluster.name}"
        )
        self._running[cluster.name] = _Running(cluster, reconciler, task, settings)

    async def _stop(self, names: list[ClusterName]) -> None:
        tasks = [self._running.pop(name).task for name in names]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)

    async def _guard(self, name: ClusterName, reconciler: Reconciler) -> None:
        try:
            await reconciler.run()
        except Exception as error:
            entry = self._running.get(name)
            if entry is not None and entry.reconciler is reconciler:  # and no successor of it
                del self._running[name]
            # The words of an unexpected error may quote an object: only where it arose is told.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {frame.name} ({frame.filename}:{frame.lineno})"
            log.error("reconciler of cluster %s crashed: %s", name, where)  # noqa: TRY400 - no values
            await self._report(ReconcilerCrashed(cluster=name, at=datetime.now(UTC), error=where))
