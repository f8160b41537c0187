"""The state as bytes, and back: what saves a restarted server from folding every fact."""

from __future__ import annotations

from dataclasses import fields
from sys import intern
from typing import Any, get_type_hints

import msgspec

from fleet.state.fleet import FleetState
from fleet.state.travel import read_travel, travel_record

_COMMITS = ("revision", "fleet_revision", "good_revision", "good_fleet_revision")


def dump(state: FleetState) -> bytes:
    """Serialise for a snapshot."""
    plain = {
        each.name: getattr(state, each.name) for each in fields(state) if each.name != "travel"
    }
    return msgspec.json.encode({**plain, "travel": travel_record(state.travel)})


def load(data: bytes) -> FleetState:
    """Read a snapshot.

    Raises:
        ValueError: written by another version; fold the facts instead.
    """
    plain = msgspec.json.decode(data)
    _complete(plain)
    state = FleetState(travel=read_travel(plain.pop("travel")))
    declared = get_type_hints(FleetState)
    for name, value in plain.items():
        setattr(state, name, msgspec.convert(value, declared[name]))
    return state


def _complete(plain: dict[str, Any]) -> None:
    """Fill in what older snapshots do not have: the fleet's commit at which bundles were good.

    What is in force is the nearest that is known of it.
    """
    commit = plain["commit"]
    for placed in plain["assignments"].values():
        for entry in placed.values():
            if commit and entry["good_revision"]:
                entry.setdefault("good_fleet_revision", commit["revision"])
            # A few commits, named by each of a hundred thousand placements: one text for each.
            for name in _COMMITS:
                if name in entry:
                    entry[name] = intern(entry[name])
