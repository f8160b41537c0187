"""How controllers write: past decoding and judgement, with ownership as the real ones leave it.

What a controller makes is well-formed by construction, and a cluster writes a dozen objects for
every workload applied to it; these paths are what keeps an embedded cluster cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clusters.embedded import ownership
from clusters.embedded.comparison import whole
from clusters.embedded.controllers.runtime import CONTROLLER_MANAGER
from clusters.embedded.kinds import Resource
from clusters.embedded.requests import ResourcePath, WriteOptions
from clusters.embedded.shaping import Source
from clusters.embedded.status import not_found
from clusters.embedded.storage import Stored

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]


def create(
    cluster: EmbeddedCluster, resource: Resource, body: Body, *, manager: str = CONTROLLER_MANAGER
) -> Stored:
    """Create an object as a controller does.

    Raises:
        ApiStatus: it is there already, or its namespace is going away.
    """
    path = ResourcePath(
        group=resource.group,
        version=resource.version,
        namespace=body["metadata"].get("namespace", ""),
        plural=resource.plural,
    )
    options = WriteOptions(manager=manager)
    return cluster.objects.create(resource, path, body, options, source=Source.OWN).stored


def write_status(
    cluster: EmbeddedCluster,
    resource: Resource,
    key: str,
    status: Mapping[str, Any],
    *,
    manager: str = CONTROLLER_MANAGER,
    annotations: Mapping[str, str] | None = None,
) -> Stored:
    """Set the status of an object as a controller does, and annotations that go with it.

    Raises:
        ApiStatus: 404, it is gone.
    """
    stored = cluster.storage.get(resource.storage_key, key)
    if stored is None:
        raise not_found(resource.plural, key.rpartition("/")[2], group=resource.group)
    body = stored.load()
    metadata = body["metadata"]
    held = metadata.get("annotations") or {}
    annotated = {**held, **annotations} if annotations else held
    if body.get("status") == status and annotated == held:
        return stored
    old = {**body, "metadata": dict(metadata)}
    body["status"] = status
    if annotated:
        metadata["annotations"] = annotated
    entries = _entries(cluster, resource, old, body, manager, annotations or {})
    if entries:
        metadata["managedFields"] = entries
    return cluster.storage.put(resource.storage_key, key, body)


def _entries(
    cluster: EmbeddedCluster,
    resource: Resource,
    old: Body,
    new: Body,
    manager: str,
    annotations: Mapping[str, str],
) -> list[Body]:
    """Give the managedFields after a write of the whole status."""
    entries: list[Body] = old["metadata"].get("managedFields") or []
    schema = cluster.catalog.schema_of(resource)
    others = [
        entry
        for entry in entries
        if entry.get("subresource") != "status" or entry["manager"] != manager
    ]
    if any(entry.get("subresource") == "status" for entry in others):
        tracked = ownership.track_update(
            old,
            new,
            manager=manager,
            schema=schema,
            subresource="status",
            now=cluster.now(),
            api_version=resource.api_version,
        )
        found: list[Body] = tracked["metadata"].get("managedFields") or []
        return found
    if not entries and old["metadata"].get("resourceVersion") and not resource.has("status"):
        return entries
    fields: Body = {}
    if annotations:
        names: Body = {f"f:{name}": {} for name in sorted(annotations)}
        fields["f:metadata"] = {"f:annotations": {".": {}, **names}}
    below = schema.child("status")
    fields["f:status"] = whole(below, new["status"]) if below is not None else {}
    mine = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": resource.api_version,
        "time": cluster.now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "subresource": "status",
    }
    return [*others, mine]
