"""Sets of fields, as server-side apply records who owns what (`fieldsV1`).

A set is kept in the very form in which it travels: nested dicts keyed by path element.

    f:NAME        a field or map key          v:JSON   the item of a set that has this value
    k:{JSON}      a list item by its keys     i:N      a list item by position

An element whose dict is empty, or holds ".", is a member; otherwise it only leads to members
below it.  The root is never a member, so the empty dict is the empty set.  Path elements are
canonical strings (keys sorted, no spaces), so equality of elements is equality of strings and
most work is dict look-ups.  Sets are never changed in place: operations share what stays.

The operations follow structured-merge-diff's fieldpath.Set, including that a difference does not
touch what lies below a removed member (`recursive_difference` does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from clusters.embedded.schema import Schema, Shape

FieldSet = Mapping[str, Any]
"""`fieldsV1` of one manager; see the module's docstring."""

Path = tuple[str, ...]
"""Path elements from the root."""

EMPTY: Final[FieldSet] = {}
MEMBER: Final[FieldSet] = {}
"""A member with nothing below it."""
_SELF: Final = "."


class BadFieldSet(ValueError):
    """A `fieldsV1` value that is no field set."""


def is_member(node: FieldSet) -> bool:
    """Say whether an element with this node is itself in the set."""
    return not node or _SELF in node


def key_element(keys: Mapping[str, Any]) -> str:
    """Name a list item by its key fields."""
    return "k:" + orjson.dumps(keys, option=orjson.OPT_SORT_KEYS).decode()


def value_element(value: object) -> str:
    """Name an item of a set by its value."""
    return "v:" + orjson.dumps(value).decode()


def parse(raw: object) -> FieldSet:
    """Take `fieldsV1` from outside: check it and bring its elements to canonical form.

    Raises:
        BadFieldSet: it is not nested objects of known path elements.
    """
    if not isinstance(raw, Mapping):
        raise BadFieldSet("fields must be an object")
    return {_canonical(key): parse(value) for key, value in raw.items() if key != _SELF} | (
        {_SELF: MEMBER} if _SELF in raw and len(raw) > 1 else {}
    )


def _canonical(element: str) -> str:
    prefix, colon, rest = element.partition(":")
    if not colon or prefix not in "fkvi":
        raise BadFieldSet(f"unknown path element {element!r}")
    if prefix == "f":
        return element
    try:
        value = orjson.loads(rest)
    except orjson.JSONDecodeError as error:
        raise BadFieldSet(f"path element {element!r} holds no JSON") from error
    if prefix == "k":
        if not isinstance(value, Mapping):
            raise BadFieldSet(f"path element {element!r} must hold an object")
        return key_element(value)
    return prefix + ":" + orjson.dumps(value).decode()


def ordered(fields: FieldSet) -> dict[str, Any]:
    """Copy with elements in the order in which the server writes them."""
    return {key: ordered(fields[key]) for key in sorted(fields)}


def _node(children: dict[str, Any], *, member: bool) -> FieldSet | None:
    """Build an element's node of what lies below it; None if it leads to no member."""
    if not children:
        return MEMBER if member else None
    if member:
        children[_SELF] = MEMBER
    return children


def union(left: FieldSet, right: FieldSet) -> dict[str, Any]:
    """Fields in either set."""
    out = dict(left)
    for key, node in right.items():
        mine = out.get(key)
        if mine is None or mine is node:
            out[key] = node
        elif key != _SELF:
            below = union(mine, node)
            below.pop(_SELF, None)
            out[key] = _node(below, member=is_member(mine) or is_member(node))
    return out


def intersection(left: FieldSet, right: FieldSet) -> dict[str, Any]:
    """Fields in both sets."""
    out: dict[str, Any] = {}
    for key, mine in left.items():
        other = right.get(key)
        if other is None or key == _SELF:
            continue
        node = _node(intersection(mine, other), member=is_member(mine) and is_member(other))
        if node is not None:
            out[key] = node
    return out


def difference(left: FieldSet, right: FieldSet) -> dict[str, Any]:
    """Fields of `left` that are not in `right`."""
    out: dict[str, Any] = {}
    for key, mine in left.items():
        if key == _SELF:
            continue
        other = right.get(key)
        if other is None:
            out[key] = mine
            continue
        node = _node(difference(mine, other), member=is_member(mine) and not is_member(other))
        if node is not None:
            out[key] = node
    return out


