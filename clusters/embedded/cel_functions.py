"""The functions that Kubernetes adds to CEL, as far as rules of common definitions use them.

Strings, lists, regular expressions, URLs, IP addresses and quantities, after
k8s.io/apiserver/pkg/cel/library and cel-go's string extensions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from clusters.embedded import quantity


def _types() -> Any:
    from celpy import celtypes

    return celtypes


def _text(value: str) -> Any:
    return _types().StringType(value)


def _number(value: int) -> Any:
    return _types().IntType(value)


def _truth(value: object) -> Any:
    return _types().BoolType(bool(value))


def _texts(values: Any) -> Any:
    return _types().ListType([_text(str(value)) for value in values])


def _split(text: str, separator: str, limit: int = -1) -> Any:
    if limit == 0:
        return _texts(())
    parts = str(text).split(str(separator)) if separator else list(str(text))
    if limit > 0 and len(parts) > limit:
        parts = [*parts[: limit - 1], str(separator).join(parts[limit - 1 :])]
    return _texts(parts)


def _substring(text: str, start: int, end: int | None = None) -> Any:
    return _text(str(text)[int(start) : None if end is None else int(end)])


def _index_of(holder: Any, wanted: Any, start: int = 0) -> Any:
    if isinstance(holder, str):
        return _number(holder.find(str(wanted), int(start)))
    return _number(next((n for n, item in enumerate(holder) if item == wanted), -1))


def _last_index_of(holder: Any, wanted: Any) -> Any:
    if isinstance(holder, str):
        return _number(holder.rfind(str(wanted)))
    found = [n for n, item in enumerate(holder) if item == wanted]
    return _number(found[-1] if found else -1)


def _replace(text: str, old: str, new: str, limit: int = -1) -> Any:
    return _text(str(text).replace(str(old), str(new), int(limit)))


def _is_sorted(values: Any) -> Any:
    return _truth(all(a <= b for a, b in pairwise(values)))


def _sum(values: Any) -> Any:
    total = values[0] if values else _number(0)
    for value in values[1:]:
        total += value
    return total


def _find(text: str, pattern: str) -> Any:
    match = re.search(str(pattern), str(text))
    return _text(match[0] if match else "")


def _find_all(text: str, pattern: str, limit: int = -1) -> Any:
    found = [match[0] for match in re.finditer(str(pattern), str(text))]
    return _texts(found if limit < 0 else found[: int(limit)])


def _holds(parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        try:
            parse(str(value))
        except ValueError:
            return _truth(False)
        return _truth(True)

    return check


def _url(value: str) -> SplitResult:
    parts = urlsplit(str(value))
    if not parts.scheme and not str(value).startswith("/"):
        raise ValueError(f"URL parse error during conversion from string: {value}")
    return parts


def _quantity(value: str) -> Any:
    return quantity.parse(str(value))[0]


def _compare(left: Any, right: Any) -> Any:
    return _number((left > right) - (left < right))


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "charAt": lambda text, at: _text(str(text)[int(at) : int(at) + 1]),
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "lowerAscii": lambda text: _text(str(text).lower()),
    "upperAscii": lambda text: _text(str(text).upper()),
    "replace": _replace,
    "split": _split,
    "substring": _substring,
    "trim": lambda text: _text(str(text).strip()),
    "join": lambda values, by="": _text(str(by).join(map(str, values))),
    "isSorted": _is_sorted,
    "sum": _sum,
    "min": lambda *values: min(values[0] if len(values) == 1 else values),
    "max": lambda *values: max(values[0] if len(values) == 1 else values),
    "find": _find,
    "findAll": _find_all,
    "url": _url,
    "isURL": _holds(_url),
    "getScheme": lambda url: _text(url.scheme),
    "getHost": lambda url: _text(url.netloc),
    "getHostname": lambda url: _text(url.hostname or ""),
    "getPort": lambda url: _text(str(url.port or "")),
    "getEscapedPath": lambda url: _text(url.path),
    "ip": lambda value: ipaddress.ip_address(str(value)),
    "isIP": _holds(ipaddress.ip_address),
    "family": lambda address: _number(address.version),
    "cidr": lambda value: ipaddress.ip_network(str(value), strict=False),
    "isCIDR": _holds(ipaddress.ip_network),
    "containsIP": lambda network, address: _truth(ipaddress.ip_address(str(address)) in network),
    "quantity": _quantity,
    "isQuantity": _holds(quantity.parse),
    "isGreaterThan": lambda left, right: _truth(left > right),
    "isLessThan": lambda left, right: _truth(left < right),
    "compareTo": _compare,
}
