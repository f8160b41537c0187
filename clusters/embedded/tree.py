"""Working in place on a parsed object that nobody else holds.

The few moves that filling in defaults is made of.  Parsed objects are plain dicts and lists; what
is stored or was sent is never worked on like this.
"""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]
"""A parsed object, or a part of one, that nobody else holds."""


def spec_of(content: Tree) -> Tree:
    """Give the spec, made if there is none."""
    return part(content, "spec")


def part(content: Tree, name: str) -> Tree:
    """Give a part, made if there is none."""
    found = content.get(name)
    if found is None:
        found = content[name] = {}
    assert isinstance(found, dict)
    return found


def items(content: Tree, name: str) -> list[Tree]:
    """Give the objects of a list."""
    return [item for item in content.get(name) or () if isinstance(item, dict)]


def fill(content: Tree, **defaults: Any) -> None:
    """Set what is not set."""
    for name, value in defaults.items():
        if content.get(name) is None:
            content[name] = value
