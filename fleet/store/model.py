"""The values that go into the store and come out of it.

Pure: no database, no SQLModel; `store` is the facade that takes and returns them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from clusters.model import Applied, ClusterName, Digest, ObjectRef


class Durability(StrEnum):
    """What a commit survives.  Killing the process loses nothing in either case."""

    POWER_LOSS = "full"
    """Each commit waits for the disk.  Default: a cluster keeps what was applied to it when our
    machine loses power, so the intent that was written before must be kept as well."""
    PROCESS_CRASH = "normal"
    """Commits wait for the kernel only: a power cut may lose the last ones, never damage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """One line of the audit log, before it has a place in it.

    `data` is JSON: string keys, integers within 64 bits; NaN and infinity become null.

    Raises:
        ValueError: `kind` or `actor` is empty, or `at` is not in UTC.
    """

    kind: str
    at: datetime
    actor: str
    """Who did it: a person, a token's name, or the part of the program that acted."""
    cluster: str | None = None
    bundle: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.kind or not self.actor:
            raise ValueError("an event needs a kind and an actor")
        if self.at.utcoffset() != timedelta(0):
            raise ValueError("an event's time must be in UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One line of the audit log.  `seq` starts at 1 and has no gaps."""

    seq: int
    kind: str
    at: datetime
    actor: str
    cluster: str | None
    bundle: str | None
    data: Mapping[str, Any]
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedChange:
    """What changes in one cluster's apply set.  Removals come first, then upserts."""

    upserts: Sequence[Applied] = ()
    removals: Sequence[ObjectRef] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that must be stored together, or not at all."""

    events: Sequence[EventDraft] = ()
    contents: Mapping[Digest, bytes] = field(default_factory=dict)
    """Bodies by the digest of their bytes; those already stored are left as they are."""
    sets: Mapping[Digest, Sequence[Digest]] = field(default_factory=dict)
    """Manifest sets: the digests of their contents, in order."""
    applied: Mapping[ClusterName, AppliedChange] = field(default_factory=dict)
    snapshot: bytes | None = None
    """The state after the last event of this batch."""
    commands: Mapping[str, bytes] = field(default_factory=dict)
    """Results by idempotency key."""
