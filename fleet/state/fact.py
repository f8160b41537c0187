"""What every fact has, and the facts of releases on their way.  `events` has all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

SYSTEM = "flotilla"
"""The actor of what nobody asked for in person."""


class Fact(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True, omit_defaults=True
):
    """Base of all facts."""

    at: datetime
    actor: str = SYSTEM


class LogPruned(Fact, frozen=True, kw_only=True):
    """Old events were archived and deleted; the chain goes on from the last of them."""

    through: int
    hash: str
    """Of event `through`."""
    archive: str
    """The file that has them now."""


class ReleaseQueued(Fact, frozen=True, kw_only=True):
    """A release waits for its rollout, in the form that `fleet.rollout.codec` reads."""

    bundle: str
    revision: str
    release: Mapping[str, Any]
    pause: str = ""
    """Why its rollout starts paused; empty: it does not."""


class ReleaseDropped(Fact, frozen=True, kw_only=True):
    """A release will not travel."""

    bundle: str
    revision: str
    reason: str
    stranded: bool = False
    """Nothing newer takes its place: somebody has to change something in Git."""


class Watched(Fact, frozen=True, kw_only=True):
    """Rollouts were watched until now and nothing happened: so much of their soak is not lost."""


class RolloutEvent(Fact, frozen=True, kw_only=True):
    """A fact of one rollout, in the form that `fleet.rollout.record` reads."""

    rollout: str
    bundle: str
    name: str
    event: Mapping[str, Any]
