"""Values seen through their schema: which fields they set, and whether they fit.

After structured-merge-diff's `typed` package (ToFieldSet and its validation).  How two values
differ is in `comparison`, how they merge in `merging`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clusters.embedded import gofmt
from clusters.embedded.fieldset import MEMBER, FieldSet, element_text, key_element, value_element
from clusters.embedded.schema import Scalar, Schema, Shape

ABSENT: Final = object()
"""No value at all; unlike None, which is JSON null."""

_SELF: Final = "."


class SchemaMismatch(ValueError):
    """A value does not fit its schema; the message lists every error as the server does."""

    def __init__(self, errors: Sequence[str]) -> None:
        text = errors[0] if len(errors) == 1 else "\n  ".join(("errors:", *errors))
        super().__init__(text)


class _Mismatch(Exception):
    """Raised by the fast walk; the slow walk then says what is wrong."""


def fields_of(schema: Schema, value: Mapping[str, Any], *, duplicates: bool = False) -> FieldSet:
    """Give the fields that `value` sets: its leaves, list items and explicit empties.

    Args:
        schema: of the value.
        value: an object.
        duplicates: accept several list items of one key (as stored objects may have).

    Raises:
        SchemaMismatch: the value does not fit the schema.
    """
    try:
        return _fields(schema, value, duplicates) or {}
    except _Mismatch:
        errors = list(_errors(schema, value, ""))
        raise SchemaMismatch(errors or ["value does not fit its schema"]) from None


def _fields(schema: Schema, value: Any, duplicates: bool) -> FieldSet | None:
    """Give the node of a value; None when it sets nothing (an empty associative list)."""
    shape = schema.shape
    if value is None:
        return MEMBER
    if shape is Shape.SCALAR:
        if not scalar_fits(schema, value):
            raise _Mismatch
        return MEMBER
    if shape is Shape.ANY:
        if not isinstance(value, dict):
            return MEMBER
    elif not isinstance(value, dict if shape is Shape.MAP else list):
        raise _Mismatch
    if schema.atomic:
        _check_inside(schema, value)
        return MEMBER
    if shape is Shape.LIST:
        return _list_fields(schema, value, duplicates)
    return _map_fields(schema, value, duplicates)


def _map_fields(schema: Schema, value: Mapping[str, Any], duplicates: bool) -> FieldSet | None:
    if not value:
        return MEMBER
    out: dict[str, Any] = {}
    declared = schema.properties
    for key, item in value.items():
        child = schema.child(key)
        if child is None:
            raise _Mismatch
        node = _fields(child, item, duplicates)
        if key not in declared:
            node = {_SELF: MEMBER, **node} if node else MEMBER
        if node is not None:
            out["f:" + key] = node
    return out or None


def _list_fields(schema: Schema, value: Sequence[Any], duplicates: bool) -> FieldSet | None:
    out: dict[str, Any] = {}
    items = schema.items
    repeated: set[str] = set()
    for item in value:
        element = item_element(schema, item)
        if element is None or (element in out and not duplicates):
            raise _Mismatch
        if element in out:
            repeated.add(element)
            continue
        node = _fields(items, item, duplicates)
        out[element] = {_SELF: MEMBER, **node} if node else MEMBER
    for element in repeated:
        out[element] = MEMBER
    return out or None


def _check_inside(schema: Schema, value: Any) -> None:
    """Check what lies within an atomic list or map.

    Raises:
        _Mismatch: something does not fit.
    """
    if isinstance(value, list):
        items = schema.items
        if items.shape is not Shape.ANY:
            for item in value:
                _fields(items, item, True)
        return
    for key, item in value.items():
        child = schema.child(key)
        if child is None:
            raise _Mismatch
        if child.shape is not Shape.ANY:
            _fields(child, item, True)


_PYTHON_TYPES: Final[Mapping[Scalar, tuple[type, ...]]] = {
    Scalar.STRING: (str,),
    Scalar.INTEGER: (int, float),
    Scalar.NUMBER: (int, float),
    Scalar.BOOLEAN: (bool,),
    Scalar.INT_OR_STRING: (int, str, float, bool),
    Scalar.QUANTITY: (int, str, float, bool),
}
"""What merging accepts: it knows numbers, not integers (those are checked when decoding)."""


def scalar_fits(schema: Schema, value: Any) -> bool:
    """Say whether a value that is not null may stand at a scalar field."""
    kind = schema.scalar
    assert kind is not None
    if kind is Scalar.INT_OR_STRING and not schema.definition:
        return True  # A custom kind's is untyped to merging; validation judges it.
    if type(value) is bool:
        return bool in _PYTHON_TYPES[kind]
    return isinstance(value, _PYTHON_TYPES[kind])


def item_element(schema: Schema, item: Any) -> str | None:
    """Name an item of an associative list; None if it has no name (see `_item_error`)."""
    keys = schema.keys
    if not keys:
        return None if item is None or isinstance(item, dict | list) else value_element(item)
    if not isinstance(item, dict):
        return None
    named = {}
    for key in keys:
        value = item.get(key)
        if value is None:
            value = schema.items.default_of(key)
        if value is not None:
            named[key] = value
    return key_element(named) if named else None


def _item_error(schema: Schema, item: Any) -> str:
    if schema.keys:
        if item is None:
            return "associative list with keys may not have a null element"
        if not isinstance(item, dict):
            return "associative list with keys may not have non-map elements"
        listed = " ".join(f'"{key}"' for key in schema.keys)
        return (
            f"associative list with keys has an element that omits all key fields [{listed}] "
            "(and doesn't have default values for any key fields)"
        )
    if isinstance(item, dict):
        return "associative list without keys has an element that's a map type"
    if isinstance(item, list):
        return "not supported: associative list with lists as elements"
    return "associative list without keys has an element that's an explicit null"


def _errors(schema: Schema, value: Any, path: str) -> list[str]:
    """List what does not fit, in the words of structured-merge-diff."""
    where = f"{path}: " if path else ""
    if value is None or schema.shape is Shape.ANY:
        return []
    if schema.shape is Shape.SCALAR:
        return [] if scalar_fits(schema, value) else [where + _scalar_error(schema, value)]
    if schema.shape is Shape.MAP:
        if not isinstance(value, dict):
            return [f"{where}expected map, got {gofmt.unstructured(value)}"]
        return _map_errors(schema, value, path)
    if not isinstance(value, list):
        return [f"{where}expected list, got {gofmt.unstructured(value)}"]
    return _list_errors(schema, value, path)


def _scalar_error(schema: Schema, value: Any) -> str:
    match schema.scalar:
        case Scalar.INTEGER | Scalar.NUMBER:
            return f"expected numeric (int or float), got {gofmt.type_name(value)}"
        case Scalar.STRING:
            return f"expected string, got {gofmt.unstructured_syntax(value)}"
        case Scalar.BOOLEAN:
            return f"expected boolean, got {gofmt.unstructured(value)}"
        case _:
            return f"expected any scalar, got {gofmt.unstructured(value)}"


def _map_errors(schema: Schema, value: Mapping[str, Any], path: str) -> list[str]:
    errors: list[str] = []
    for key, item in value.items():
        child = schema.child(key)
        if child is None:
            errors.append(f"{path}.{key}: field not declared in schema")
            break
        errors += _errors(child, item, f"{path}.{key}")
    return errors


def _list_errors(schema: Schema, value: Sequence[Any], path: str) -> list[str]:
    errors: list[str] = []
    seen: set[str] = set()
    where = f"{path}: " if path else ""
    for position, item in enumerate(value):
        text = f"[{position}]"
        if not schema.atomic:
            element = item_element(schema, item)
            if element is None:
                errors.append(f"{where}element {position}: {_item_error(schema, item)}")
                break
            text = element_text(element)
            if element in seen:
                errors.append(f"{where}duplicate entries for key {text}")
            seen.add(element)
        errors += _errors(schema.items, item, path + text)
    return errors


def equal(old: Any, new: Any) -> bool:
    """Compare JSON values: unlike Python, true is not 1."""
    if type(old) is not type(new) and (isinstance(old, bool) or isinstance(new, bool)):
        return False
    return bool(old == new)


def is_map(value: Any) -> bool:
    """Say whether a value is a map, null counting as an empty one."""
    return value is None or isinstance(value, dict)


def is_list(value: Any) -> bool:
    """Say whether a value is a list, null counting as an empty one."""
    return value is None or isinstance(value, list)
