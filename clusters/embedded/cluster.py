"""One embedded cluster: its storage, kinds, writers, controllers and counters, put together.

Holds no rule of its own; it is what the parts know each other by.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clusters.embedded import kinds
from clusters.embedded.access import User
from clusters.embedded.controllers import CONTROLLERS
from clusters.embedded.controllers.collector import Address, Collector
from clusters.embedded.controllers.runtime import Runtime, Timing
from clusters.embedded.crds import CustomResources
from clusters.embedded.deleting import Deleter
from clusters.embedded.faults import Faults, Trouble
from clusters.embedded.kinds import BUILT_IN, NAMESPACES, Resource, StorageKey
from clusters.embedded.objects import Objects
from clusters.embedded.requests import ResourcePath, WriteOptions
from clusters.embedded.schema import ANYTHING, Schema, Schemas
from clusters.embedded.seeds import seeds
from clusters.embedded.status import ApiStatus, gone
from clusters.embedded.storage import Storage, Stored
from clusters.embedded.watching import Watch

_log = logging.getLogger(__name__)

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_PREFERRED: Mapping[StorageKey, Resource] = {
    resource.storage_key: resource for resource in reversed(tuple(BUILT_IN.values()))
}


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
        self.watches: set[Watch] = set()
        self.trouble = Trouble()
        self._unhung = asyncio.Event()
        self._timing = timing or Timing()
        self._schemas = Schemas()
        self._start()

    def _start(self) -> None:
        self.storage = Storage()
        self.custom = CustomResources(self._schemas)
        self.objects = Objects(self.storage, schema_of=self.schema_of, now=self.now)
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

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """Find a served resource."""
        found = BUILT_IN.get((group, version, plural))
        if found is None:
            served = self.custom.find(group, version, plural)
            found = served.resource if served is not None else None
        return found

    def any_version(self, key: StorageKey) -> Resource | None:
        """Find the resource whose objects are stored here, in its preferred version."""
        found = _PREFERRED.get(key)
        if found is not None:
            return found
        for version in self.custom.groups.get(key[0], ()):
            served = self.custom.find(key[0], version, key[1])
            if served is not None:
                return served.resource
        return None

    def groups(self) -> Mapping[str, Sequence[str]]:
        """Give the served groups with their versions, the preferred one first."""
        return {**kinds.GROUP_VERSIONS, **self.custom.groups}

    def serves(self, group: str, version: str) -> bool:
        """Tell whether a group version is served at all."""
        served = kinds.GROUP_VERSIONS.get(group) or self.custom.groups.get(group, ())
        return version in served

    def resources(self, group: str, version: str) -> Sequence[Resource]:
        """Give the resources of one group version."""
        own = [row for row in BUILT_IN.values() if (row.group, row.version) == (group, version)]
        return own or self.custom.resources(group, version)

    def schema_of(self, resource: Resource) -> Schema:
        """Give the schema of a kind."""
        if resource.custom:
            return self.custom.of(resource).schema
        found = self._schemas.builtin(resource.group, resource.version, resource.kind)
        return found or ANYTHING

    def inside(self, namespace: str) -> Iterator[tuple[Resource, Stored]]:
        """Give every object of a namespace."""
        prefix = namespace + "/"
        for key, shelf in self.storage.shelves():
            resource = self.any_version(key)
            if resource is None or not resource.namespaced:
                continue
            for stored in list(shelf.sorted()):
                if stored.key.startswith(prefix):
                    yield resource, stored

    def holds_uid(self, uid: str) -> bool:
        """Tell whether any object has this uid."""
        return any(
            stored.uid == uid
            for _, shelf in self.storage.shelves()
            for stored in shelf.objects.values()
        )

    def addresses_of(
        self, group: str, kind: str, owner: Mapping[str, Any], namespace: str
    ) -> Iterator[Address]:
        """Give where an owner that a reference names may be stored."""
        for key, shelf in self.storage.shelves():
            resource = self.any_version(key)
            if resource is None or (resource.group, resource.kind) != (group, kind):
                continue
            name = str(owner["name"])
            address = f"{namespace}/{name}" if resource.namespaced else name
            if address in shelf.objects:
                yield key, address

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
