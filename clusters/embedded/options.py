"""Options of serving embedded clusters, as people write them on a command line."""

from __future__ import annotations

import json
import re

from clusters.embedded.faults import Faults

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def read_duration(text: str) -> float:
    """Read `500ms`, `2s`, `1m` or plain seconds; gives seconds.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)?", text)
    if found is None:
        raise ValueError(f"{text!r} is no duration; write 500ms, 2s or 1m")
    return float(found[1]) * _UNITS[found[2]]


def read_faults(text: str) -> Faults:
    """Read faults as JSON, or as `latency_s=0.1,error_rate=0.05,stopped`.

    Raises:
        ValueError: there is no such fault, or it does not take this value.
    """
    if text.lstrip().startswith("{"):
        return Faults.read(json.loads(text))
    pairs = (part.partition("=")[::2] for part in text.split(",") if part)
    values = {}
    for name, value in pairs:
        try:
            values[name.strip()] = json.loads(value or "true")
        except json.JSONDecodeError as error:
            raise ValueError(f"fault {name.strip()!r}: {value!r} is no value") from error
    return Faults.read(values)
