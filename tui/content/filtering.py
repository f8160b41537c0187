"""The `/` filter: what a person types, read once, asked for every row.

    web         a regular expression, upper and lower case alike
    !web        rows that do not match
    -l env=prod a label selector
    -f psi      characters in this order, with anything between

Pure.  A pattern that is no regular expression is taken literally: half-typed input must not fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fleet.model.selector import parse_selector

Labels = Mapping[str, str]
_EVERYTHING: Callable[[str, Labels], bool] = lambda text, labels: True  # noqa: E731


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as typed; `matches` takes a row's text and labels."""

    text: str = ""
    matches: Callable[[str, Labels], bool] = _EVERYTHING
    error: str = ""

    def __bool__(self) -> bool:
        return bool(self.text)


def parse_filter(text: str) -> Filter:
    """Read a filter.  What cannot be read matches everything and says so in `error`."""
    typed = text.strip()
    if not typed:
        return Filter()
    if typed.startswith("-l"):
        return _labels(typed)
    if typed.startswith("-f"):
        wanted = typed.removeprefix("-f").strip().lower()
        return Filter(typed, lambda row, _: _fuzzy(wanted, row.lower()))
    if typed.startswith("!"):
        pattern = pattern_of(typed.removeprefix("!"))
        return Filter(typed, lambda row, _: not pattern.search(row))
    pattern = pattern_of(typed)
    return Filter(typed, lambda row, _: bool(pattern.search(row)))


def pattern_of(text: str) -> re.Pattern[str]:
    """A regular expression, upper and lower case alike; literal when it is none."""
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error:
        return re.compile(re.escape(text), re.IGNORECASE)


def _labels(typed: str) -> Filter:
    try:
        selector = parse_selector(typed.removeprefix("-l").strip())
    except ValueError as error:
        return Filter(typed, error=str(error))
    return Filter(typed, lambda _, labels: selector.matches(labels))


def _fuzzy(wanted: str, row: str) -> bool:
    position = 0
    for char in wanted:
        position = row.find(char, position) + 1
        if not position:
            return False
    return True
