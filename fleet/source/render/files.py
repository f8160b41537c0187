"""What a rendering reads: the files of a bundle's source, by content."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from clusters.model import Digest, canonical_json, digest_of
from fleet.model.problems import Problem
from fleet.source.yaml import Document

Json = Any
FieldPath = tuple[str | int, ...]
"""Where a value is inside a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file at one revision; equal `blob_id`, equal `data`."""

    path: str
    """From the root of its repository."""
    blob_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """Everything below a bundle's path.  Make one for a revision and use it for all clusters."""

    root: str
    """The bundle's path from the root of the repository; "" is the repository itself."""
    files: Mapping[str, SourceFile]
    problems: tuple[Problem, ...] = ()
    """What is wrong with the folder itself, like links that leave the repository."""
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def digest(self) -> Digest:
        """Names the content: the same wherever the same files (and troubles) are."""
        listing = sorted((file.path, file.blob_id) for file in self.files.values())
        findings = [str(finding) for finding in (*self.problems, *self.warnings)]
        return digest_of(canonical_json([self.root, listing, findings]))

    def below(self, name: str) -> SourceFile | None:
        """Find a file by its path from `root`."""
        return self.files.get(f"{self.root}/{name}" if self.root else name)

    def name_of(self, file: SourceFile) -> str:
        """Give the path from `root`."""
        return file.path[len(self.root) :].lstrip("/") if self.root else file.path


def problem_at(
    document: Document,
    path: FieldPath,
    message: str,
    *,
    field: str | None = None,
    found: str | None = None,
    allowed: str | None = None,
) -> Problem:
    """Make the problem of one place in a document."""
    return Problem(
        file=document.file,
        line=document.line_of(path),
        field=field if field is not None else field_path(path),
        message=message,
        found=found,
        allowed=allowed,
    )


def field_path(path: FieldPath) -> str:
    """Write a place as people do: `spec.containers[0].image`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f"[{part[:60]!r}]"
    return text


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """Suggest the nearest of `words`, or nothing."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def kind_of(value: Json) -> str:
    """Name the type of a value, where the value itself may be secret."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "a mapping"
