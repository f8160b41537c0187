"""How Go prints values: the real server's error messages quote them so."""

from __future__ import annotations

from typing import Any

import orjson


def plain(value: Any) -> str:
    """Print as `%v` does: `map[a:1 b:[x y]]`."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case dict():
            return "map[" + " ".join(f"{key}:{plain(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(map(plain, value)) + "]"
        case _:
            return str(value)


def _float(value: float) -> str:
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return f"{value!r}"


def syntax(value: Any) -> str:
    """Print as `%#v` does: Go source of the value."""
    match value:
        case None:
            return "interface {}(nil)"
        case str():
            return quoted(value)
        case dict():
            items = ", ".join(f"{quoted(key)}:{syntax(value[key])}" for key in sorted(value))
            return "map[string]interface {}{" + items + "}"
        case list():
            return "[]interface {}{" + ", ".join(map(syntax, value)) + "}"
        case _:
            return plain(value)


def quoted(value: str) -> str:
    """Print as `%q` does."""
    return orjson.dumps(value).decode()


def unstructured(value: Any) -> str:
    """Print a structured-merge-diff value with `%v`."""
    return "&{" + plain(value) + "}"


def unstructured_syntax(value: Any) -> str:
    """Print a structured-merge-diff value with `%#v`."""
    return "&value.valueUnstructured{Value:" + syntax(value) + "}"


def type_name(value: Any) -> str:
    """Print the type of a decoded JSON value as `%T` does."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float64"
        case str():
            return "string"
        case list():
            return "[]interface {}"
        case _:
            return "map[string]interface {}"


def json_kind(value: Any) -> str:
    """Name a JSON value as Go's decoder does: string, number, bool, array, object."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
