"""Why an object does not become ready: its Pods, or its storage class, say so.

A controller's status counts replicas and gives no reason until its deadline, ten minutes by
default.  So for workloads that stay on their way for a while, the Pods behind them are listed (one
request for each such workload): one whose container is stuck makes the workload Degraded, one that
finds no node is named.  A claim that stays unbound may just wait for the first Pod that uses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any, NamedTuple

from clusters.client.api import ClusterApi
from clusters.client.discovery import Resource
from clusters.client.wire import decode_object
from clusters.errors import ClusterError, Unauthorized, Unreachable
from clusters.health.kinds import HealthResult, health_of, is_unschedulable
from clusters.model import GroupKind, Health, Manifest, ObjectRef
from clusters.records import UNFINISHED, Record

PATIENCE_S = 5.0
"""How long a workload may be on its way before anybody asks why."""
PATIENCE_MAX_S = 60.0
"""How long between two questions at most: twice as long each time, while the answer is the same."""
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
_CLAIM = GroupKind("", "PersistentVolumeClaim")
_PODS = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True)
_CLAIMS = Resource(
    group="", version="v1", kind=_CLAIM.kind, plural="persistentvolumeclaims", namespaced=True
)
_CLASSES = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    namespaced=False,
)
_WAITS = HealthResult(Health.HEALTHY, "waits for the first Pod that uses it, as its class says")


class _Ask(NamedTuple):
    """When a workload is asked about next (monotonic seconds), and how long after before."""

    at: float
    patience_s: float


class Diagnosis:
    """Watches workloads that are on their way, on one cluster."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self._asks: dict[ObjectRef, _Ask] = {}
        self.due_at: float | None = None
        """When to look next (monotonic seconds); None: nothing is on its way."""

    async def look(
        self, records: Iterable[Record], wanted: Callable[[], Mapping[ObjectRef, Manifest]]
    ) -> list[Record]:
        """Ask about the workloads whose time has come; return those of which it is news.

        Sets `diagnosis` of a record: what was found out, or None.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        now = monotonic()
        slow = [record for record in records if _on_its_way(record)]
        manifests = wanted() if slow else {}
        slow = [record for record in slow if record.ref in manifests]
        first = _Ask(now + PATIENCE_S, PATIENCE_S)
        self._asks = {record.ref: self._asks.get(record.ref, first) for record in slow}
        due = [record for record in slow if now >= self._asks[record.ref].at]
        for record in due:
            patience_s = min(2 * self._asks[record.ref].patience_s, PATIENCE_MAX_S)
            self._asks[record.ref] = _Ask(now + patience_s, patience_s)
        self.due_at = min((ask.at for ask in self._asks.values()), default=None)
        answers = await asyncio.gather(*(self._ask(r, manifests[r.ref]) for r in due))
        news = []
        for record, found in zip(due, answers, strict=True):
            # It may have become ready, or may be gone, while it was asked about.
            if found != record.diagnosis and _on_its_way(record):
                record.diagnosis = found
                news.append(record)
                self._asks.pop(record.ref, None)
        return news

    async def _ask(self, record: Record, manifest: Manifest) -> HealthResult | None:
        try:
            if record.ref.group_kind == _CLAIM:
                return await self._ask_class(record)
            return await self._ask_pods(record, manifest)
        except (Unreachable, Unauthorized):
            raise
        except ClusterError:
            return None  # we may not look there: the object's own status must do

    async def _ask_pods(self, record: Record, manifest: Manifest) -> HealthResult | None:
        selector = _selector(manifest.content)
        if not selector:
            return None
        reply = await self._api.transport.send(
            "GET",
            _PODS.collection_path(record.ref.namespace),
            params={"labelSelector": selector, "limit": str(PODS_MAX)},
        )
        homeless = None
        for pod in decode_object(reply.body).get("items") or ():
            name = (pod.get("metadata") or {}).get("name", "")
            result = health_of(_POD, pod)
            if result.health is Health.DEGRADED:
                return HealthResult(Health.DEGRADED, f"pod {name}: {result.message}")
            if homeless is None and is_unschedulable(pod):
                homeless = HealthResult(Health.PROGRESSING, f"pod {name}: {result.message}")
        return homeless

    async def _ask_class(self, record: Record) -> HealthResult | None:
        claim = await self._api.get(_CLAIMS, record.ref)
        spec = claim.content().get("spec") or {} if claim else {}
        name = spec.get("storageClassName")
        if not name or spec.get("volumeName"):
            return None
        found = await self._api.get(_CLASSES, ObjectRef("storage.k8s.io", "StorageClass", "", name))
        mode = found.content().get("volumeBindingMode") if found else None
        return _WAITS if mode == "WaitForFirstConsumer" else None


def _on_its_way(record: Record) -> bool:
    return (
        record.stated is not None
        and record.stated.health in UNFINISHED
        and record.applied.confirmed
        and record.present
        and (record.ref.group_kind in _WORKLOADS or record.ref.group_kind == _CLAIM)
    )


def _selector(content: Mapping[str, Any]) -> str:
    spec = content.get("spec") or {}
    labels = (spec.get("selector") or {}).get("matchLabels")
    if labels is None:
        labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
