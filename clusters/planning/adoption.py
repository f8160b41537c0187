"""Objects that were there before us: whose they are, whether we take them, and how.

Pure.  A new object costs no question: its first apply says that nothing may be there yet (see
`Writer`).  Only where something is, it is read, and judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from clusters.fields.ownership import Entry, our_entry
from clusters.fields.projection import FieldSet, child_at
from clusters.model import BUNDLE_LABEL, FIELD_MANAGER, FLEET_LABEL, AdoptPolicy, Body

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CLIENT_SIDE = "kubectl-client-side-apply"
_BEFORE_APPLY = "before-first-apply"
_BY_HAND = frozenset({"kubectl"})
"""Managers of server-side apply that are people, and not controllers that come back."""


def is_ours(live: Body, entries: Sequence[Entry], fleet: str) -> bool:
    """Whether we applied it once, though that was forgotten (a lost database, a crash)."""
    label = _labels(live).get(FLEET_LABEL, fleet)
    return our_entry(entries) is not None and label == fleet


def refusal(policy: AdoptPolicy, live: Body, entries: Sequence[Entry], fleet: str) -> str | None:
    """Say why an object that is not ours is left alone, or None."""
    if policy is AdoptPolicy.ALWAYS:
        return None
    owner = owner_of(live, entries, fleet)
    if policy is AdoptPolicy.IF_UNOWNED and owner is None:
        return None
    managers = ", ".join(dict.fromkeys(entry.label for entry in entries)) or "nobody"
    belongs = f" and belongs to {owner}" if owner else ""
    way_out = (
        "policy.adopt: always takes it over"
        if owner
        else "policy.adopt is never; ifUnowned takes over what has no owner"
    )
    return f"it exists already, is not ours{belongs} (its fields are held by {managers}); {way_out}"


def owner_of(live: Body, entries: Sequence[Entry], fleet: str) -> str | None:
    """Who keeps this object, as its marks say; None: nobody claims it."""
    metadata = live.get("metadata") or {}
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return f"{reference.get('kind')} {reference.get('name')}"
    marks = {**_labels(live), **(metadata.get("annotations") or {})}
    for mark, where, words in _MARKS:
        if mark in marks:
            place = f"{marks[where]}/" if where in marks else ""
            return f"{words} {place}{marks[mark].partition(':')[0]}"
    if marks.get(FLEET_LABEL, fleet) != fleet:
        return f"Flotilla fleet {marks[FLEET_LABEL]}"
    for entry in entries:
        applied = entry.operation == "Apply" and not entry.subresource
        if applied and entry.manager not in _BY_HAND and entry.manager != FIELD_MANAGER:
            return f"{entry.manager}, which applies it"
    return None


_MARKS = (
    ("helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace", "Flux HelmRelease"),
    (
        "kustomize.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/namespace",
        "Flux Kustomization",
    ),
    ("argocd.argoproj.io/tracking-id", "", "Argo CD application"),
    ("argocd.argoproj.io/instance", "", "Argo CD application"),
    ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace", "Helm release"),
    ("configsync.gke.io/resource-id", "", "Config Sync"),
    ("config.k8s.io/owning-inventory", "", "inventory"),
    ("objectset.rio.cattle.io/owner-name", "objectset.rio.cattle.io/owner-namespace", "Rancher"),
    ("addonmanager.kubernetes.io/mode", "", "the addon manager, mode"),
)
"""Mark (label or annotation), the mark that says where it is, and what it is the mark of.

