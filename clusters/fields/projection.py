"""The part of an object that a field set names, and its hash: what "our values" means.

Pure.  A field set is the tree of fieldsV1 (KEP-555): its keys are `f:NAME` (a field), `k:{…}` (a
list item by its keys), `v:VALUE` (a set member), `i:N` (an index) and `.` (the node itself); an
empty tree is a leaf, whose whole value is named.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import orjson

from clusters.model import canonical_json

FieldSet = Mapping[str, Any]
Path = tuple[str, ...]
"""A path of a field set, as its keys."""
SHAPES_KEPT = 8_192
"""How many field sets, and keys of them, are kept understood."""


def short_hash(data: bytes) -> str:
    """64 bits, as 16 hex digits: enough to tell versions of one object apart.

    Interned: clusters that hold the same objects hold the same hashes, once.
    """
    return sys.intern(hashlib.blake2b(data, digest_size=8).hexdigest())


def project(value: Any, fields: FieldSet) -> Any:
    """The part of `value` that `fields` names, in one shape whatever the order of lists.

    A missing field is kept as missing, so that its removal changes the result.
    """
    return _project(value, _steps(fields))


def projection_hash(value: Any, fields: FieldSet) -> str:
    """Hash of the live values at our field set; the same for all values if we own nothing."""
    return _hash_at(_steps(fields), value)


@lru_cache(maxsize=SHAPES_KEPT)
def projection_hasher(fields: bytes) -> Callable[[Any], str]:
    """`projection_hash` for one field set, given as the server wrote it (fieldsV1).

    Objects of one shape have one field set, whatever their values and on all clusters: what is
    worked out of it here serves all of them.
    """
    return partial(_hash_at, _steps(orjson.loads(fields)))


class _Step(NamedTuple):
    """One key of a field set, understood."""

    key: str
    find: Callable[[Any], tuple[bool, Any]]
    inner: _Steps | None


_Steps = tuple[_Step, ...]


def _steps(fields: FieldSet) -> _Steps | None:
    """None for a leaf, whose whole value is owned."""
    if not fields:
        return None
    return tuple(
        _Step(key, _finder(key), _steps(inner)) for key, inner in fields.items() if key != "."
    )


def _project(value: Any, steps: _Steps | None) -> Any:
    if steps is None:
        return value
    picked: dict[str, Any] = {}
    for key, find, inner in steps:
        found, child = find(value)
        picked[key] = [child if inner is None else _project(child, inner)] if found else []
    return picked


def _hash_at(steps: _Steps | None, value: Any) -> str:
    return short_hash(canonical_json(None if steps is None else _project(value, steps)))


def child_at(value: Any, key: str) -> tuple[bool, Any]:
    """What a key of a field set names in `value`: whether it is there, and what it is."""
    return _finder(key)(value)


@lru_cache(maxsize=SHAPES_KEPT)
def _finder(key: str) -> Callable[[Any], tuple[bool, Any]]:
    """How the value of a key is found in the value that holds it."""
    kind, _, rest = key.partition(":")
    match kind:
        case "f":
            return partial(_field, rest)
        case "k":
            return partial(_item, orjson.loads(rest))
        case "v":
            return partial(_member, orjson.loads(rest))
        case "i":
            return partial(_position, int(rest))
        case _:
            return lambda _: (False, None)


def _field(name: str, value: Any) -> tuple[bool, Any]:
    if isinstance(value, dict) and name in value:
        return True, value[name]
    return False, None


def _item(keys: Mapping[str, Any], value: Any) -> tuple[bool, Any]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict) and has_keys(item, keys):
            return True, item
    return False, None


def _member(wanted: Any, value: Any) -> tuple[bool, Any]:
    return (True, wanted) if isinstance(value, list) and wanted in value else (False, None)


def _position(index: int, value: Any) -> tuple[bool, Any]:
    return (True, value[index]) if isinstance(value, list) and index < len(value) else (False, None)


KEY_DEFAULTS = {"protocol": "TCP"}
"""List-map keys that the API defaults: the live item may lack what the set names."""


def has_keys(item: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    """Whether a list item is the one that `keys` names."""
    return all(item.get(name, KEY_DEFAULTS.get(name)) == value for name, value in keys.items())


def look_up(value: Any, path: Sequence[str]) -> tuple[bool, Any]:
    """Whether there is a value at an owned path, and the value."""
    for key in path:
        found, value = child_at(value, key)
        if not found:
            return False, None
    return True, value


def value_at(value: Any, path: Sequence[str]) -> Any:
    """The value at an owned path; None when there is none."""
    return look_up(value, path)[1]


def value_hash(value: Any, path: Path) -> str:
    """Hash of the value at one owned path; none hashes like an empty list, as in `project`."""
    found, inner = look_up(value, path)
    return short_hash(canonical_json([inner] if found else []))
