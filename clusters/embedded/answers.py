"""What goes back to a client: a finished answer, or a watch that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from clusters.embedded.decoding import JSON
from clusters.embedded.status import ApiStatus


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
