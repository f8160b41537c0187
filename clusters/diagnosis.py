"""Why a workload does not become ready: its Pods say so.

A controller's status counts replicas and gives no reason until its deadline, ten minutes by
default.  So for workloads that stay on their way for a while, the Pods behind them are listed (one
request for each such workload); one whose container is stuck makes the workload Degraded, and says
why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any

from clusters.client.api import ClusterApi
from clusters.client.discovery import Resource
from clusters.client.wire import decode_object
from clusters.errors import ClusterError, Unauthorized, Unreachable
from clusters.health import health_of
from clusters.model import GroupKind, Health, Manifest, ObjectRef
from clusters.records import Record

PATIENCE_S = 5.0
"""How long a workload may be on its way before anybody asks why, and between two questions."""
PODS_MAX = 20
_POD = GroupKind("", "Pod")
_WORKLOADS = frozenset(
    {
        GroupKind("apps", "Deployment"),
        GroupKind("apps", "StatefulSet"),
        GroupKind("apps", "DaemonSet"),
        GroupKind("batch", "Job"),
    }
)


class Diagnosis:
    """Watches workloads that are on their way, on one cluster."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self._since: dict[ObjectRef, float] = {}
        self.due_at: float | None = None
        """When to look next (monotonic seconds); None: nothing is on its way."""

    async def look(
        self, records: Iterable[Record], wanted: Callable[[], Mapping[ObjectRef, Manifest]]
    ) -> list[Record]:
        """Ask about the workloads whose time has come; return those of which it is news.

        Sets `stuck` of a record: why it will not become ready by itself, or empty.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        now = monotonic()
        slow = [record for record in records if _on_its_way(record)]
        if not slow:
            self._since, self.due_at = {}, None
            return []
        manifests = wanted()
        since = {record.ref: self._since.get(record.ref, now) for record in slow}
        due = [r for r in slow if now - since[r.ref] >= PATIENCE_S and r.ref in manifests]
        self._since = {**since, **{record.ref: now for record in due}}
        self.due_at = min(self._since.values()) + PATIENCE_S if self._since else None
        words = await asyncio.gather(*(self._ask(r, manifests[r.ref]) for r in due))
        news = []
        for record, stuck in zip(due, words, strict=True):
            if stuck != record.stuck:
                record.stuck = stuck
                news.append(record)
        return news

    async def _ask(self, record: Record, manifest: Manifest) -> str:
        selector = _selector(manifest.content)
        if not selector:
            return ""
        resource = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True)
        try:
            reply = await self._api.transport.send(
                "GET",
                resource.collection_path(record.ref.namespace),
                params={"labelSelector": selector, "limit": str(PODS_MAX)},
            )
        except (Unreachable, Unauthorized):
            raise
        except ClusterError:
            return ""  # we may not look at Pods here: the workload's own status must do
        for pod in decode_object(reply.body).get("items") or ():
            result = health_of(_POD, pod)
            if result.health is Health.DEGRADED:
                return f"pod {(pod.get('metadata') or {}).get('name', '')}: {result.message}"
        return ""


def _on_its_way(record: Record) -> bool:
    return (
        record.health in (Health.PROGRESSING, Health.DEGRADED)
        and record.applied.confirmed
        and record.present
        and record.ref.group_kind in _WORKLOADS
    )


def _selector(content: Mapping[str, Any]) -> str:
    spec = content.get("spec") or {}
    labels = (spec.get("selector") or {}).get("matchLabels")
    if labels is None:
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
