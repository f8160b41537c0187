"""The apply sets of all clusters, in the store: what reconcilers write ahead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from clusters.model import Applied, ClusterName, ObjectRef
from fleet.store.errors import StoreUnavailable
from fleet.store.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Half a minute: a database that is restarted or copied is back by then."""


class StoreJournal:
    """The journal of all reconcilers.

    A database that is away for a moment makes them wait: an error would quarantine each cluster
    that is being written to, until a person looks.

    Raises:
        StoreError: it stays away, or is damaged.
    """

    def __init__(self, store: Store, *, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._store = store
        self._pauses_s = pauses_s

    async def load(self, cluster: ClusterName) -> tuple[Applied, ...]:
        """All members of a cluster's apply set."""
        return await self._patiently(lambda: self._store.applied(cluster))

    async def write(
        self, cluster: ClusterName, upserts: Sequence[Applied], removals: Sequence[ObjectRef]
    ) -> None:
        """Change members; the same change twice is the same."""
        await self._patiently(lambda: self._store.write_applied(cluster, upserts, removals))

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        for pause_s in self._pauses_s:
            try:
                return await work()
            except StoreUnavailable as error:
                log.warning("apply sets wait for the database: %s", error)
                await asyncio.sleep(pause_s)
        return await work()
