"""The annotation of client-side `kubectl apply`, as server-side apply treats it.

Only for the manager named `kubectl` (apimachinery lastAppliedManager and lastAppliedUpdater): what
it applied client-side before does not conflict, and an existing annotation is kept up to date, so
that a cluster can be moved from one kind of apply to the other, and back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from clusters.embedded import fieldset, typed
from clusters.embedded.comparison import compare
from clusters.embedded.fieldset import FieldSet
from clusters.embedded.managers import ManagerId
from clusters.embedded.schema import Schema

ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
_MANAGER: Final = "kubectl"


def _annotation(content: Mapping[str, Any]) -> str:
    annotations = (content.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(ANNOTATION) or "")


def forgive(
    lost: Mapping[ManagerId, FieldSet],
    *,
    live: Mapping[str, Any],
    manager: str,
    schema: Schema,
) -> dict[ManagerId, FieldSet]:
    """Drop conflicts about fields that still are as kubectl applied them client-side."""
    if manager != _MANAGER:
        return dict(lost)
    allowed = _still_applied(live, schema)
    left = {identity: fieldset.difference(fields, allowed) for identity, fields in lost.items()}
    return {identity: fields for identity, fields in left.items() if fields}


def _still_applied(live: Mapping[str, Any], schema: Schema) -> FieldSet:
    try:
        applied = orjson.loads(_annotation(live))
        if applied.get("apiVersion") != live.get("apiVersion"):
            return {}
        fields = typed.fields_of(schema, applied)
        comparison = compare(schema, applied, live)
    except (ValueError, AttributeError):
        return {}
    for changed in (comparison.modified, comparison.added, comparison.removed):
        fields = fieldset.difference(fields, changed)
    return fields


def refreshed(content: Mapping[str, Any], applied: Mapping[str, Any], manager: str) -> Any:
    """Bring the annotation of the merged object up to date, if kubectl applied and it is there."""
    if manager != _MANAGER or not _annotation(content):
        return content
    metadata = dict(applied.get("metadata") or {})
    if metadata.get("annotations"):
        metadata["annotations"] = {
            key: value for key, value in metadata["annotations"].items() if key != ANNOTATION
        }
    text = orjson.dumps({**applied, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode()
    annotations = {**content["metadata"]["annotations"], ANNOTATION: text + "\n"}
    return {**content, "metadata": {**content["metadata"], "annotations": annotations}}
