"""One exchange with a client, without its socket: what was asked, and a finished answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from clusters.embedded.decoding import JSON
from clusters.embedded.status import ApiStatus


class Headers(Protocol):
    """Request headers: names in any case, and possibly several times."""

    def get(self, name: str, /, default: str) -> str:
        """Give the first value."""

    def getall(self, name: str, /, default: list[str]) -> list[str]:
        """Give all values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read from its socket."""

    method: str
    parts: list[str]
    """The segments of the path below the cluster."""
    headers: Headers
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def accept(self) -> str:
        """Which forms of answer the client takes."""
        return self.headers.get("Accept", "")

    @property
    def content_type(self) -> str:
        """In which form the body comes."""
        return self.headers.get("Content-Type", "")

    @property
    def agent(self) -> str:
        """Which program asks."""
        return self.headers.get("User-Agent", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def json_answer(value: Any, status: int = 200) -> Answer:
    """Answer with a value."""
    return Answer(status, orjson.dumps(value))


def text_answer(text: str, status: int = 200) -> Answer:
    """Answer in plain text."""
    return Answer(status, text.encode(), "text/plain; charset=utf-8")


PAGE_NOT_FOUND = text_answer("404 page not found\n", 404)
"""What is said of a path that belongs to no served group."""


def refusal(status: ApiStatus) -> Answer:
    """Answer with a failure."""
    headers = {}
    if status.details is not None and status.details.retry_after_seconds:
        headers["Retry-After"] = str(status.details.retry_after_seconds)
    return Answer(status.code, orjson.dumps(status.body()), headers=headers)
