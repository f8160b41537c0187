"""Custom resource definitions: established when accepted, emptied when deleted.

The part of apiextensions-apiserver's naming, establishing and finalizing controllers that clients
can see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers.runtime import (
    API_SERVER,
    Controller,
    own_key,
    path_to,
    with_condition,
)
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.crds import condition
from clusters.embedded.deleting import CRD_CLEANUP, DeleteOptions
from clusters.embedded.kinds import CRDS, StorageKey
from clusters.embedded.requests import WriteOptions

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_EMPTYING_PASS_S = 0.5


def reconcile(cluster: EmbeddedCluster, name: str) -> None:
    """Establish a definition, serve what it says now, or remove it with its objects."""
    stored = cluster.storage.get(CRDS.storage_key, name)
    if stored is None:
        cluster.catalog.custom.forget(name)
        return
    body = stored.load()
    if "deletionTimestamp" in body["metadata"]:
        _empty(cluster, body)
        return
    status = _accepted(cluster, body)
    if status != body.get("status"):
        body = write_status(cluster, CRDS, name, status, manager=API_SERVER).load()
    if condition(body, "Established") == "True":
        cluster.catalog.custom.serve(body)


def _accepted(cluster: EmbeddedCluster, body: Body) -> Body:
    spec, status = body["spec"], dict(body.get("status") or {})
    now = cluster.now()
    conditions = status.get("conditions") or []
    taken = _conflict(cluster, body)
    accepted = {
        "type": "NamesAccepted",
        "status": "False" if taken else "True",
        "reason": taken[0] if taken else "NoConflicts",
        "message": taken[1] if taken else "no conflicts found",
    }
    conditions = with_condition(conditions, accepted, now)
    was_established = condition(body, "Established") == "True"
    if taken and not was_established:
        established = ("False", "NotAccepted", "not all names are accepted")
    else:
        established = ("True", "InitialNamesAccepted", "the initial names have been accepted")
    parts = dict(zip(("status", "reason", "message"), established, strict=True))
    status["conditions"] = with_condition(conditions, {"type": "Established", **parts}, now)
    if not taken:
        status["acceptedNames"] = spec["names"]
    storing = [version["name"] for version in spec["versions"] if version.get("storage")]
    stored_before = status.get("storedVersions") or []
    status["storedVersions"] = list(dict.fromkeys([*stored_before, *storing]))
    return status


def _conflict(cluster: EmbeddedCluster, body: Body) -> tuple[str, str] | None:
    spec = body["spec"]
    wanted = spec["names"]
    for stored in cluster.storage.shelf(CRDS.storage_key).sorted():
        if stored.name == body["metadata"]["name"]:
            continue
        other = stored.load()
        if other["spec"]["group"] != spec["group"]:
            continue
        held = (other.get("status") or {}).get("acceptedNames") or {}
        for field, reason in (("plural", "PluralConflict"), ("kind", "KindConflict")):
            if held.get(field) == wanted.get(field):
                return reason, f'"{wanted[field]}" is already in use'
    return None


def _empty(cluster: EmbeddedCluster, body: Body) -> None:
    """Delete all objects of a definition, then let it go."""
    name = body["metadata"]["name"]
    key: StorageKey = (body["spec"]["group"], body["spec"]["names"]["plural"])
    resource = cluster.catalog.any_version(key)
    left = 0
    if resource is not None:
        for stored in list(cluster.storage.shelf(key).sorted()):
            deleted = cluster.deleter.delete(resource, stored, DeleteOptions(policy="Background"))
            left += not deleted.removed
    if left:
        cluster.runtime.wake(CONTROLLER, name, _EMPTYING_PASS_S)
        return
    cluster.catalog.custom.forget(name)
    cluster.end_watches(key, "the custom resource definition was deleted")

    def release(held: Body) -> Body:
        metadata = dict(held["metadata"])
        finalizers = metadata.get("finalizers") or ()
        metadata["finalizers"] = [entry for entry in finalizers if entry != CRD_CLEANUP]
        return {**held, "metadata": metadata}

    cluster.objects.patch(CRDS, path_to(CRDS, name), release, WriteOptions(manager=API_SERVER))


CONTROLLER = Controller(
    name="definitions", reconcile=reconcile, watches={CRDS.storage_key: own_key}, prompt=True
)
