"""Whether a live object still is what was applied, from cheap evidence to dear.

Pure.  Four levels, each asked only where the one before cannot say (all of them agreed with a
dry-run apply in every case recorded from a real API server):

    L0  resourceVersion is that of our last apply: nothing happened.
    L1  our entry in managedFields is byte-identical: nothing of ours was changed by anyone.
    L2  the entry changed: the live values at our field set hash as they did after our apply, so
        only the entry went; or they do not, which is drift.
    L3  the field set is not known (after a restart): a dry-run apply gives one to compare with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from clusters.fields.ownership import (
    Entry,
    changed_paths,
    dotted,
    holder_of,
    lost_paths,
    our_entry,
    remembered,
)
from clusters.fields.projection import FieldSet, projection_hash, value_hash
from clusters.fields.rules import ObjectRules
from clusters.model import Applied, Body, DriftPolicy
from clusters.records import Drift


class Glance(Enum):
    """What metadata alone can say."""

    SAME = auto()
    LOOK = auto()


def glance(applied: Applied, uid: str, ours: bytes | None, *, exemption: str = "") -> Glance:
    """L1: whether our entry is still the one of our last apply, under the same rules.

    Args:
        applied: what was applied.
        uid: of the object that is there.
        ours: the field set of our entry on it, or None.
        exemption: what is left to others now.
    """
    same = applied.uid == uid and ours is not None
    if same and remembered(ours or b"", exemption) == applied.entry_hash:
        return Glance.SAME
    return Glance.LOOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What our last apply left: the field set, and the values at it (or only their hash)."""

    fields: FieldSet
    live_hash: str
    values: Mapping[str, Any]
    """The desired object, or the server's answer to a dry run of it."""
    wanted: Mapping[str, Any]
    """The desired object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison found."""

    drift: Drift | None = None
    tolerated: bool = False
    """Changed, but only where changes are left to others: what is owned now is the new measure."""


def compare(
    reference: Reference,
    live: Body,
    entries: Sequence[Entry],
    *,
    replaced: bool,
    rules: ObjectRules,
) -> Verdict:
    """L2: how `live` differs from what was applied; no drift when only our entry was cleared.

    Args:
        reference: what was applied.
        live: the whole object as it is.
        entries: its managedFields.
        replaced: whether it has another UID than the object we applied.
        rules: which fields may be changed.
    """
    if projection_hash(live, reference.fields) == reference.live_hash and not replaced:
        return Verdict()
    entry = our_entry(entries)
    lost = lost_paths(reference.fields, entry.field_set()) if entry else []
    changed = lost or list(changed_paths(reference.values, live, reference.fields))
    paths = [path for path in changed if rules.of(path) is not DriftPolicy.IGNORE]
    if changed and not paths and not replaced:
        return Verdict(tolerated=entry is not None)
    paths.sort(key=dotted)
    holder = holder_of(paths, entries)
    return Verdict(
        drift=Drift(
            paths=tuple(dotted(path) for path in paths),
            manager=holder.label if holder else "",
            changed_at=holder.time if holder else None,
            fields=tuple(paths),
            wanted=tuple(value_hash(reference.wanted, path) for path in paths),
            replaced=replaced,
        )
    )


def parse_fields(fields: bytes) -> FieldSet:
    """Parse fieldsV1 bytes."""
    parsed: FieldSet = orjson.loads(fields)
    return parsed
