"""What one YAML scalar means: the rules of go-yaml v2, ended by those of JSON in apimachinery.

go-yaml resolves plain scalars by their first character, a table of words, and Go's number parsers;
`sigs.k8s.io/yaml` turns the result into JSON; apimachinery reads JSON numbers as int64 where they
fit and as float64 otherwise.  `fleet.source.yaml` reads the structure around them.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from decimal import Decimal
from typing import Any

Json = Any
"""None, bool, int, float, str, list or dict of these, as `json` reads them."""
Scalar = None | bool | int | float | str

_TAG = "tag:yaml.org,2002:"
_RESOLVED_TAGS = frozenset(_TAG + kind for kind in ("bool", "int", "float", "null", "timestamp"))

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE"), True),
    **dict.fromkeys(("on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE"), False),
    **dict.fromkeys(("off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_MAYBE_NUMBER = frozenset("+-.0123456789")
_MAYBE_SPECIAL = _MAYBE_NUMBER | frozenset("~yYnNtTfFoO")
"""First characters of everything that is not simply text."""

_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = {"x": 16, "b": 2, "o": 8}

INT64 = range(-(2**63), 2**63)
UINT64_MAX = 2**64 - 1


class ScalarError(ValueError):
    """A scalar cannot become JSON, or not the JSON that its tag promises."""


def value_of(text: str, *, tag: str | None, plain: bool) -> Scalar:
    """Give the JSON value of a scalar.

    Args:
        text: its content, escapes and folding already resolved.
        tag: its full tag, if one is written.
        plain: whether it may be read as something other than text (not quoted, no block).

    Raises:
        ScalarError: not a number, bad base64, or content that is not what the tag says.
    """
    return _json_value(_read(text, tag, plain=plain))


def key_of(text: str, *, tag: str | None, plain: bool) -> str:
    """Give the JSON key for a scalar used as a key: `1`, `true` and `1.5` become text.

    Raises:
        ScalarError: null, or a number whose text form is not obvious.
    """
    match value := _read(text, tag, plain=plain):
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value in INT64:
            return str(value)
        case float() if 1e-4 <= abs(value) < 1e6 and float(f"{value:g}") == value:
            return f"{value:g}"
        case None:
            raise ScalarError("a key must not be empty or null; put it in quotes if it is meant")
        case _:
            raise ScalarError("put this key in quotes: as a number it has no single text form")


def _read(text: str, tag: str | None, *, plain: bool) -> Scalar:
    if tag is None:
        return resolve(text) if plain else text
    if tag in _RESOLVED_TAGS:
        return _as_tagged(text, tag.removeprefix(_TAG))
    return _text_of_binary(text) if tag == _TAG + "binary" else text


def resolve(text: str) -> Scalar:
    """Read a plain scalar as go-yaml does; numbers keep their kind, infinities included."""
    if text and text[0] not in _MAYBE_SPECIAL:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAYBE_NUMBER:
        return text
    # A leading dot goes to Go's ParseFloat directly, which takes no underscores here.
    digits = text if text[0] == "." else text.replace("_", "")
    if text[0] != "." and _INTEGER.fullmatch(digits):
        number = _integer(digits)
        if number in INT64 or (number <= UINT64_MAX and digits[0] not in "+-"):
            return number
    if _FLOAT.fullmatch(digits):
        value = float(digits)
        if math.isfinite(value):
            return value
    return text


def _integer(digits: str) -> int:
    sign = -1 if digits[0] == "-" else 1
    digits = digits.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0":
        base = _BASES.get(digits[1].lower())
        return sign * (int(digits[2:], base) if base else int(digits, 8))
    # Twenty digits already exceed every integer of Go, and int() refuses thousands of them.
    return sign * int(digits) if len(digits) <= 20 else UINT64_MAX + 1


def _as_tagged(text: str, kind: str) -> Scalar:
    value = resolve(text)
    found = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}[type(value)]
    if kind == "timestamp" and found == "str" and _TIMESTAMP.match(text):
        return text
    if kind == "float" and found == "int":
        return float(value or 0)
    if found != kind:
        raise ScalarError(f"this is no !!{kind}")
    return value


_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?$")


def _text_of_binary(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ScalarError(
            "!!binary must be the base64 of UTF-8 text; put other content in binaryData or data"
        ) from error


def _json_value(value: Scalar) -> Scalar:
    """Send a number through JSON, as Go writes and apimachinery reads it.

    The digits are the shortest that name the float, so `1.0` and `1e3` become integers, and what
    is beyond int64 has the precision of a float (yet stays whole while JSON writers can do that).
    """
    match value:
        case bool():
            return value
        case int() if value in INT64:
            return value
        case int():
            return _json_value(float(value))
        case float() if not math.isfinite(value):
            raise ScalarError("JSON knows no infinity and no NaN; put a text in quotes")
        case float() if value.is_integer():
            whole = int(Decimal(repr(value)))
            return whole if INT64.start <= whole <= UINT64_MAX else value
        case _:
            return value
