"""The horizontal autoscaler, as if load never changed: it holds its target within its bounds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers.runtime import (
    CONTROLLER_MANAGER,
    Controller,
    own_key,
    path_to,
    with_condition,
)
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.kinds import AUTOSCALERS, DEPLOYMENTS, STATEFUL_SETS, Resource
from clusters.embedded.requests import WriteOptions
from clusters.embedded.storage import Event

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_TARGETS = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFUL_SETS}


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Scale the target into bounds, and report."""
    stored = cluster.storage.get(AUTOSCALERS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    autoscaler = stored.load()
    spec = autoscaler["spec"]
    resource = _TARGETS.get(spec["scaleTargetRef"].get("kind", ""))
    target_key = f"{stored.namespace}/{spec['scaleTargetRef']['name']}"
    target = cluster.storage.get(resource.storage_key, target_key) if resource else None
    if resource is None or target is None:
        _report(cluster, key, autoscaler, None)
        return
    body = target.load()
    replicas = body["spec"].get("replicas", 1)
    wanted = min(max(replicas, spec.get("minReplicas", 1)), spec["maxReplicas"])
    if replicas and wanted != replicas:
        _scale(cluster, resource, target_key, wanted)
    current = (body.get("status") or {}).get("replicas", 0)
    _report(cluster, key, autoscaler, (current, wanted if replicas else 0))


def _scale(cluster: EmbeddedCluster, resource: Resource, key: str, wanted: int) -> None:
    cluster.objects.patch(
        resource,
        path_to(resource, key, "scale"),
        lambda body: {**body, "spec": {**body["spec"], "replicas": wanted}},
        WriteOptions(manager=CONTROLLER_MANAGER),
    )


def _report(
    cluster: EmbeddedCluster, key: str, autoscaler: Body, counts: tuple[int, int] | None
) -> None:
    before, now = autoscaler.get("status") or {}, cluster.now()
    conditions = before.get("conditions") or []
    if counts is None:
        missing = autoscaler["spec"]["scaleTargetRef"]["name"]
        text = (
            f"the HPA controller was unable to get the target's current scale: {missing} not found"
        )
        states = [("AbleToScale", "False", "FailedGetScale", text)]
    else:
        ready = "recommended size matches current size"
        active = "the HPA was able to successfully calculate a replica count"
        within = "the desired count is within the acceptable range"
        states = [
            ("AbleToScale", "True", "ReadyForNewScale", ready),
            ("ScalingActive", "True", "ValidMetricFound", active),
            ("ScalingLimited", "False", "DesiredWithinRange", within),
        ]
    for kind, status, reason, message in states:
        new = {"type": kind, "status": status, "reason": reason, "message": message}
        conditions = with_condition(conditions, new, now)
    current, wanted = counts or (0, before.get("desiredReplicas", 0))
    report = {
        "currentReplicas": current,
        "desiredReplicas": wanted,
        "currentMetrics": before.get("currentMetrics"),
        "conditions": conditions,
    }
    write_status(cluster, AUTOSCALERS, key, {k: v for k, v in report.items() if v is not None})


def _scalers_of(kind: str) -> Any:
    def keys(cluster: EmbeddedCluster, event: Event) -> Iterable[str]:
        for stored in cluster.storage.shelf(AUTOSCALERS.storage_key).sorted():
            if stored.namespace != event.current.namespace:
                continue
            target = stored.load()["spec"]["scaleTargetRef"]
            if (target.get("kind"), target.get("name")) == (kind, event.current.name):
                yield stored.key

    return keys


CONTROLLER = Controller(
    name="autoscalers",
    reconcile=reconcile,
    watches={
        AUTOSCALERS.storage_key: own_key,
        DEPLOYMENTS.storage_key: _scalers_of("Deployment"),
        STATEFUL_SETS.storage_key: _scalers_of("StatefulSet"),
    },
)
