"""What a namespace comes with, and how it goes.

A new namespace gets its `default` ServiceAccount and the cluster's root certificate; a deleted
one is emptied, and when nothing is left, released by taking away its `kubernetes` finalizer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from clusters.embedded.controllers.runtime import (
    CONTROLLER_MANAGER,
    Controller,
    own_key,
    path_to,
    with_condition,
)
from clusters.embedded.controllers.writing import create
from clusters.embedded.deleting import DeleteOptions
from clusters.embedded.kinds import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, Resource
from clusters.embedded.requests import WriteOptions
from clusters.embedded.storage import Change, Event, Stored

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

ROOT_CERTIFICATE = "kube-root-ca.crt"
_CERTIFICATE_NOTE = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nembedded\n-----END CERTIFICATE-----\n"
_DRAIN_PASS_S = 0.5
_REMAINING_CONDITIONS = (
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)  # fmt: skip  one condition a line


def reconcile(cluster: EmbeddedCluster, name: str) -> None:
    """Furnish a namespace, or empty it."""
    stored = cluster.storage.get(NAMESPACES.storage_key, name)
    if stored is None:
        return
    if b'"deletionTimestamp"' in stored.raw:
        _drain(cluster, name)
    else:
        _furnish(cluster, name)


def _furnish(cluster: EmbeddedCluster, name: str) -> None:
    if cluster.storage.get(SERVICE_ACCOUNTS.storage_key, f"{name}/default") is None:
        create(cluster, SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": name}})
    if cluster.storage.get(CONFIG_MAPS.storage_key, f"{name}/{ROOT_CERTIFICATE}") is None:
        annotations = {"kubernetes.io/description": _CERTIFICATE_NOTE}
        metadata = {"name": ROOT_CERTIFICATE, "namespace": name, "annotations": annotations}
        create(cluster, CONFIG_MAPS, {"metadata": metadata, "data": {"ca.crt": _CERTIFICATE}})


def _inside(cluster: EmbeddedCluster, namespace: str) -> Iterator[tuple[Resource, Stored]]:
    """Give every object of a namespace."""
    prefix = namespace + "/"
    for key, shelf in cluster.storage.shelves():
        resource = cluster.catalog.any_version(key)
        if resource is None or not resource.namespaced:
            continue
        for stored in list(shelf.sorted()):
            if stored.key.startswith(prefix):
                yield resource, stored


def _drain(cluster: EmbeddedCluster, name: str) -> None:
    """Delete what is inside; release the namespace when nothing is."""
    left, held = 0, 0
    for resource, stored in list(_inside(cluster, name)):
        deletion = DeleteOptions(policy="Background", grace_s=0)
        removed = cluster.deleter.delete(resource, stored, deletion).removed
        left += not removed
        held += not removed and b'"finalizers"' in stored.raw
    options = WriteOptions(manager=CONTROLLER_MANAGER)
    if not left:
        change: dict[str, object] = {"spec": {}}
        path = path_to(NAMESPACES, name, "finalize")
        cluster.objects.patch(NAMESPACES, path, lambda body: {**body, **change}, options)
        return
    cluster.runtime.wake(CONTROLLER, name, _DRAIN_PASS_S)
    _report(cluster, name, left, held)


def _report(cluster: EmbeddedCluster, name: str, left: int, held: int) -> None:
    now = cluster.now()
    path = path_to(NAMESPACES, name, "status")

    def change(body: dict[str, object]) -> dict[str, object]:
        status = dict(body.get("status") or {})  # type: ignore[call-overload]
        conditions = list(status.get("conditions") or ())
        for kind, reason, message in _REMAINING_CONDITIONS:
            ok = {"type": kind, "status": "False", "reason": reason, "message": message}
            conditions = with_condition(conditions, ok, now)
        remaining = {
            "type": "NamespaceContentRemaining",
            "status": "True",
            "reason": "SomeResourcesRemain",
            "message": f"Some resources are remaining: {left} resource instances",
        }
        conditions = with_condition(conditions, remaining, now)
        finalizers = {
            "type": "NamespaceFinalizersRemaining",
            "status": "True" if held else "False",
            "reason": "SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
            "message": (
                f"Some content in the namespace has finalizers remaining: {held} instances"
                if held
                else "All content-preserving finalizers finished"
            ),
        }
        status["conditions"] = with_condition(conditions, finalizers, now)
        return {**body, "status": status}

    cluster.objects.patch(NAMESPACES, path, change, WriteOptions(manager=CONTROLLER_MANAGER))


def _namespace_of(cluster: EmbeddedCluster, event: Event) -> Iterable[str]:
    return (event.current.namespace,) if event.change is Change.DELETED else ()


CONTROLLER = Controller(
    name="namespaces",
    reconcile=reconcile,
    watches={
        NAMESPACES.storage_key: own_key,
        SERVICE_ACCOUNTS.storage_key: _namespace_of,
        CONFIG_MAPS.storage_key: _namespace_of,
    },
    prompt=True,
)
