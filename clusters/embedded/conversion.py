"""From what a client sent to what a typed server holds.

A built-in kind is a Go struct in the real server.  Decoding into it checks types, drops what the
struct does not know (and says so, for `fieldValidation`), forgets nulls and empty optional
values, and writes quantities and always-present parts in their one form.  `typed_form` does the
same by the schema.  Custom kinds are not typed: see `structural`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import yaml

from clusters.embedded import gofmt, quantity
from clusters.embedded.schema import Scalar, Schema, Shape
from clusters.embedded.schema_data import (
    KEPT_EMPTY_STRINGS,
    OMITTED_FALSE,
    OMITTED_ZERO,
)

_ABSENT: Final = object()


class Undecodable(ValueError):
    """A value that does not fit the Go type; the message is the Go decoder's."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An object in typed form, and the paths of fields that its type does not know."""

    content: dict[str, Any]
    unknown: Sequence[str]

    @property
    def strict_errors(self) -> list[str]:
        """What strict decoding says."""
        return [f'unknown field "{path}"' for path in self.unknown]


def typed_form(body: Mapping[str, Any], schema: Schema) -> Decoded:
    """Bring an object of a built-in kind to typed form.

    Unchanged parts are shared with `body`.

    Raises:
        Undecodable: a value is of the wrong type.
    """
    unknown: list[str] = []
    content = _struct(schema, body, "", unknown)
    return Decoded(content, unknown)


def _struct(
    schema: Schema, value: Mapping[str, Any], path: str, unknown: list[str]
) -> dict[str, Any]:
    out: dict[str, Any] = {}
    properties = schema.properties
    for name, item in value.items():
        if name not in properties:
            unknown.append(f"{path}.{name}" if path else name)
            continue
        child = schema.child(name)
        assert child is not None
        below = f"{path}.{name}" if path else name
        kept = item if item is None else _value(child, item, below, schema, unknown)
        if name in schema.required or not _omitted(child, name, kept):
            out[name] = kept
    for name in schema.present:
        if out.get(name) is None:
            child = schema.child(name)
            assert child is not None
            out[name] = _struct(child, {}, "", [])
    return out


def _omitted(schema: Schema, name: str, value: Any) -> bool:
    """Say whether Go's encoder leaves the field out (`omitempty`)."""
    if value is None:
        return True
    if value == "" and schema.shape is Shape.SCALAR:
        return name not in KEPT_EMPTY_STRINGS
    if value is False:
        return name in OMITTED_FALSE
    if value == 0 and schema.scalar is Scalar.INTEGER:
        return name in OMITTED_ZERO
    if value == {} and schema.shape is Shape.MAP:
        return not schema.properties and "additionalProperties" in schema.raw
    # An empty list of managedFields is a wish of its own: to have them cleared.
    return value == [] and schema.shape is Shape.LIST and name != "managedFields"


def _value(schema: Schema, value: Any, path: str, owner: Schema, unknown: list[str]) -> Any:
    match schema.shape:
        case Shape.ANY:
            return value
        case Shape.SCALAR:
            return _scalar(schema, value, path, owner)
        case Shape.LIST:
            if not isinstance(value, list):
                raise _wrong(schema, value, path, owner)
            items = schema.items
            return [
                _zero(items) if item is None else _list_item(items, item, path, n, owner, unknown)
                for n, item in enumerate(value)
            ]
        case Shape.MAP:
            if not isinstance(value, dict):
                raise _wrong(schema, value, path, owner)
            if schema.properties:
                return _struct(schema, value, path, unknown)
            extra = schema.extra
            if extra.shape is Shape.ANY:
                return value
            return {
                key: _zero(extra) if item is None else _value(extra, item, path, owner, unknown)
                for key, item in value.items()
            }


def _list_item(
    schema: Schema, item: Any, path: str, position: int, owner: Schema, unknown: list[str]
) -> Any:
    if schema.shape is Shape.MAP and schema.properties and isinstance(item, dict):
        # Strict decoding counts items, the type errors of Go do not.
        below: list[str] = []
        out = _struct(schema, item, path, below)
        unknown += [f"{path}[{position}]{field[len(path) :]}" for field in below]
        return out
    return _value(schema, item, path, owner, unknown)