def recursive_difference(left: FieldSet, right: FieldSet) -> dict[str, Any]:
    """Fields of `left` that are not in `right`, nor below a member of `right`."""
    out: dict[str, Any] = {}
    for key, mine in left.items():
        if key == _SELF:
            continue
        other = right.get(key)
        if other is None:
            out[key] = mine
        elif not is_member(other):
            node = _node(recursive_difference(mine, other), member=is_member(mine))
            if node is not None:
                out[key] = node
    return out


def includes(left: FieldSet, right: FieldSet) -> bool:
    """Say whether every field of `right` is in `left`."""
    if left is right:
        return True
    for key, node in right.items():
        if key == _SELF:
            continue
        mine = left.get(key)
        if mine is None or (is_member(node) and not is_member(mine)) or not includes(mine, node):
            return False
    return True


def same(left: FieldSet, right: FieldSet) -> bool:
    """Say whether both sets have the same fields."""
    return left == right or (includes(left, right) and includes(right, left))


def has(fields: FieldSet, path: Path) -> bool:
    """Say whether the field at `path` is in the set."""
    node: FieldSet = fields
    for element in path:
        below = node.get(element)
        if below is None:
            return False
        node = below
    return bool(path) and is_member(node)


def of_paths(*paths: Path) -> FieldSet:
    """Build a set of these fields."""
    out: FieldSet = {}
    for path in paths:
        node: FieldSet = MEMBER
        for element in reversed(path):
            node = {element: node}
        out = union(out, node)
    return out


def paths(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Iterate over the fields: those of one level first, then what lies below."""
    elements = sorted(key for key in fields if key != _SELF)
    for key in elements:
        if is_member(fields[key]):
            yield (*prefix, key)
    for key in elements:
        yield from paths(fields[key], (*prefix, key))


def leaves(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Iterate over the fields that have none below them."""
    for key in sorted(fields):
        if key == _SELF:
            continue
        if fields[key].keys() - {_SELF}:
            yield from leaves(fields[key], (*prefix, key))
        else:
            yield (*prefix, key)


def element_text(element: str) -> str:
    """Write one path element for people, as the server does: `.spec`, `[name="web"]`."""
    prefix, _, rest = element.partition(":")
    if prefix == "f":
        return "." + rest
    if prefix == "k":
        keys = orjson.loads(rest)
        return "[" + ",".join(f"{name}={_scalar_text(keys[name])}" for name in sorted(keys)) + "]"
    return f"[={_scalar_text(orjson.loads(rest))}]" if prefix == "v" else f"[{rest}]"


def _scalar_text(value: object) -> str:
    return orjson.dumps(value).decode()


def path_text(path: Path) -> str:
    """Write a path for people: `.spec.containers[name="web"].image`."""
    return "".join(map(element_text, path))


def with_named_fields(fields: FieldSet, schema: Schema | None) -> dict[str, Any]:
    """Add the declared fields that only lead to members (`EnsureNamedFieldsAreMembers`).

    A set of `spec.replicas` then also has `spec`, so that removing all of a struct removes it.
    """
    out: dict[str, Any] = {}
    is_map = schema is not None and schema.shape is Shape.MAP
    for key, node in fields.items():
        if key == _SELF:
            continue
        below: Schema | None = None
        member = is_member(node)
        if schema is not None and key[0] == "f":
            name = key[2:]
            below = schema.child(name) if is_map or schema.shape is Shape.ANY else None
            member = member or (is_map and schema.declares(name))
        elif schema is not None and key[0] == "k":
            below = schema.items if schema.shape is not Shape.SCALAR else None
        named = _node(with_named_fields(node, below), member=member)
        if named is not None:
            out[key] = named
    return out


def joined_where_atomic(fields: FieldSet, schema: Schema) -> FieldSet:
    """Make one field of the parts of what is atomic; the very set if there is none."""
    out: dict[str, Any] = {}
    for key, node in fields.items():
        below = _below(schema, key) if key != _SELF and node else None
        if below is None:
            continue
        joined = MEMBER if below.atomic else joined_where_atomic(node, below)
        if joined is not node:
            out[key] = joined
    return {**fields, **out} if out else fields


def _below(schema: Schema, element: str) -> Schema | None:
    """Give the schema of what an element names; None where that is not declared."""
    if element[0] == "f":
        return schema.child(element[2:]) if schema.shape is Shape.MAP else None
    return schema.items if schema.shape is Shape.LIST else None