`app.kubernetes.io/managed-by: Helm` is none: charts write it into manifests that others apply.
"""


def handover(live: Body, api_version: str) -> list[dict[str, Any]] | None:
    """The JSON patch that makes what `kubectl apply` owned ours; None: it owned nothing.

    What kubectl applied becomes our own last apply, so that a field that is not in Git is removed
    by the first apply of ours, and one that leaves Git later goes as well.  The version that was
    read is the precondition (an optimistic lock, answered with a conflict).
    """
    metadata = live.get("metadata") or {}
    entries: list[dict[str, Any]] = metadata.get("managedFields") or []
    annotation = (metadata.get("annotations") or {}).get(LAST_APPLIED)
    ours: dict[str, Any] = {}
    kept: list[dict[str, Any]] = []
    taken = False
    for entry in entries:
        fields, rest = _split(entry, annotation)
        ours = _union(ours, fields)
        taken = taken or (bool(fields) and entry.get("manager") != FIELD_MANAGER)
        if rest:
            kept.append({**entry, "fieldsV1": rest})
    if not taken:
        return None
    entry = {
        "manager": FIELD_MANAGER,
        "operation": "Apply",
        "apiVersion": api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": _without_annotation(ours),
    }
    version = metadata.get("resourceVersion")
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, entry]},
    ]
    if annotation is not None:
        path = f"/metadata/annotations/{LAST_APPLIED.replace('/', '~1')}"
        operations.append({"op": "remove", "path": path})
    return operations


def letting_go(live: Body) -> list[dict[str, Any]]:
    """The JSON patch that takes our marks and our ownership off an object, and nothing else."""
    metadata = live.get("metadata") or {}
    others = [
        entry
        for entry in metadata.get("managedFields") or ()
        if entry.get("manager") != FIELD_MANAGER or entry.get("subresource")
    ]
    # An empty list would mean "as it was" to the server; one empty entry means "nobody".
    operations: list[dict[str, Any]] = [
        {
            "op": "replace",
            "path": "/metadata/resourceVersion",
            "value": metadata.get("resourceVersion"),
        },
        {"op": "replace", "path": "/metadata/managedFields", "value": others or [{}]},
    ]
    for label in (FLEET_LABEL, BUNDLE_LABEL):
        if label in _labels(live):
            path = f"/metadata/labels/{label.replace('/', '~1')}"
            operations.append({"op": "remove", "path": path})
    return operations


def _split(entry: Mapping[str, Any], annotation: str | None) -> tuple[FieldSet, FieldSet]:
    """What of an entry becomes ours, and what stays with its manager."""
    fields: FieldSet = entry.get("fieldsV1") or {}
    manager, operation = entry.get("manager"), entry.get("operation")
    if entry.get("subresource"):
        return {}, fields
    if operation == "Apply" and (manager in _BY_HAND or manager == FIELD_MANAGER):
        return fields, {}
    if operation == "Update" and manager == _CLIENT_SIDE:
        return fields, {}
    if operation == "Update" and manager == _BEFORE_APPLY and annotation is not None:
        return _partition(fields, _parsed(annotation))
    return {}, fields


def _parsed(annotation: str) -> Any:
    try:
        return orjson.loads(annotation)
    except orjson.JSONDecodeError:
        return None


def _partition(fields: FieldSet, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a field set into what `value` has and what it has not."""
    inside: dict[str, Any] = {}
    outside: dict[str, Any] = {}
    for key, inner in fields.items():
        found, child = (True, value) if key == "." else child_at(value, key)
        if not found:
            outside[key] = inner
        elif not inner:
            inside[key] = inner
        else:
            has, has_not = _partition(inner, child)
            inside |= {key: has} if has else {}
            outside |= {key: has_not} if has_not else {}
    if outside.keys() == {"."}:
        outside = {}
    return inside, outside


def _union(one: Mapping[str, Any], other: FieldSet) -> dict[str, Any]:
    merged = dict(one)
    for key, inner in other.items():
        merged[key] = _union(merged.get(key) or {}, inner)
    return merged


def _without_annotation(fields: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(fields.get("f:metadata") or {})
    annotations = dict(metadata.get("f:annotations") or {})
    annotations.pop(f"f:{LAST_APPLIED}", None)
    if annotations.keys() <= {"."}:
        metadata.pop("f:annotations", None)
    else:
        metadata["f:annotations"] = annotations
    rest = {key: inner for key, inner in fields.items() if key != "f:metadata"}
    return {**rest, "f:metadata": metadata} if metadata else rest


def _labels(live: Body) -> Mapping[str, str]:
    labels: Mapping[str, str] = (live.get("metadata") or {}).get("labels") or {}
    return labels
