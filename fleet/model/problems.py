"""What is wrong with the documents of a commit: the one form in which a person sees it.

Validation collects problems and never stops at the first; `InvalidFleet` carries them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend, or (as a warning) to think about.

    `found` and `allowed` are texts for people.  `found` never holds a value that may be secret:
    whoever makes a problem of a field with free content gives its type only.
    """

    file: str
    line: int
    """First line is 1."""
    message: str
    field: str = ""
    """Path inside the document, like `spec.stages[2].maxFailures`; empty: the whole document."""
    found: str | None = None
    allowed: str | None = None

    def __str__(self) -> str:
        facts = [
            f"{word} {text}"
            for word, text in (("found", self.found), ("allowed", self.allowed))
            if text is not None
        ]
        where = f"{self.file}:{self.line}: " + (f"{self.field}: " if self.field else "")
        return where + self.message + (f" ({'; '.join(facts)})" if facts else "")


def in_reading_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort by file and line, without repetitions."""
    return tuple(sorted(set(problems), key=lambda one: (one.file, one.line, one.field, str(one))))


class InvalidFleet(Exception):
    """The documents of a commit are refused as a whole; `problems` are all the reasons."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_reading_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
