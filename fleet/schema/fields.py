"""Types of fields that several kinds share: names, durations, amounts, labels, paths, URLs.

Every refusal says what is allowed; `fleet.schema.translation` adds where and what was found.
"""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from fleet.model import Amount

REFUSED = "flotilla_refused"


def refused(message: str, allowed: str | None = None, *, secret: bool = False) -> Exception:
    """Make the error that a validator raises; `secret` keeps the value found out of messages."""
    return PydanticCustomError(
        REFUSED, "{message}", {"message": message, "allowed": allowed, "secret": secret}
    )


class Fields(BaseModel):
    """A mapping of the format: camelCase, nothing unknown, nothing converted, never changed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, allow_inf_nan=False
    )

    def given(self) -> dict[str, Any]:
        """The fields that the document gives, by attribute name; null counts as not given."""
        return {
            name: value
            for name in self.model_fields_set
            if (value := getattr(self, name)) is not None
        }


_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"{_DNS_LABEL}(?:\.{_DNS_LABEL})*")
_NAME_MAX = 63


def _name(value: str) -> str:
    if len(value) > _NAME_MAX or not _NAME.fullmatch(value):
        raise refused(
            "no valid name",
            f"at most {_NAME_MAX} characters of a-z, 0-9, '-' and '.', "
            "with a letter or digit at both ends",
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
"""A DNS-1123 name short enough to be a label value."""

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhdw]))+")
_DURATION_PART = re.compile(r"([0-9.]+)(ms|[smhdw])")
_DURATION_MAX_S = 10 * 365 * 86_400.0


def read_duration(value: object) -> float:
    """Read `30s`, `1h30m`, `2d` or a plain 0 into seconds.

    Raises:
        PydanticCustomError: anything else, or more than ten years.
    """
    if value in (0, "0") and not isinstance(value, bool):
        return 0.0
    if isinstance(value, str) and _DURATION.fullmatch(value):
        parts = _DURATION_PART.findall(value)
        seconds = sum(float(count) * _UNITS_S[unit] for count, unit in parts)
        if seconds <= _DURATION_MAX_S:
            return seconds
    raise refused("no duration", "a number and a unit (ms, s, m, h, d, w), like 30s, 1h30m or 2d")


Duration = Annotated[float, PlainValidator(read_duration)]
"""Seconds."""


def _positive(value: float) -> float:
    if value <= 0:
        raise refused("must be longer than nothing", "a duration above 0, like 30s or 5m")
    return value


PositiveDuration = Annotated[Duration, AfterValidator(_positive)]

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")


def read_amount(value: object) -> Amount:
    """Read a count (`3`) or a share (`10%`).

    Raises:
        PydanticCustomError: anything else, or out of range.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Amount(value)
    if isinstance(value, str) and (share := _PERCENT.fullmatch(value)) and float(share[1]) <= 100:
        return Amount(float(share[1]), percent=True)
    raise refused("no amount", "a count from 0 up, like 3, or a share from 0% to 100%, like 10%")


def _moving(amount: Amount) -> Amount:
    if amount.value == 0:
        raise refused(
            "nothing would ever move",
            "a count from 1 up, or a share above 0%; to hold a stage, give it an approval gate",
        )
    return amount


AnyAmount = Annotated[Amount, PlainValidator(read_amount)]
MovingAmount = Annotated[Amount, PlainValidator(read_amount), AfterValidator(_moving)]
"""An amount that is not zero."""


def _percent(value: object) -> float:
    match value:
        case bool():
            pass
        case int() | float() if 0 <= value <= 100:
            return float(value)
        case str() if (share := _PERCENT.fullmatch(value)) and float(share[1]) <= 100:
            return float(share[1])
    raise refused("no percentage", "0% to 100%")


Percent = Annotated[float, PlainValidator(_percent)]

_LABEL_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = re.compile(rf"(?:{_DNS_LABEL}(?:\.{_DNS_LABEL})*/)?{_LABEL_NAME}")
_LABEL_VALUE = re.compile(rf"(?:{_LABEL_NAME})?")


def check_label_key(value: str) -> str:
    """Check the key of a label, a taint or a toleration.

    Raises:
        PydanticCustomError: Kubernetes would not take it.
    """
    if not _LABEL_KEY.fullmatch(value):
        raise refused("no valid label key", "[prefix/]name of letters, digits, '-', '_' and '.'")
    return value


def check_label_value(value: object) -> str:
    """Check the value of a label: a text, which YAML makes of few things.

    Raises:
        PydanticCustomError: Kubernetes would not take it.
    """
    if not isinstance(value, str):
        raise refused("a label value must be a text: put it in quotes", "a text")
    if not _LABEL_VALUE.fullmatch(value):
        raise refused(
            "no valid label value", "at most 63 letters, digits, '-', '_' and '.', or nothing"
        )
    return value


LabelKey = Annotated[str, AfterValidator(check_label_key)]
LabelFields = dict[LabelKey, Annotated[str, PlainValidator(check_label_value)]]


def _property(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value}"
    raise refused("a property must be a text or a number", "a text or a number")


Properties = dict[str, Annotated[str, PlainValidator(_property)]]
"""Free facts about a cluster; numbers are kept as text."""

_CURLY = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


def _placeholders(value: object) -> object:
    return _CURLY.sub(r"${\1}", value) if isinstance(value, str) else value


Template = Annotated[str, BeforeValidator(_placeholders)]
"""A text with `${cluster.name}` and the like; `{{ cluster.name }}` is read as the same."""


def _path(value: str) -> str:
    parts = value.split("/")
    if not value or value.startswith("/") or ".." in parts or not value.isprintable():
        raise refused("no path inside the repository", "a relative path with '/' and without '..'")
    return "/".join(part for part in parts if part not in ("", ".")) or "."


RelativePath = Annotated[Template, AfterValidator(_path)]
"""A path that cannot leave its repository (links are refused where it is read)."""


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise refused("no URL", "http://… or https://…", secret=True) from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise refused("no URL that can be asked", "http://… or https://…", secret=True)
    if "@" in parts.netloc:
        raise refused("credentials do not belong into Git", "a URL without user@", secret=True)
    return value


HttpUrl = Annotated[Template, AfterValidator(_url)]


def check_timezone(value: str) -> str:
    """Check that the IANA database knows this zone.

    Raises:
        PydanticCustomError: it does not.
    """
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refused("no timezone", "an IANA name, like UTC or Europe/Paris") from None
    return value


Timezone = Annotated[str, AfterValidator(check_timezone)]


def exactly_one(fields: Fields, *names: str) -> None:
    """Check that one of the fields is given, and only one.

    Raises:
        PydanticCustomError: none is, or several are.
    """
    given = [name for name in names if getattr(fields, name) is not None]
    if len(given) != 1:
        shown = [type(fields).model_fields[name].alias or name for name in names]
        raise refused(
            "several are given, only one can hold" if given else "something is missing here",
            "exactly one of " + ", ".join(shown),
        )
