"""The scale subresource: one view of how many, on everything that has replicas.

A `Scale` is made from its object and written back to it; fields written so belong to the
manager's entry for the subresource `scale`.  Custom kinds say in their definition where the
numbers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusters.embedded.status import Cause, bad_request, invalid

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where an object keeps its numbers, as dotted paths."""

    replicas: str = "spec.replicas"
    observed: str = "status.replicas"
    selector: str = ""


BUILT_IN = ScalePaths()


def custom_paths(scale: Mapping[str, str]) -> ScalePaths:
    """Read the paths of a definition's scale subresource."""
    return ScalePaths(
        replicas=scale.get("specReplicasPath", "").removeprefix("."),
        observed=scale.get("statusReplicasPath", "").removeprefix("."),
        selector=scale.get("labelSelectorPath", "").removeprefix("."),
    )


def _at(body: Mapping[str, Any], path: str) -> Any:
    value: Any = body
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _selector_text(selector: Mapping[str, Any]) -> str:
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or ():
        key, values = term["key"], ",".join(sorted(term.get("values") or ()))
        match term["operator"]:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
    return ",".join(terms)


def scale_of(body: Mapping[str, Any], paths: ScalePaths) -> Body:
    """Make the Scale of an object."""
    metadata = body["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    if paths.selector:
        selector = _at(body, paths.selector) or ""
    else:
        held = _at(body, "spec.selector") or {}
        plain = not {"matchLabels", "matchExpressions"} & held.keys()
        selector = _selector_text({"matchLabels": held} if plain else held)
    status: Body = {"replicas": _at(body, paths.observed) or 0}
    if selector:
        status["selector"] = selector
    replicas = _at(body, paths.replicas)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def with_scale(body: Body, scale: Body, paths: ScalePaths) -> Body:
    """Write a Scale back to its object.

    Raises:
        ApiStatus: 400 or 422 for what is no number of replicas.
    """
    spec = scale.get("spec") or {}
    if not isinstance(spec, Mapping):
        raise bad_request("json: cannot unmarshal into Go struct field Scale.spec")
    replicas = spec.get("replicas", 0) or 0
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise bad_request(
            "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        cause = Cause("FieldValueInvalid", why, "spec.replicas")
        raise invalid("Scale", body["metadata"]["name"], [cause], group="autoscaling")
    out = {**body, "metadata": dict(body["metadata"])}
    revision = (scale.get("metadata") or {}).get("resourceVersion")
    if revision:
        out["metadata"]["resourceVersion"] = revision
    holder = out
    *parents, last = paths.replicas.split(".")
    for step in parents:
        holder[step] = dict(holder.get(step) or {})
        holder = holder[step]
    holder[last] = replicas
    return out
