"""Strategic merge patch: a merge patch that knows which lists merge, and by which key.

After apimachinery's strategicpatch.  Where a field's list merges, items are matched by its patch
merge key (scalars by value); everything else is replaced.  Directives within the patch:

    $patch: delete | replace | merge     of the map or list item that holds it
    $retainKeys: [...]                   keys of the original not listed go
    $deleteFromPrimitiveList/FIELD       values to take out of FIELD
    $setElementOrder/FIELD               the order of FIELD after merging
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clusters.embedded import gofmt, status
from clusters.embedded.schema import ANYTHING, Schema, Shape

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_DELETE_FROM: Final = "$deleteFromPrimitiveList/"
_ORDER: Final = "$setElementOrder/"


def strategic_merge(content: Mapping[str, Any], patch: Any, schema: Schema) -> dict[str, Any]:
    """Apply a strategic merge patch.

    Raises:
        ApiStatus: 400 if the patch is malformed, 422 if an item lacks its merge key.
    """
    if not isinstance(patch, dict):
        kind = gofmt.json_kind(patch)
        raise status.bad_request(
            f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    return _merge_map(content, patch, schema)


def _merge_map(
    content: Mapping[str, Any], patch: Mapping[str, Any], schema: Schema
) -> dict[str, Any]:
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise status.untyped(f"unknown patch type: {directive} in map: {gofmt.plain(dict(patch))}")
    out = _retained(content, patch)
    orders: dict[str, list[Any]] = {}
    for key, value in patch.items():
        if key in (_PATCH, _RETAIN):
            continue
        if key.startswith(_DELETE_FROM):
            _delete_values(out, key.removeprefix(_DELETE_FROM), value)
        elif key.startswith(_ORDER):
            orders[key.removeprefix(_ORDER)] = _order_list(value)
        elif value is None:
            out.pop(key, None)
        elif key not in out:
            out[key] = _plain(value)
        else:
            out[key] = _merge_field(out[key], value, schema.child(key) or ANYTHING)
    for key, order in orders.items():
        if isinstance(out.get(key), list):
            before = content.get(key)
            before = before if isinstance(before, list) else []
            name = _merge_key(schema.child(key) or ANYTHING)
            out[key] = _in_order(out[key], order, before, name)
    return out


def _retained(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    keep = patch.get(_RETAIN)
    if keep is None:
        return dict(content)
    if not isinstance(keep, list):
        raise status.bad_request("invalid patch format of retainKeys")
    stray = [
        key
        for key, value in patch.items()
        if not key.startswith("$") and value is not None and key not in keep
    ]
    if stray:
        raise status.unprocessable_patch()
    return {key: value for key, value in content.items() if key in keep}


def _order_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise status.bad_request("invalid patch format of setElementOrder list")
    return value


def _delete_values(out: dict[str, Any], field: str, values: Any) -> None:
    if not isinstance(values, list):
        raise status.bad_request("invalid patch format of primitive list")
    if isinstance(out.get(field), list):
        out[field] = [item for item in out[field] if item not in values]


def _strategies(schema: Schema) -> Sequence[str]:
    return str(schema.raw.get("x-kubernetes-patch-strategy", "")).split(",")


def _merge_key(schema: Schema) -> str:
    return str(schema.raw.get("x-kubernetes-patch-merge-key", ""))


def _merge_field(content: Any, patch: Any, schema: Schema) -> Any:
    if isinstance(content, dict) and isinstance(patch, dict):
        if "replace" in _strategies(schema):
            return _plain(patch)
        return _merge_map(content, patch, schema)
    if isinstance(content, list) and isinstance(patch, list):
        if "merge" not in _strategies(schema) or schema.shape is not Shape.LIST:
            return _plain(patch)
        return _merge_list(content, patch, schema)
    return _plain(patch)


def _merge_list(content: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    sample = (patch or content or [None])[0]
    if not isinstance(sample, dict):
        merged = list(content)
        merged += [item for item in patch if item not in merged]
        return _in_order(merged, patch, content, "")
    key = _merge_key(schema)
    if any(isinstance(item, dict) and item.get(_PATCH) == "replace" for item in patch):
        return [_plain(item) for item in patch if item.get(_PATCH) != "replace"]
    out = list(content)
    for item in patch:
        _merge_item(out, item, key, schema)
    return _in_order(out, patch, content, key)


def _merge_item(out: list[Any], item: Any, key: str, schema: Schema) -> None:
    """Merge one item of the patch into the list `out`, in place."""
    name = item.get(key) if isinstance(item, dict) else None
    if name is None:
        raise status.untyped(f"map: {gofmt.plain(item)} does not contain declared merge key: {key}")
    found = [
        position
        for position, other in enumerate(out)
        if isinstance(other, dict) and other.get(key) == name
    ]
    if item.get(_PATCH) == "delete":
        out[:] = [other for position, other in enumerate(out) if position not in found]
    elif found:
        out[found[0]] = _merge_map(out[found[0]], item, schema.items)
    else:
        out.append(_plain(item))


def _plain(value: Any) -> Any:
    """Take the directives and the nulls out of what is put in as it is."""
    if isinstance(value, dict):
        return {
            key: _plain(item)
            for key, item in value.items()
            if item is not None and key not in (_PATCH, _RETAIN) and not _is_list_directive(key)
        }
    if isinstance(value, list):
        return [
            _plain(item)
            for item in value
            if not (isinstance(item, dict) and item.get(_PATCH) == "delete")
        ]
    return value


def _is_list_directive(key: str) -> bool:
    return key.startswith((_DELETE_FROM, _ORDER))


def _in_order(items: list[Any], order: list[Any], before: list[Any], key: str) -> list[Any]:
    """Bring listed items into the given order, and the others in between as they were before.

    Of an item that is listed and one that is not, the latter comes first only if it did so before
    (strategicpatch normalizeElementOrder and mergeSortedSlice).
    """

    def name(item: Any) -> str:
        return str(item.get(key) if isinstance(item, dict) else item)

    place = {name(item): position for position, item in reversed(list(enumerate(order)))}
    was = {name(item): position for position, item in reversed(list(enumerate(before)))}
    listed = [item for item in items if name(item) in place]
    listed.sort(key=lambda item: place[name(item)])
    others = [item for item in items if name(item) not in place]
    others.sort(key=lambda item: was.get(name(item), -1))
    out: list[Any] = []
    for item in listed:
        while others and name(item) in was and was.get(name(others[0]), len(was)) < was[name(item)]:
            out.append(others.pop(0))
        out.append(item)
    return out + others
