"""Kubernetes label selectors: the text form (`env=prod,tier!=canary,region in (eu,us)`).

Grammar and meaning after apimachinery's `labels.Parse`: all requirements must hold; `!=` and
`notin` also match objects that lack the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a requirement compares a label with its values."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    NOT_EXISTS = "!"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` fulfil this condition."""
        match self.operator:
            case Operator.IN:
                return self.key in labels and labels[self.key] in self.values
            case Operator.NOT_IN:
                return self.key not in labels or labels[self.key] not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.NOT_EXISTS:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """A conjunction of requirements; `text` is what a person wrote."""

    text: str
    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` fulfil every requirement."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return self.text


_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_TERM = re.compile(
    r"""\s*(?:
        !\s*(?P<absent>[^\s,=!()]+)
      | (?P<set_key>[^\s,=!()]+)\s+(?P<set_op>in|notin)\s*\((?P<set_values>[^()]*)\)
      | (?P<key>[^\s,=!()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s,=!()]*)
      | (?P<present>[^\s,=!()]+)
    )\s*""",
    re.VERBOSE,
)


def parse_selector(text: str) -> Selector:
    """Read a selector.

    Raises:
        ValueError: what is wrong, where, and what is allowed.  An empty text is an error: whoever
            means "everything" must say so.
    """
    if not text.strip():
        raise ValueError(
            "a selector must not be empty; to select every cluster, name a label that all have"
        )
    requirements = []
    position = 0
    while True:
        term = _TERM.match(text, position)
        if not term:
            raise ValueError(
                f"cannot read the selector {text!r} at character {position + 1}; "
                "allowed: key=value, key!=value, key in (a,b), key notin (a,b), key, !key, "
                "joined by commas"
            )
        requirements.append(_requirement(term, text))
        position = term.end()
        if position == len(text):
            return Selector(text, tuple(requirements))
        if text[position] != ",":
            raise ValueError(
                f"cannot read the selector {text!r} at character {position + 1}: expected a comma"
            )
        position += 1


def _requirement(term: re.Match[str], text: str) -> Requirement:
    if key := term["absent"]:
        return Requirement(_checked(key, _KEY, text), Operator.NOT_EXISTS)
    if key := term["set_key"]:
        values = [value.strip() for value in term["set_values"].split(",")]
        operator = Operator.IN if term["set_op"] == "in" else Operator.NOT_IN
    elif key := term["key"]:
        values = [term["value"]]
        operator = Operator.NOT_IN if term["op"] == "!=" else Operator.IN
    else:
        return Requirement(_checked(term["present"], _KEY, text), Operator.EXISTS)
    return Requirement(
        _checked(key, _KEY, text),
        operator,
        frozenset(_checked(value, _VALUE, text) for value in values),
    )


def _checked(word: str, pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(word):
        kind = "label key" if pattern is _KEY else "label value"
        raise ValueError(f"{word!r} in the selector {text!r} is no valid {kind}")
    return word
