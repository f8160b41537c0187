"""Why a text is no YAML: the words of the parser, with a place and what to do about it."""

from __future__ import annotations

import yaml


class YamlProblem(ValueError):
    """A text is no YAML, or YAML that is refused.  Lines and columns start at 1."""

    def __init__(self, message: str, *, file: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


_ADVICE = {
    "found character '\\t' that cannot start any token": "indent with spaces, not with tabs",
    "found character that cannot start any token": (
        "put a text that starts with one of @ ` % or a tab in quotes, and indent with spaces"
    ),
    "mapping values are not allowed in this context": (
        "put a text that holds ': ' in quotes, and check the indentation"
    ),
    "did not find expected key": "check the indentation of this line and the one before",
    "could not find expected ':'": "a key needs a colon and a space behind it",
    "block sequence entries are not allowed in this context": (
        "start a list on the line below its key"
    ),
}


_NESTED = "exceeded maximum nesting depth"
"""How libyaml gives up by itself, from 0.2.6 on: far behind our own limit, but ahead of it where
it reads brackets before it tells of them."""


def syntax_problem(error: yaml.MarkedYAMLError, file: str, *, depth_max: int) -> YamlProblem:
    """Translate what the scanner or parser found."""
    mark = error.problem_mark or error.context_mark
    what = ", ".join(part for part in (error.context, error.problem) if part)
    advice = _ADVICE.get(error.problem or "")
    message = f"no valid YAML: {what}" + (f"; {advice}" if advice else "")
    return YamlProblem(
        f"nested more than {depth_max} deep" if error.problem == _NESTED else message,
        file=file,
        line=mark.line + 1 if mark else 1,
        column=mark.column + 1 if mark else 1,
    )


def encoding_problem(error: yaml.reader.ReaderError, data: bytes, file: str) -> YamlProblem:
    """Translate what the decoder found, before any YAML was seen."""
    before = data[: error.position]
    return YamlProblem(
        f"no text: {error.reason}; YAML files are UTF-8 without control characters",
        file=file,
        line=before.count(b"\n") + 1,
        column=len(before) - before.rfind(b"\n"),
    )
