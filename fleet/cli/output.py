"""How commands speak: data on standard output, everything else on standard error.

Exit codes: 0 done, 1 failed (or differences found), 2 wrong usage, 3 server unreachable, 4 timeout,
5 denied, 6 conflict.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NoReturn

import msgspec

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_TIMEOUT = 4
EXIT_DENIED = 5
EXIT_CONFLICT = 6

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What steers a terminal, and bytes of file names that are no text, which it cannot show."""


class Format(StrEnum):
    """Forms of output."""

    TABLE = "table"
    WIDE = "wide"
    NAME = "name"
    JSON = "json"
    YAML = "yaml"


def say(message: str) -> None:
    """Tell a person something; words of servers and of others cannot steer the terminal."""
    print("\n".join(map(printable, message.split("\n"))), file=sys.stderr)


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """Say what is wrong and end the command."""
    say(f"Error: {message}")
    raise SystemExit(code)


def show_table(
    rows: Iterable[Sequence[str]], headers: Sequence[str], *, with_headers: bool = True
) -> None:
    """Print columns, as wide as they need to be.  Text of clusters cannot steer the terminal."""
    shown = [[printable(cell) for cell in row] for row in rows]
    lines = [list(headers), *shown] if with_headers else shown
    if not lines:
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print(text.rstrip())


def show_data(value: Any, form: Format, *, kind: str) -> None:
    """Print data for programs: JSON or YAML, with an apiVersion, as a list of one kind."""
    plain = {
        "apiVersion": "flotilla.dev/cli/v1",
        "kind": kind,
        "items": msgspec.to_builtins(value),
    }
    if form is Format.JSON:
        print(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode())
        return
    import yaml

    print(yaml.dump(plain, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True), end="")


def count(number: int, what: str) -> str:
    """A number of things, in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Replace what could steer a terminal."""
    return _CONTROL.sub("�", text)


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as Kubernetes writes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