def _zero(schema: Schema) -> Any:
    """Give what null decodes to inside a list or map."""
    match schema.shape:
        case Shape.SCALAR:
            zeros: dict[Scalar | None, Any] = {Scalar.INTEGER: 0, Scalar.BOOLEAN: False}
            return zeros.get(schema.scalar, "")
        case Shape.MAP if schema.properties:
            return _struct(schema, {}, "", [])
        case _:
            return None


def _scalar(schema: Schema, value: Any, path: str, owner: Schema) -> Any:
    fits: bool
    match schema.scalar:
        case Scalar.QUANTITY:
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                raise Undecodable(quantity.ERROR)
            try:
                return quantity.canonical(str(value))
            except quantity.BadQuantity as error:
                raise Undecodable(str(error)) from error
        case Scalar.STRING:
            fits = isinstance(value, str)
        case Scalar.BOOLEAN:
            fits = isinstance(value, bool)
        case Scalar.INTEGER:
            fits = isinstance(value, int) and not isinstance(value, bool)
        case Scalar.NUMBER:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            fits = isinstance(value, str | int) and not isinstance(value, bool)
    if not fits:
        raise _wrong(schema, value, path, owner)
    if schema.raw.get("format") == "byte":
        _check_base64(value)
    return value


def _check_base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        position = next((n for n, char in enumerate(value) if char not in alphabet), len(value))
        raise Undecodable(f"illegal base64 data at input byte {position}") from error


def _wrong(schema: Schema, value: Any, path: str, owner: Schema) -> Undecodable:
    kind = gofmt.json_kind(value)
    if schema.scalar is Scalar.INTEGER and isinstance(value, float):
        kind = f"number {value}"
    return Undecodable(
        f"json: cannot unmarshal {kind} into Go struct field "
        f"{go_name(owner)}.{path} of type {go_type(schema)}"
    )


def go_name(schema: Schema) -> str:
    """Name the Go struct of a definition."""
    return schema.definition.rpartition(".")[2]


def go_type(schema: Schema) -> str:
    """Name the Go type of a field."""
    match schema.shape:
        case Shape.LIST:
            return "[]" + go_type(schema.items)
        case Shape.MAP if not schema.definition:
            return "map[string]" + go_type(schema.extra)
        case Shape.MAP:
            return ".".join(schema.definition.split(".")[-2:])
        case Shape.SCALAR if schema.scalar is Scalar.INTEGER:
            return str(schema.raw.get("format") or "int64")
        case Shape.SCALAR:
            return _GO_SCALARS.get(schema.scalar, "string")
        case _:
            return "interface {}"


_GO_SCALARS: Final[Mapping[Scalar | None, str]] = {
    Scalar.BOOLEAN: "bool",
    Scalar.NUMBER: "float64",
    Scalar.INT_OR_STRING: "intstr.IntOrString",
}


def duplicate_fields(raw: bytes) -> list[str]:
    """Find fields that a JSON body sets twice, worded as strict decoding words them."""
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> Any:
        content = dict(pairs)
        if len(content) != len(pairs):
            found.append("")
        return content

    try:
        json.loads(raw, object_pairs_hook=note)
    except ValueError:
        return []
    return _duplicate_paths(raw) if found else []


class _Pairs(list[tuple[str, Any]]):
    """A JSON object, repeated keys and all."""


def _duplicate_paths(raw: bytes) -> list[str]:
    found: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, _Pairs):
            seen: set[str] = set()
            for key, item in value:
                below = f"{path}.{key}" if path else key
                if key in seen:
                    found.append(f'duplicate field "{below}"')
                seen.add(key)
                walk(item, below)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                walk(item, f"{path}[{position}]")

    walk(json.loads(raw, object_pairs_hook=_Pairs), "")
    return list(dict.fromkeys(found))


def yaml_duplicates(raw: bytes) -> str | None:
    """Say which keys a YAML (or JSON) body sets twice, as the server's YAML reader does."""
    try:
        orjson.loads(raw)
        if not duplicate_fields(raw):
            return None
    except orjson.JSONDecodeError:
        pass
    lines: list[str] = []

    def walk(node: yaml.Node | None) -> None:
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    lines.append(f'  line {line}: key "{key.value}" already set in map')
                seen.add(key.value)
                walk(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                walk(item)

    try:
        walk(yaml.compose(raw, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return None
    if not lines:
        return None
    return "error converting YAML to JSON: yaml: unmarshal errors:\n" + "\n".join(lines)
