"""Whether a custom object may be stored: metadata, values, lists, and rules in CEL.

The order is that of apiextensions-apiserver's registry strategy; rules in CEL are only asked
about an object that is sound enough for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clusters.embedded import (
    cel,
    names,
    status,
    structural,
    validation_metadata,
    value_validation,
)
from clusters.embedded.schema import Schema
from clusters.embedded.status import Cause

Object = Mapping[str, Any]

_BLOCKING: Final = (status.REQUIRED, status.TOO_LONG, status.TOO_MANY, status.TYPE_INVALID)
_UNASKED: Final = Cause(
    status.INVALID,
    'Invalid value: "null": some validation rules were not checked because the object was '
    "invalid; correct the existing errors to complete validation",
    "<nil>",
)


def validate_create(content: Object, *, schema: Schema, namespaced: bool) -> list[Cause]:
    """Give everything that is wrong with a new custom object."""
    metadata = content.get("metadata") or {}
    causes = [
        *validation_metadata.created(metadata, names.dns_subdomain, namespaced=namespaced),
        *value_validation.validate(schema, content),
        *structural.unique_items(schema, content),
    ]
    return causes + _rules(schema, content, None, causes)


def validate_update(new: Object, old: Object, *, schema: Schema) -> list[Cause]:
    """Give everything that is wrong with a changed custom object, and with the change."""
    causes = [
        *validation_metadata.updated(new.get("metadata") or {}, old.get("metadata") or {}),
        *value_validation.validate(schema, new, old),
        *structural.unique_items(schema, new),
    ]
    return causes + _rules(schema, new, old, causes)


def _rules(schema: Schema, content: Object, old: Object | None, causes: list[Cause]) -> list[Cause]:
    if cel.compiled(schema) is None:
        return []
    if any(cause.reason in _BLOCKING for cause in causes):
        return [_UNASKED]
    return list(cel.validate(schema, content, old))
