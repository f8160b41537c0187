"""The garbage collector: what becomes of objects whose owners go.

Keeps one index, owner to dependents, from the writes it is told of.  An object all of whose
owners are gone is deleted; the finalizers `orphan` and `foregroundDeletion` of a deleted owner are
served and taken away (Kubernetes documentation, "Owners and Dependents", "Cascading deletion").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers.runtime import (
    CONTROLLER_MANAGER,
    path_to,
)
from clusters.embedded.deleting import FOREGROUND, ORPHAN, DeleteOptions
from clusters.embedded.kinds import Resource, StorageKey
from clusters.embedded.requests import WriteOptions
from clusters.embedded.status import ApiStatus
from clusters.embedded.storage import Change, Event, Stored

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
Address = tuple[StorageKey, str]
"""Where an object is stored."""


class Collector:
    """Owners and dependents of one cluster."""

    def __init__(self, cluster: EmbeddedCluster) -> None:
        self._cluster = cluster
        self._dependents: dict[str, set[Address]] = {}

    def dependents(self, uid: str) -> Iterator[tuple[Resource, Stored]]:
        """Give the objects that name this owner."""
        for resource_key, key in sorted(self._dependents.get(uid, ())):
            stored = self._cluster.storage.get(resource_key, key)
            resource = self._cluster.catalog.any_version(resource_key)
            if stored is not None and resource is not None:
                yield resource, stored

    def notice(self, event: Event) -> None:
        """Take in a write; a listener of the store."""
        address = (event.resource, event.current.key)
        before = event.previous.owners if event.previous is not None else ()
        gone = event.change is Change.DELETED
        after = () if gone else event.current.owners
        if before or after:
            uids = [{owner["uid"] for owner in owners} for owners in (before, after)]
            self._index(address, *uids)
        if gone:
            self._owner_went(event.current)
            for owner in before:
                self._dependent_went(owner, event.current.namespace)
        elif b'"deletionTimestamp"' in event.current.raw:
            self._serve_finalizers(event)

    def _index(self, address: Address, before: set[str], after: set[str]) -> None:
        for uid in before - after:
            held = self._dependents.get(uid, set())
            held.discard(address)
            if not held:
                self._dependents.pop(uid, None)
        for uid in after - before:
            self._dependents.setdefault(uid, set()).add(address)

    def _owner_went(self, owner: Stored) -> None:
        if owner.uid in self._dependents:
            self._cluster.soon(self._collect, owner.uid)

    def _collect(self, uid: str) -> None:
        for resource, stored in list(self.dependents(uid)):
            others = [owner for owner in stored.owners if owner["uid"] != uid]
            if any(_exists(self._cluster, owner["uid"]) for owner in others):
                self._disown(resource, stored, uid)
            else:
                self._delete(resource, stored)

    def _delete(self, resource: Resource, stored: Stored) -> None:
        try:
            self._cluster.deleter.delete(resource, stored, DeleteOptions(policy="Background"))
        except ApiStatus:
            return  # protected, or changed meanwhile: its next write brings us back

    def _disown(self, resource: Resource, stored: Stored, uid: str) -> None:
        def change(body: Body) -> Body:
            metadata = dict(body["metadata"])
            kept = [owner for owner in metadata["ownerReferences"] if owner["uid"] != uid]
            metadata["ownerReferences"] = kept
            if not kept:
                del metadata["ownerReferences"]
            return {**body, "metadata": metadata}

        options = WriteOptions(manager=CONTROLLER_MANAGER)
        self._cluster.objects.patch(resource, path_to(resource, stored.key), change, options)

    def _serve_finalizers(self, event: Event) -> None:
        metadata = event.current.load()["metadata"]
        finalizers: Iterable[str] = metadata.get("finalizers") or ()
        address = (event.resource, event.current.key)
        if ORPHAN in finalizers:
            self._cluster.soon(self._orphan, address, metadata["uid"])
        elif FOREGROUND in finalizers:
            self._cluster.soon(self._foreground, address, metadata["uid"])

    def _orphan(self, address: Address, uid: str) -> None:
        for resource, stored in list(self.dependents(uid)):
            self._disown(resource, stored, uid)
        self._release(address, uid, ORPHAN)

    def _foreground(self, address: Address, uid: str) -> None:
        waiting = False
        for resource, stored in list(self.dependents(uid)):
            blocking = any(
                owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in stored.owners
            )
            if b'"deletionTimestamp"' not in stored.raw:
                options = DeleteOptions(policy="Foreground")
                self._cluster.deleter.delete(resource, stored, options)
            waiting = waiting or (
                blocking and self._cluster.storage.get(resource.storage_key, stored.key) is not None
            )
        if not waiting:
            self._release(address, uid, FOREGROUND)

    def _dependent_went(self, owner: Mapping[str, Any], namespace: str) -> None:
        for address in _addresses(self._cluster, owner, namespace):
            stored = self._cluster.storage.get(*address)
            if stored is not None and FOREGROUND.encode() in stored.raw:
                self._cluster.soon(self._foreground, address, owner["uid"])

    def _release(self, address: Address, uid: str, finalizer: str) -> None:
        stored = self._cluster.storage.get(*address)
        resource = self._cluster.catalog.any_version(address[0])
        if stored is None or resource is None or stored.uid != uid:
            return

        def change(body: Body) -> Body:
            metadata = dict(body["metadata"])
            held = metadata.get("finalizers") or ()
            metadata["finalizers"] = [entry for entry in held if entry != finalizer]
            return {**body, "metadata": metadata}

        options = WriteOptions(manager=CONTROLLER_MANAGER)
        self._cluster.objects.patch(resource, path_to(resource, stored.key), change, options)


def _exists(cluster: EmbeddedCluster, uid: str) -> bool:
    """Tell whether any object has this uid."""
    return any(
        stored.uid == uid
        for _, shelf in cluster.storage.shelves()
        for stored in shelf.objects.values()
    )


def _addresses(
    cluster: EmbeddedCluster, owner: Mapping[str, Any], namespace: str
) -> Iterator[Address]:
    """Give where an owner that a reference names may be stored."""
    group, _, _ = str(owner.get("apiVersion", "")).rpartition("/")
    wanted = (group, str(owner.get("kind")))
    for key, shelf in cluster.storage.shelves():
        resource = cluster.catalog.any_version(key)
        if resource is None or (resource.group, resource.kind) != wanted:
            continue
        name = str(owner["name"])
        address = f"{namespace}/{name}" if resource.namespaced else name
        if address in shelf.objects:
            yield key, address
