"""Pods and their owners: what all workload controllers share.

Making a Pod of a template, finding the Pods of an owner, and judging them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from clusters.embedded.controllers.runtime import owner_reference
from clusters.embedded.controllers.writing import create
from clusters.embedded.deleting import DeleteOptions
from clusters.embedded.kinds import PODS, Resource
from clusters.embedded.storage import Event, Stored

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Letters of generated names: no vowels, no word comes out."""


def template_hash(template: Mapping[str, Any]) -> str:
    """Name a pod template by its content, ten letters long as the real hash."""
    plain = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    drawn = hashlib.blake2b(plain, digest_size=10).digest()
    return "".join(_SAFE[byte % len(_SAFE)] for byte in drawn)


def owner_key(kind: str) -> Any:
    """Wake the controlling owner, of this kind, of the object that an event is about."""

    def keys(cluster: EmbeddedCluster, event: Event) -> Iterable[str]:
        for owner in event.current.owners:
            if owner.get("controller") and owner["kind"] == kind:
                yield f"{event.current.namespace}/{owner['name']}"

    return keys


def owned(cluster: EmbeddedCluster, owner: Mapping[str, Any], kind: Resource) -> list[Stored]:
    """Give the objects of a kind that this owner controls, marked for deletion or not."""
    return [
        stored
        for resource, stored in cluster.collector.dependents(owner["metadata"]["uid"])
        if resource.storage_key == kind.storage_key
    ]


def make_pod(
    cluster: EmbeddedCluster,
    resource: Resource,
    owner: Mapping[str, Any],
    template: Mapping[str, Any],
    *,
    name: str = "",
    node: str = "",
    labels: Mapping[str, str] | None = None,
) -> Stored:
    """Create a Pod of a template, owned by `owner`, whose resource is given."""
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    metadata["namespace"] = owner["metadata"]["namespace"]
    metadata["ownerReferences"] = [owner_reference(resource, owner)]
    if labels:
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    if name:
        metadata["name"] = name
    else:
        metadata["generateName"] = f"{owner['metadata']['name']}-"
    spec = dict(template["spec"])
    account = spec.get("serviceAccountName") or "default"
    spec |= {"serviceAccountName": account, "serviceAccount": account}
    if node:
        spec["nodeName"] = node
    return create(cluster, PODS, {"metadata": metadata, "spec": spec})


def remove_pod(cluster: EmbeddedCluster, stored: Stored) -> None:
    """Delete a Pod, with its grace."""
    if b'"deletionTimestamp"' not in stored.raw:
        cluster.deleter.delete(PODS, stored, DeleteOptions(policy="Background"))


def is_active(pod: Mapping[str, Any]) -> bool:
    """Tell whether a Pod counts: neither finished nor going."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]


def ready_since(pod: Mapping[str, Any]) -> datetime | None:
    """Give since when a Pod is ready; None if it is not."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "Ready" and condition.get("status") == "True":
            return parse_time(condition.get("lastTransitionTime", ""))
    return None


def parse_time(text: str) -> datetime:
    """Read a time as objects carry it."""
    return datetime.fromisoformat(text)


def count_available(
    pods: Sequence[Mapping[str, Any]], min_ready_s: int, now: datetime
) -> tuple[int, float]:
    """Count ready Pods that stayed so long enough; and seconds until the next one has, or 0."""
    available, wait_s = 0, 0.0
    for pod in pods:
        since = ready_since(pod)
        if since is None:
            continue
        left_s = min_ready_s - (now - since).total_seconds() if min_ready_s else 0.0
        if left_s <= 0:
            available += 1
        else:
            wait_s = min(wait_s, left_s) if wait_s else left_s
    return available, wait_s


def scaled(value: int | str | None, total: int, *, up: bool) -> int:
    """Read a number or percentage of Pods (intstr.GetScaledValueFromIntOrPercent)."""
    if isinstance(value, int):
        return value
    share = (value or "").removesuffix("%")
    if not share.isdigit():
        return 0
    parts = int(share) * total
    return -(-parts // 100) if up else parts // 100
