"""Field paths as people write them: `spec.containers[name=web].image`, copied from a drift view.

Pure.  A text names a path of a field set when `ownership.dotted` writes that path (or the path of
a parent) so: what is shown can be copied, and keys with dots (`metadata.labels.example.com/x`) need
no quotes.  Where a text is looked up in an object, every way to read it that fits is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from clusters.fields.ownership import dotted
from clusters.fields.projection import KEY_DEFAULTS, Path, has_keys

_KEYS = r"\[[A-Za-z][A-Za-z0-9]*=[^\[\]]*\]"
_MEMBER = r"\[=[^\[\]]*\]"
_FIELD = r"[^\s.\[\]]+"
_PATH = re.compile(rf"{_FIELD}(?:\.{_FIELD}|{_KEYS}|{_MEMBER})*")
_INDEX = re.compile(r"\[[0-9]*\]")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_IDENTITY = ("apiVersion", "kind", "metadata", "metadata.name", "metadata.namespace")
_NOT_APPLIED = ("status", "metadata.managedFields", "metadata.resourceVersion", "metadata.uid")


def problem_of(text: str) -> str | None:
    """Say what is wrong with a field path, or None."""
    if _INDEX.search(text):
        return "list items are named by their keys and not by their position"
    if text.startswith((".", "/")) or not _PATH.fullmatch(text):
        return "no field path"
    if text in _IDENTITY:
        return "this field says which object it is, and never changes"
    if text.startswith("status.") or text in _NOT_APPLIED:
        return "nothing of this is ever applied"
    return None


def covers(text: str, path: Path) -> bool:
    """Whether a text names `path` or one of its parents."""
    return any(dotted(path[:end]) == text for end in range(1, len(path) + 1))


def resolve(text: str, value: Any) -> Iterator[Path]:
    """Every path at which `value` has something that `text` names."""
    if not text:
        yield ()
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if text.startswith(key) and (rest := _after_field(text[len(key) :])) is not None:
                yield from ((f"f:{key}", *path) for path in resolve(rest, inner))
    elif isinstance(value, list) and (bracket := _BRACKET.match(text)):
        rest = _after_field(text[bracket.end() :])
        step = None if rest is None else _item(bracket[1], value)
        if step is not None and rest is not None:
            yield from ((step[0], *path) for path in resolve(rest, step[1]))


def _after_field(rest: str) -> str | None:
    """What follows a field or an item; None: the text goes on within the name."""
    if not rest or rest.startswith("["):
        return rest
    return rest[1:] if rest.startswith(".") else None


def _item(bracket: str, items: list[Any]) -> tuple[str, Any] | None:
    """The list item that a bracket names, and its key in a field set."""
    if bracket.startswith("="):
        found = [item for item in items if str(item) == bracket[1:]]
        return (f"v:{orjson.dumps(found[0]).decode()}", found[0]) if found else None
    wanted = dict(pair.partition("=")[::2] for pair in bracket.split(","))
    for item in items:
        if isinstance(item, Mapping):
            keys = {name: item.get(name, KEY_DEFAULTS.get(name)) for name in wanted}
            if all(str(keys[name]) == text for name, text in wanted.items()):
                return f"k:{orjson.dumps(keys).decode()}", item
    return None


def put(target: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at `path`, and make whatever is missing on the way to it."""
    node: Any = target
    for step, following in zip(path, (*path[1:], None), strict=True):
        kind, _, rest = step.partition(":")
        last = following is None
        if kind == "f" and isinstance(node, dict):
            if last:
                node[rest] = value
            else:
                node = node.setdefault(rest, {} if str(following).startswith("f:") else [])
        elif kind == "k" and isinstance(node, list):
            node = _put_item(node, orjson.loads(rest), value if last else None)
        elif kind == "v" and isinstance(node, list):
            if orjson.loads(rest) not in node:
                node.append(orjson.loads(rest))
        else:
            return  # the object has another shape than the path: nothing to set here


def _put_item(items: list[Any], keys: Mapping[str, Any], value: Any) -> Any:
    for position, item in enumerate(items):
        if isinstance(item, Mapping) and has_keys(item, keys):
            if value is not None:
                items[position] = value
            return items[position]
    items.append(dict(keys) if value is None else value)
    return items[-1]


def drop(target: Any, path: Path) -> None:
    """Remove what is at `path`, and parents that are left empty by it."""
    if not path:
        return
    kind, _, rest = path[0].partition(":")
    if kind == "f" and isinstance(target, dict) and rest in target:
        if len(path) > 1:
            drop(target[rest], path[1:])
        if len(path) == 1 or target[rest] in ({}, []):
            del target[rest]
    elif kind == "k" and isinstance(target, list):
        keys = orjson.loads(rest)
        for item in [one for one in target if isinstance(one, Mapping) and has_keys(one, keys)]:
            if len(path) > 1:
                drop(item, path[1:])
            else:
                target.remove(item)
    elif kind == "v" and isinstance(target, list) and orjson.loads(rest) in target:
        target.remove(orjson.loads(rest))
