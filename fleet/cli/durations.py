"""Spans of time on the command line, written as in the documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fleet.cli.output import EXIT_USAGE, fail


def duration(text: str, option: str) -> float:
    """Read `90d` or `1h30m` into seconds; what is none ends the command."""
    from pydantic_core import PydanticCustomError

    from fleet.schema.fields import read_duration

    try:
        return read_duration(text)
    except PydanticCustomError as error:
        fail(f"{option}: {error.message()}, found {text!r}", EXIT_USAGE)


def moment_before(text: str, option: str) -> datetime:
    """Read a day (its beginning, UTC), or how long ago; what is neither ends the command."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC) - timedelta(seconds=duration(text, option))
