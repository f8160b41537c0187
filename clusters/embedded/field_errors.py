"""Reasons of a 422, worded as k8s.io/apimachinery's field errors.

Values are quoted as that package quotes them since 1.34: strings in Go quotes, numbers plainly,
everything else as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from clusters.embedded import gofmt, status
from clusters.embedded.status import Cause

IMMUTABLE: Final = "field is immutable"
NO_MAP: Final = object()
"""A map that is not there: shown as null, where no value at all is shown as "null"."""


def _shown(value: Any) -> str:
    match value:
        case None:
            return '"null"'
        case _ if value is NO_MAP:
            return "null"
        case bool() | int() | float():
            return gofmt.plain(value)
        case str():
            return gofmt.quoted(value)
        case _:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _worded(kind: str, detail: str) -> str:
    return f"{kind}: {detail}" if detail else kind


def required(path: str, detail: str = "") -> Cause:
    """Say that a value is missing."""
    return Cause(status.REQUIRED, _worded("Required value", detail), path)


def invalid(path: str, value: Any, detail: str) -> Cause:
    """Say that a value is malformed or out of bounds."""
    return Cause(status.INVALID, _worded(f"Invalid value: {_shown(value)}", detail), path)


def type_invalid(path: str, value: Any, detail: str) -> Cause:
    """Say that a value is of the wrong type."""
    return Cause(status.TYPE_INVALID, _worded(f"Invalid value: {_shown(value)}", detail), path)


def immutable(path: str, value: Any) -> Cause:
    """Say that a value may not change."""
    return invalid(path, value, IMMUTABLE)


def not_supported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    """Say that a value is none of those there are."""
    listed = ", ".join(map(gofmt.quoted, supported))
    detail = f"supported values: {listed}" if listed else ""
    return Cause(status.NOT_SUPPORTED, _worded(f"Unsupported value: {_shown(value)}", detail), path)


def forbidden(path: str, detail: str) -> Cause:
    """Say that a value is not allowed here."""
    return Cause(status.FORBIDDEN, _worded("Forbidden", detail), path)


def duplicate(path: str, value: Any) -> Cause:
    """Say that a value has to be unique and is not."""
    return Cause(status.DUPLICATE, f"Duplicate value: {_shown(value)}", path)


def not_found(path: str, value: Any) -> Cause:
    """Say that a value names nothing."""
    return Cause(status.NOT_FOUND, f"Not found: {_shown(value)}", path)


def too_long(path: str, limit: int) -> Cause:
    """Say that a value has more bytes than it may."""
    return Cause(status.TOO_LONG, f"Too long: may not be more than {limit} bytes", path)


def too_many(path: str, count: int, limit: int) -> Cause:
    """Say that a list has more items than it may."""
    return Cause(status.TOO_MANY, f"Too many: {count}: must have at most {limit} items", path)
