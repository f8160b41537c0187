"""One embedded cluster: its storage, kinds, writers, controllers and counters, put together.

Holds no rule of its own; it is what the parts know each other by.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from clusters.embedded.access import User
from clusters.embedded.catalog import Catalog
from clusters.embedded.controllers import CONTROLLERS
from clusters.embedded.controllers.collector import Collector
from clusters.embedded.controllers.runtime import Runtime, Timing
from clusters.embedded.deleting import Deleter
from clusters.embedded.faults import Faults, Trouble
from clusters.embedded.kinds import NAMESPACES, StorageKey
from clusters.embedded.objects import Objects
from clusters.embedded.requests import ResourcePath, WriteOptions
from clusters.embedded.seeds import seeds
from clusters.embedded.status import ApiStatus, gone
from clusters.embedded.storage import Storage
from clusters.embedded.watching import Watch

_log = logging.getLogger(__name__)

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class EmbeddedCluster:
    """One full API, as far as it is not HTTP."""

    def __init__(
        self,
        name: str,
        *,
        tokens: Mapping[str, User],
        timing: Timing | None = None,
    ) -> None:
        self.name = name
        self.tokens = dict(tokens)
        self.request_counts: Counter[str] = Counter()
        self.received = 0
        """Requests that arrived, whatever became of them."""
        self.namespace_counts: Counter[tuple[str, str]] = Counter()
        """Requests by the namespace that they are about, and their verb."""
        self.watches: set[Watch] = set()
        self.trouble = Trouble()
        self._unhung = asyncio.Event()
        self._timing = timing or Timing()
        self._start()

    def _start(self) -> None:
        self.storage = Storage()
        self.catalog = Catalog()
        self.objects = Objects(self.storage, schema_of=self.catalog.schema_of, now=self.now)
        self.deleter = Deleter(self.storage, now=self.now)
        self.collector = Collector(self)
        self.runtime = Runtime(self, CONTROLLERS, self._timing)
        self.storage.listeners += [self.collector.notice, self.runtime.notice]
        self._bootstrap()

    def set_faults(self, faults: Faults) -> None:
        """Let this be wrong from now on."""
        self.trouble.set(faults)
        if faults.stopped:
            self.cut_watches()
        if not faults.hang:
            self._unhung.set()
            self._unhung = asyncio.Event()

    async def until_unhung(self) -> None:
        """Wait for as long as the cluster hangs."""
        await self._unhung.wait()

    def cut_watches(self) -> None:
        """Cut every open watch, as a connection that breaks."""
        for watch in tuple(self.watches):
            watch.stop(cut=True)

    def wipe(self) -> None:
        """Lose all data, as a cluster whose etcd was replaced; it begins anew."""
        self.cut_watches()
        self.close()
        self._start()

    def close(self) -> None:
        """Let nothing happen any more by itself."""
        self.runtime.close()
        self._unhung.set()

    def now(self) -> str:
        """Give the time as objects carry it."""
        return self.time().strftime("%Y-%m-%dT%H:%M:%SZ")

    def time(self) -> datetime:
        """Give the time."""
        return datetime.now(UTC)

    def soon(self, act: Callable[..., None], *args: Any) -> None:
        """Do something after the write that is under way."""

        def attempt() -> None:
            try:
                act(*args)
            except ApiStatus as refused:
                _log.info("%s: a controller was refused: %s", self.name, refused.message)

        asyncio.get_running_loop().call_soon(attempt)

    def end_watches(self, key: StorageKey, why: str) -> None:
        """End the watches of a resource that is no longer served."""
        for watch in tuple(self.watches):
            if watch.resource.storage_key == key:
                watch.fail(gone(why))

    def _bootstrap(self) -> None:
        for resource, stored in seeds():
            self.storage.seed(resource.storage_key, stored)
        options = WriteOptions(manager="kube-apiserver")
        for name in SYSTEM_NAMESPACES:
            path = ResourcePath(group="", version="v1", plural="namespaces", name=name)
            self.objects.create(NAMESPACES, path, {"metadata": {"name": name}}, options)
