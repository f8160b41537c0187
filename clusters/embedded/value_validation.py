"""Values of custom resources against their OpenAPI schema.

The checks and words are those of kube-openapi's validator, as apiextensions-apiserver turns its
findings into causes.  On update what did not change is not judged again (ratcheting, KEP-4008).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from clusters.embedded import field_errors, gofmt
from clusters.embedded.schema import Scalar, Schema, Shape
from clusters.embedded.status import Cause
from clusters.embedded.typed import equal, item_element

_ABSENT: Final = object()


def validate(schema: Schema, content: Mapping[str, Any], old: Any = None) -> Iterator[Cause]:
    """Give what is wrong with a custom object; `old` is what it was, if it was."""
    known = {key: value for key, value in content.items() if key != "metadata"}
    before = _ABSENT
    if old is not None:
        before = {key: value for key, value in old.items() if key != "metadata"}
    yield from _value(schema, known, "", before)


def _value(schema: Schema, value: Any, path: str, old: Any) -> Iterator[Cause]:
    if old is not _ABSENT and equal(old, value):
        return
    if value is None:
        if not schema.nullable and schema.shape is not Shape.ANY:
            yield _wrong_type(schema, value, path)
        return
    if not _typed(schema, value):
        yield _wrong_type(schema, value, path)
        return
    raw = schema.raw
    if "enum" in raw and not any(equal(value, allowed) for allowed in raw["enum"]):
        listed = [item if isinstance(item, str) else gofmt.plain(item) for item in raw["enum"]]
        yield field_errors.not_supported(path, value, listed)
    if isinstance(value, str):
        yield from _string(raw, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(raw, value, path)
    elif isinstance(value, list):
        yield from _list(schema, value, path, old)
    elif isinstance(value, dict):
        yield from _map(schema, value, path, old)
    yield from _combined(schema, value, path)


def _typed(schema: Schema, value: Any) -> bool:
    match schema.shape:
        case Shape.ANY:
            return True
        case Shape.MAP:
            return isinstance(value, dict)
        case Shape.LIST:
            return isinstance(value, list)
        case Shape.SCALAR:
            match schema.scalar:
                case Scalar.INT_OR_STRING:
                    return isinstance(value, str | int) and not isinstance(value, bool)
                case Scalar.INTEGER:
                    whole = isinstance(value, float) and value.is_integer()
                    return (isinstance(value, int) and not isinstance(value, bool)) or whole
                case Scalar.NUMBER:
                    return isinstance(value, int | float) and not isinstance(value, bool)
                case Scalar.BOOLEAN:
                    return isinstance(value, bool)
                case _:
                    return isinstance(value, str)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _wrong_type(schema: Schema, value: Any, path: str) -> Cause:
    shown = _kind(value)
    wanted = {Shape.MAP: "object", Shape.LIST: "array"}.get(schema.shape, str(schema.scalar))
    if schema.scalar is Scalar.INT_OR_STRING:
        wanted = "integer,string"
    return field_errors.type_invalid(
        path, shown, f'{path} in body must be of type {wanted}: "{shown}"'
    )


def _string(raw: Mapping[str, Any], value: str, path: str) -> Iterator[Cause]:
    longest, shortest = raw.get("maxLength"), raw.get("minLength")
    if longest is not None and len(value) > longest:
        yield field_errors.too_long(path, longest)
    if shortest is not None and len(value) < shortest:
        yield field_errors.invalid(
            path, value, f"{path} in body should be at least {shortest} chars long"
        )
    pattern = raw.get("pattern")
    if pattern and not _matches(pattern, value):
        yield field_errors.invalid(path, value, f"{path} in body should match '{pattern}'")
    form = raw.get("format")
    check = _FORMATS.get(form or "")
    if check is not None and not check(value):
        yield field_errors.type_invalid(
            path, value, f"{path} in body must be of type {form}: {gofmt.quoted(value)}"
        )


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(re.sub(r"\\z", r"\\Z", pattern))
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None


def _parses(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def checked(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, binascii.Error):
            return False
        return True

    return checked


def _is_uri(value: str) -> bool:
    return bool(urlsplit(value).scheme)


_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date-time": _parses(datetime.fromisoformat),
    "date": _parses(date.fromisoformat),
    "byte": _parses(lambda value: base64.b64decode(value, validate=True)),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "cidr": _parses(ipaddress.ip_network),
    "uuid": _parses(uuid.UUID),
    "uri": _is_uri,
    "email": lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None,
}


def _number(raw: Mapping[str, Any], value: float, path: str) -> Iterator[Cause]:
    least, most = raw.get("minimum"), raw.get("maximum")
    if least is not None:
        strict = bool(raw.get("exclusiveMinimum"))
        if value < least or (strict and value == least):
            word = "greater than" if strict else "greater than or equal to"
            yield field_errors.invalid(
                path, value, f"{path} in body should be {word} {gofmt.plain(least)}"
            )
    if most is not None:
        strict = bool(raw.get("exclusiveMaximum"))
        if value > most or (strict and value == most):
            word = "less than" if strict else "less than or equal to"
            yield field_errors.invalid(
                path, value, f"{path} in body should be {word} {gofmt.plain(most)}"
            )
    step = raw.get("multipleOf")
    if step and not math.isclose(value / step, round(value / step), abs_tol=1e-9):
        yield field_errors.invalid(
            path, value, f"{path} in body should be a multiple of {gofmt.plain(step)}"
        )


def _list(schema: Schema, value: Sequence[Any], path: str, old: Any) -> Iterator[Cause]:
    raw = schema.raw
    most, least = raw.get("maxItems"), raw.get("minItems")
    if most is not None and len(value) > most:
        yield field_errors.too_many(path, len(value), most)
    if least is not None and len(value) < least:
        yield field_errors.invalid(
            path, len(value), f"{path} in body should have at least {least} items"
        )
    before = _correlated(schema, old)
    items = schema.items
    for position, item in enumerate(value):
        was = before.get(item_element(schema, item) or "", _ABSENT) if before else _ABSENT
        yield from _value(items, item, f"{path}[{position}]", was)


def _correlated(schema: Schema, old: Any) -> dict[str, Any]:
    """Index the old items of a list map: only those can be told apart."""
    if not schema.keys or not isinstance(old, list):
        return {}
    return {item_element(schema, item) or "": item for item in old}


def _map(schema: Schema, value: Mapping[str, Any], path: str, old: Any) -> Iterator[Cause]:
    raw = schema.raw
    most, least = raw.get("maxProperties"), raw.get("minProperties")
    if most is not None and len(value) > most:
        yield field_errors.too_many(path, len(value), most)
    if least is not None and len(value) < least:
        yield field_errors.invalid(
            path, len(value), f"{path} in body should have at least {least} properties"
        )
    for name in schema.required:
        if name not in value:
            yield field_errors.required(f"{path}.{name}" if path else name)
    before = old if isinstance(old, dict) else {}
    for key, item in value.items():
        child = schema.child(key)
        if child is not None and not child.definition:
            below = f"{path}.{key}" if path else key
            yield from _value(child, item, below, before.get(key, _ABSENT))


def _combined(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    """Check allOf, anyOf, oneOf and not, which may only add rules about values."""
    raw = schema.raw
    named = f'"{path}"'
    if raw.get("x-kubernetes-int-or-string"):
        return

    def holds(part: Any) -> bool:
        merged = {**part}
        if "type" not in merged and isinstance(raw.get("type"), str):
            merged["type"] = raw["type"]
        return not any(_value(Schema(merged), value, path, _ABSENT))

    for part in raw.get("allOf") or ():
        if not holds(part):
            yield field_errors.invalid(path, "", f"{named} must validate all the schemas (allOf)")
            yield from _value(Schema({"type": raw.get("type"), **part}), value, path, _ABSENT)
            break
    if raw.get("anyOf") and not any(map(holds, raw["anyOf"])):
        yield field_errors.invalid(path, "", f"{named} must validate at least one schema (anyOf)")
    if raw.get("oneOf"):
        valid = sum(map(holds, raw["oneOf"]))
        if valid != 1:
            found = "Found none valid" if valid == 0 else f"Found {valid} valid alternatives"
            yield field_errors.invalid(
                path, "", f"{named} must validate one and only one schema (oneOf). {found}"
            )
    if raw.get("not") and holds(raw["not"]):
        yield field_errors.invalid(path, "", f"{named} must not validate the schema (not)")
