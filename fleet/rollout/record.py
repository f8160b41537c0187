"""Rollouts and their events as JSON-able records, and back: what the store keeps.

Round trip law: reading what was written gives an equal value.  The release, the plan and the
clusters of a rollout are in it; gates, windows and inventories are too where the plan froze them.
`VERSION` grows when old records cannot be read by today's defaults any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from fleet.rollout.codec import from_data, to_data
from fleet.rollout.events import Event
from fleet.rollout.state import Rollout

VERSION = 1


class UnreadableRecord(ValueError):
    """A stored record cannot be read by this version of the program."""


def rollout_record(rollout: Rollout) -> dict[str, Any]:
    """Write a rollout."""
    return {"version": VERSION, "rollout": to_data(rollout, Rollout)}


def read_rollout(record: Mapping[str, Any]) -> Rollout:
    """Read a rollout.

    Raises:
        UnreadableRecord: it was written by a newer version, or is damaged.
    """
    return cast(Rollout, _read(record, "rollout", Rollout))


def event_record(event: Event) -> dict[str, Any]:
    """Write an event; `kind` inside is its name."""
    return {"version": VERSION, "event": to_data(event, Event)}


def read_event(record: Mapping[str, Any]) -> Event:
    """Read an event.

    Raises:
        UnreadableRecord: it was written by a newer version, or is damaged.
    """
    return cast(Event, _read(record, "event", Event))


def _read(record: Mapping[str, Any], key: str, declared: Any) -> Any:
    version = record.get("version")
    if version != VERSION:
        raise UnreadableRecord(
            f"a stored {key} has version {version}, and this program reads version {VERSION}; "
            "start the version that wrote it, or a newer one"
        )
    try:
        return from_data(declared, record[key])
    except (KeyError, ValueError) as error:
        raise UnreadableRecord(f"a stored {key} is damaged: {error}") from error
