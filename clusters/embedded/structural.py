"""Custom resources: pruning, defaulting and list invariants by their structural schema.

After apiextensions-apiserver pkg/apiserver/schema (pruning, defaulting, listtype).  The rules for
values are in `value_validation`, those written in CEL in `cel`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clusters.embedded import field_errors
from clusters.embedded.conversion import Decoded, typed_form
from clusters.embedded.schema import Schema, Shape
from clusters.embedded.status import Cause
from clusters.embedded.typed import item_element

Object = Mapping[str, Any]

_ROOT: Final = ("apiVersion", "kind", "metadata")


def stored_form(body: Object, schema: Schema) -> Decoded:
    """Bring a custom object to the form in which it is stored.

    Fields that the schema does not know go (unless it preserves them), defaults come in, and
    metadata is typed as everywhere.

    Raises:
        conversion.Undecodable: metadata is of the wrong type.
    """
    unknown: list[str] = []
    content: dict[str, Any] = dict(_pruned(schema, body, "", unknown, root=True))
    metadata = schema.child("metadata")
    assert metadata is not None
    typed = typed_form({"metadata": body.get("metadata") or {}}, _MetadataSchema(metadata))
    content["metadata"] = typed.content["metadata"]
    unknown += typed.unknown
    filled: dict[str, Any] = _defaulted(schema, content)
    return Decoded(filled, unknown)


class _MetadataSchema(Schema):
    """A kind that has metadata and nothing else."""

    __slots__ = ()

    def __init__(self, metadata: Schema) -> None:
        super().__init__({"type": "object", "properties": {"metadata": {}}})
        self._children["metadata"] = metadata


def _pruned(
    schema: Schema, value: Any, path: str, unknown: list[str], *, root: bool = False
) -> Any:
    """Drop what the schema does not know, noting where it was."""
    if isinstance(value, list):
        items = schema.items if schema.shape is Shape.LIST else None
        if items is None:
            return value
        return [
            _pruned(items, item, f"{path}[{position}]", unknown)
            for position, item in enumerate(value)
        ]
    if not isinstance(value, dict) or schema.shape is not Shape.MAP:
        return value
    embedded = root or bool(schema.raw.get("x-kubernetes-embedded-resource"))
    out: dict[str, Any] = {}
    for key, item in value.items():
        below = f"{path}.{key}" if path else key
        if embedded and key in _ROOT:
            out[key] = item
        elif schema.declares(key) or "additionalProperties" in schema.raw:
            child = schema.child(key)
            if child is not None:
                out[key] = _pruned(child, item, below, unknown)
        elif schema.preserves:
            out[key] = item
        else:
            unknown.append(below)
    return out


def _defaulted(schema: Schema, value: Any) -> Any:
    """Fill in defaults; null goes where it is no value and a default is there."""
    if isinstance(value, list):
        if schema.shape is not Shape.LIST:
            return value
        return [_defaulted(schema.items, item) for item in value]
    if not isinstance(value, dict) or schema.shape is not Shape.MAP:
        return value
    out = dict(value)
    for key, raw in schema.properties.items():
        if not isinstance(raw, Mapping) or "default" not in raw:
            continue
        if key not in out or (out[key] is None and not raw.get("nullable")):
            out[key] = _copied(raw["default"])
    for key, item in out.items():
        child = schema.child(key)
        if child is not None and isinstance(item, dict | list) and not child.definition:
            out[key] = _defaulted(child, item)
    return out


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def unique_items(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Find items that a set or list map has twice."""
    if isinstance(value, dict):
        for key, item in value.items():
            child = schema.child(key) if schema.shape is Shape.MAP else None
            if child is not None and isinstance(item, dict | list) and not child.definition:
                yield from unique_items(child, item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and schema.shape is Shape.LIST:
        if not schema.atomic:
            yield from _repeated(schema, value, path)
        for position, item in enumerate(value):
            yield from unique_items(schema.items, item, f"{path}[{position}]")


def _repeated(schema: Schema, items: Sequence[Any], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for position, item in enumerate(items):
        element = item_element(schema, item)
        if element is None:
            continue
        if element in seen:
            shown = {key: item.get(key) for key in schema.keys} if schema.keys else item
            yield field_errors.duplicate(f"{path}[{position}]", shown)
        seen.add(element)
