"""Resource quantities: `1000m` is `1`.

After k8s.io/apimachinery/pkg/api/resource: a quantity keeps the kind of suffix it was written
with (decimal, binary or exponent) and is stored in the form with the largest suffix that needs no
fraction.  Precision ends at 1n, rounded up.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from typing import Final

ERROR: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
"""What the server says of a malformed quantity."""

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE]?)")
_DECIMAL: Final = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_BY_EXPONENT: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BY_POWER: Final = {power: suffix for suffix, power in _BINARY.items()}
_NANO: Final = Decimal("1e-9")
_EXACT: Final = Context(prec=60)
_KIBI: Final = 1024


class BadQuantity(ValueError):
    """Text that is no quantity."""


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[Decimal, str]:
    """Give the value, and the suffix it was written with.

    Raises:
        BadQuantity: `text` is no quantity.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise BadQuantity(ERROR)
    number, suffix = Decimal(match[1]), match[2]
    if suffix in _BINARY:
        value = _EXACT.multiply(number, Decimal(_KIBI ** _BINARY[suffix]))
    elif suffix in _DECIMAL:
        value = number.scaleb(_DECIMAL[suffix], context=_EXACT)
    else:
        value = number.scaleb(int(suffix[1:]), context=_EXACT)
    if value.is_zero():
        return Decimal(0), suffix
    exponent = value.normalize(_EXACT).as_tuple().exponent
    if isinstance(exponent, int) and exponent < _DECIMAL["n"]:
        value = value.quantize(_NANO, rounding=ROUND_CEILING, context=_EXACT)
    return value, suffix


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """Give the stored form.

    Raises:
        BadQuantity: `text` is no quantity.
    """
    value, suffix = parse(text)
    if value.is_zero():
        return "0"
    if suffix in _BINARY and abs(value) >= _KIBI and value == value.to_integral_value():
        return _binary(int(value))
    return _decimal(value, scientific=suffix[:1] in ("e", "E") and suffix != "E")


def _binary(value: int) -> str:
    power = 0
    while value % _KIBI == 0 and power + 1 in _BY_POWER:
        value //= _KIBI
        power += 1
    return f"{value}{_BY_POWER.get(power, '')}"


def _decimal(value: Decimal, *, scientific: bool) -> str:
    sign, digits, exponent = value.normalize(_EXACT).as_tuple()
    assert isinstance(exponent, int)
    place = exponent - exponent % 3
    mantissa = int("".join(map(str, digits))) * 10 ** (exponent - place)
    minus = "-" if sign else ""
    if place == 0:
        return f"{minus}{mantissa}"
    if scientific or place not in _BY_EXPONENT:
        return f"{minus}{mantissa}e{place}"
    return f"{minus}{mantissa}{_BY_EXPONENT[place]}"
