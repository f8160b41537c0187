"""Versions of built-in kinds that differ in more than their name: autoscaling/v1 and v2.

Objects are stored in the preferred version and converted when another is asked for.  What v1
cannot say (metrics other than processor use, behaviour) is left out of it.  Custom kinds have
one form in all versions (conversion strategy None).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusters.embedded.kinds import AUTOSCALERS, Resource

Body = dict[str, Any]
_V1_STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def convert(resource: Resource, body: Body) -> Body:
    """Bring an object to a version of its resource; the one it is in is left as it is."""
    if body["apiVersion"] == resource.api_version:
        return body
    if resource.storage_key == AUTOSCALERS.storage_key:
        body = _to_v1(body) if resource.version == "v1" else _to_v2(body)
    return {**body, "apiVersion": resource.api_version}


def stored_version(resource: Resource, body: Body) -> Body:
    """Bring an object to the version in which its resource is stored."""
    if resource.storage_key == AUTOSCALERS.storage_key:
        return convert(AUTOSCALERS, body)
    return body


def _to_v2(body: Body) -> Body:
    spec = dict(body.get("spec") or {})
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    if percentage and not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": percentage}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**body, "spec": spec}


def _percentage(metrics: Any) -> int | None:
    for metric in metrics or ():
        held = metric.get("resource") if isinstance(metric, Mapping) else None
        if metric.get("type") == "Resource" and held and held.get("name") == "cpu":
            found: int | None = (held.get("target") or {}).get("averageUtilization")
            return found
    return None


def _to_v1(body: Body) -> Body:
    spec = dict(body.get("spec") or {})
    percentage = _percentage(spec.pop("metrics", None))
    spec.pop("behavior", None)
    if percentage:
        spec["targetCPUUtilizationPercentage"] = percentage
    status = body.get("status") or {}
    return {
        **body,
        "spec": spec,
        "status": {name: status[name] for name in _V1_STATUS if name in status},
    }
