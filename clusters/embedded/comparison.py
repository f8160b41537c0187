"""How two values of one schema differ, field by field.

After structured-merge-diff's `TypedValue.Compare`.  Parts that are the same object are skipped,
so that comparing an object with a merged copy of it costs what the change costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clusters.embedded.fieldset import MEMBER, FieldSet
from clusters.embedded.schema import Schema, Shape
from clusters.embedded.typed import ABSENT, equal, is_list, is_map, item_element

_SELF: Final = "."


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
    if shape is not Shape.LIST and is_map(old) and is_map(new):
        _compare_maps(schema, old or {}, new or {}, out)
        return False
    if shape is Shape.LIST and is_list(old) and is_list(new):
        _compare_lists(schema, old or (), new or (), out)
        return False
    return not equal(old, new)


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
