"""Table answers: how rows of cells are made for `kubectl get`.

Built-in kinds have the columns of `columns`, custom kinds those of their definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clusters.embedded.columns import COLUMNS, NAME, PLAIN, Body, Cell, Column, value_at
from clusters.embedded.durations import age_text
from clusters.embedded.kinds import Resource
from clusters.embedded.storage import Stored


def _custom_columns(resource: Resource) -> tuple[Column, ...]:
    own = tuple(
        Column(
            column["name"],
            _json_path(column["jsonPath"], is_date=column.get("type") == "date"),
            int(column.get("priority", 0)),
            column.get("type", "string"),
            column.get("format", ""),
        )
        for column in resource.columns
    )
    if any(column.name.lower() == "age" for column in own) or not own:
        return (NAME, *own) if own else PLAIN
    return (NAME, *own)


def _json_path(path: str, *, is_date: bool) -> Cell:
    """Read the plain dotted and `[?(@.type=="X")]` paths that definitions use for columns."""
    steps = _steps(path)

    def cell(body: Body) -> Any:
        value: Any = body
        for step in steps:
            value = step(value)
        if is_date:
            return age_text(str(value or ""), datetime.now(UTC))
        return value

    return cell


def _steps(path: str) -> list[Callable[[Any], Any]]:
    steps: list[Callable[[Any], Any]] = []
    rest = path.strip().lstrip(".")
    while rest:
        if rest.startswith("["):
            inside, _, rest = rest[1:].partition("]")
            steps.append(_picker(inside))
            rest = rest.lstrip(".")
            continue
        end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
        steps.append(_field(rest[:end]))
        rest = rest[end:].lstrip(".")
    return steps


def _field(name: str) -> Callable[[Any], Any]:
    return lambda value: value.get(name) if isinstance(value, Mapping) else None


def _picker(inside: str) -> Callable[[Any], Any]:
    if inside.isdigit():
        position = int(inside)
        return lambda value: value[position] if _holds(value, position) else None
    key, _, wanted = inside.removeprefix("?(@.").removesuffix(")").partition("==")
    wanted = wanted.strip().strip("'\"")

    def pick(value: Any) -> Any:
        items = value if isinstance(value, list) else ()
        return next((item for item in items if str(value_at(item, key.strip())) == wanted), None)

    return pick


def _holds(value: Any, position: int) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > position


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """Give the columns of a kind."""
    if resource.custom:
        return _custom_columns(resource)
    return COLUMNS.get(resource.storage_key, PLAIN)


def row(columns: Sequence[Column], stored: Stored, include: str) -> Mapping[str, Any]:
    """Print one object: its cells, and as much of itself as `includeObject` asks for."""
    body = stored.load()
    out: dict[str, Any] = {"cells": [column.cell(body) for column in columns]}
    if include == "Object":
        out["object"] = body
    elif include != "None":
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        out["object"] = {**head, "metadata": body["metadata"]}
    return out
