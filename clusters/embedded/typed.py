"""Values seen through their schema: which fields they set, how they differ, how they merge.

The four operations that server-side apply is made of, after structured-merge-diff's `typed`
package: `fields_of` (ToFieldSet, with validation), `compare`, `merge` and `remove`.  All are pure,
share unchanged parts with their input and return the very input object when nothing changed, so
that callers recognise a no-op by identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the fields from one value to the next."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet

    @property
    def is_same(self) -> bool:
        """No field differs."""
        return not (self.removed or self.modified or self.added)


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


def compare(schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """Give the fields that differ from `old` to `new`."""
    out = Comparison({}, {}, {})
    if old is not new:
        _compare(schema, old, new, out)
    return out


def whole(schema: Schema, value: Any) -> FieldSet:
    """Give the node of a value that came or went as a whole: containers count as members."""
    if isinstance(value, dict) and schema.shape is not Shape.SCALAR and not schema.atomic:
        out: dict[str, Any] = {}
        for key, item in value.items():
            child = schema.child(key)
            out["f:" + key] = MEMBER if child is None else whole(child, item)
    elif isinstance(value, list) and schema.shape is Shape.LIST and not schema.atomic:
        out = {}
        for item in value:
            element = item_element(schema, item)
            if element is not None:
                out[element] = MEMBER if element in out else whole(schema.items, item)
    else:
        return MEMBER
    return {_SELF: MEMBER, **out} if out else MEMBER


def _compare(schema: Schema, old: Any, new: Any, out: Comparison) -> bool:
    """Collect what differs below; return True if the value itself is a leaf that was modified."""
    shape = schema.shape
    if shape is Shape.SCALAR or schema.atomic:
        return not equal(old, new)
    if not old and not new:
        return not equal(old, new)
    if shape is not Shape.LIST and _is_map(old) and _is_map(new):
        _compare_maps(schema, old or {}, new or {}, out)
        return False
    if shape is Shape.LIST and _is_list(old) and _is_list(new):
        _compare_lists(schema, old or (), new or (), out)
        return False
    return not equal(old, new)


def _is_map(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, list)


def equal(old: Any, new: Any) -> bool:
    """Compare JSON values: unlike Python, true is not 1."""
    if type(old) is not type(new) and (isinstance(old, bool) or isinstance(new, bool)):
        return False
    return bool(old == new)


def _compare_maps(
    schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any], out: Comparison
) -> None:
    for key, after in new.items():
        before = old.get(key, ABSENT)
        if before is not after:
            _compare_item(schema.child(key), "f:" + key, before, after, out)
    for key, before in old.items():
        if key not in new:
            _compare_item(schema.child(key), "f:" + key, before, ABSENT, out)


def _compare_lists(schema: Schema, old: Sequence[Any], new: Sequence[Any], out: Comparison) -> None:
    befores = _by_element(schema, old)
    afters = _by_element(schema, new)
    for element, items in afters.items():
        before = befores.get(element, ())
        if len(before) <= 1 and len(items) == 1:
            _compare_item(schema.items, element, before[0] if before else ABSENT, items[0], out)
        elif before != items:
            _compare_repeated(schema, element, before, items, out)
    for element, items in befores.items():
        if element not in afters:
            gone = items[0] if len(items) == 1 else ABSENT
            _put(out.removed, element, MEMBER if gone is ABSENT else whole(schema.items, gone))


def _compare_repeated(
    schema: Schema, element: str, old: Sequence[Any], new: Sequence[Any], out: Comparison
) -> None:
    """Compare items where one key names several: repeated items are one leaf together."""
    if len(old) > 1 and len(new) > 1:
        _put(out.modified, element, MEMBER)
    elif len(new) > 1:
        if old:
            _put(out.removed, element, whole(schema.items, old[0]))
        _put(out.added, element, MEMBER)
    else:
        _put(out.added, element, whole(schema.items, new[0]))
        _put(out.removed, element, MEMBER)


def _by_element(schema: Schema, items: Sequence[Any]) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {}
    for item in items:
        element = item_element(schema, item)
        if element is not None:
            out.setdefault(element, []).append(item)
    return out


def _compare_item(schema: Schema | None, element: str, old: Any, new: Any, out: Comparison) -> None:
    if old is new or schema is None:
        return
    if old is ABSENT:
        _put(out.added, element, whole(schema, new))
    elif new is ABSENT:
        _put(out.removed, element, whole(schema, old))
    else:
        below = Comparison({}, {}, {})
        if _compare(schema, old, new, below):
            _put(out.modified, element, MEMBER)
        for target, node in (
            (out.removed, below.removed),
            (out.modified, below.modified),
            (out.added, below.added),
        ):
            if node:
                _put(target, element, node)


def _put(target: FieldSet, element: str, node: FieldSet) -> None:
    assert isinstance(target, dict)
    target[element] = node


def merge(schema: Schema, old: Any, new: Any) -> Any:
    """Lay `new` over `old`; nothing is removed, leaves of `new` win.

    Returns:
        `old` itself when that changes nothing.
    """
    shape = schema.shape
    if shape is Shape.SCALAR or schema.atomic or (not old and not new):
        return old if equal(old, new) else new
    if new is None:
        return old
    if shape is Shape.LIST and isinstance(new, list) and _is_list(old):
        return merge_lists(schema, old or [], new)
    if shape is not Shape.LIST and isinstance(new, dict) and _is_map(old):
        return _merge_maps(schema, old or {}, new)
    return old if equal(old, new) else new


def _merge_maps(schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any]) -> Any:
    changed: dict[str, Any] = {}
    for key, after in new.items():
        before = old.get(key, ABSENT)
        if before is ABSENT:
            changed[key] = after
            continue
        child = schema.child(key)
        merged = after if child is None else merge(child, before, after)
        if merged is not before:
            changed[key] = merged
    return {**old, **changed} if changed else old


def merge_lists(schema: Schema, old: list[Any], new: list[Any]) -> list[Any]:
    """Merge associative lists.

    Items keep the order of `old` where `new` says nothing else, and follow the order of `new`
    for the items that both name (structured-merge-diff, mergingWalker.visitListItems).
    """
    before = {element: item for item in old if (element := item_element(schema, item))}
    after = {element: item for item in new if (element := item_element(schema, item))}
    merged = {
        element: merge(schema.items, before[element], item) if element in before else item
        for element, item in after.items()
    }
    order = list(before), list(after)
    if len(before) == len(old):
        out = [merged.get(element, before.get(element)) for element in _zip_orders(*order)]
        unchanged = len(out) == len(old) and all(a is b for a, b in zip(out, old, strict=True))
        return old if unchanged else out
    kept = [item for item in old if item_element(schema, item) not in after]
    return kept + list(merged.values())


def _zip_orders(old: list[str], new: list[str]) -> list[str]:
    """Interleave two orders of elements so that shared ones come in the order of `new`."""
    in_old, in_new = set(old), set(new)
    shared = [element for element in new if element in in_old]
    out: list[str] = []
    done: set[str] = set()
    left = right = following = 0
    while left < len(old) or right < len(new):
        if left < len(old) and right < len(new):
            element = old[left]
            if element == new[right]:
                out.append(element)
                done.add(element)
                left, right, following = left + 1, right + 1, following + 1
                continue
            wanted = shared[following] if following < len(shared) else None
            if element in in_new and wanted is not None and wanted != element:
                left += 1
                continue
        if left < len(old):
            element = old[left]
            if element not in in_new:
                out.append(element)
                left += 1
                continue
            if element in done:
                left += 1
        if right < len(new):
            element = new[right]
            out.append(element)
            done.add(element)
            right += 1
            if following < len(shared) and shared[following] == element:
                following += 1
    return out


def remove(schema: Schema | None, value: Any, fields: FieldSet) -> Any:
    """Take `fields` out of a value; what lies below a removed field goes with it.

    A container that loses its last content becomes null, as in structured-merge-diff.
    """
    if not fields or schema is None or schema.atomic or schema.shape is Shape.SCALAR:
        return value
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, item in value.items():
            node = fields.get("f:" + key)
            if node is None:
                out[key] = item
            elif node and _SELF not in node:
                out[key] = remove(schema.child(key), item, node)
        return out or None
    if isinstance(value, list) and schema.shape is Shape.LIST:
        kept = []
        for item in value:
            node = fields.get(item_element(schema, item) or "")
            if node is None:
                kept.append(item)
            elif node and _SELF not in node:
                kept.append(remove(schema.items, item, node))
        return kept or None
    return value
