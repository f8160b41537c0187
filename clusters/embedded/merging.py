"""Laying one value over another, and taking fields out of a value, by their schema.

After structured-merge-diff's `TypedValue.Merge` and `RemoveItems`.  Unchanged parts are shared
with the input, and the input itself is returned when nothing changes, so that callers recognise a
no-op by identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clusters.embedded.fieldset import FieldSet
from clusters.embedded.schema import Schema, Shape
from clusters.embedded.typed import ABSENT, equal, is_list, is_map, item_element

_SELF: Final = "."


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
    if shape is Shape.LIST and isinstance(new, list) and is_list(old):
        return merge_lists(schema, old or [], new)
    if shape is not Shape.LIST and isinstance(new, dict) and is_map(old):
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
