"""Row <-> domain: one function for each way.  Pure; `tables` declares the rows.

In both directions a row is a mapping by column name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from clusters.model import (
    SECRET,
    Applied,
    BundleName,
    ClusterName,
    Digest,
    ObjectRef,
    canonical_json,
)
from fleet.store.audit import ChainLink, canonical_event, link_hash
from fleet.store.model import EventDraft, StoredEvent

Values = Mapping[Any, Any]
"""A row by column name, as SQLAlchemy types it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
    """A draft as text, ready for the chain: what can be wrong with a draft was found."""

    draft: EventDraft
    at: str
    data: bytes


def time_text(at: datetime) -> str:
    """Write a time so that text order is time order: UTC, always with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def encode_event(draft: EventDraft) -> EncodedEvent:
    """Write down what of a draft is hashed.

    Raises:
        ValueError: `data` is not JSON, or a text is not valid Unicode or contains NUL.
    """
    texts = (draft.kind, draft.actor, draft.cluster or "", draft.bundle or "")
    if any("\0" in text for text in texts):
        raise ValueError("an event's texts must not contain NUL")
    try:
        data = canonical_json(draft.data)
    except TypeError as error:
        raise ValueError(f"data of a {draft.kind} event is not JSON: {error}") from None
    encoded = EncodedEvent(draft=draft, at=time_text(draft.at), data=data)
    _canonical(encoded, seq=1)
    return encoded


def chain_events(
    encoded: Iterable[EncodedEvent], *, seq: int, prev_hash: str
) -> list[dict[str, Any]]:
    """Give events their place after event `seq`: the rows of `event`."""
    rows: list[dict[str, Any]] = []
    for seq_of_event, event in enumerate(encoded, start=seq + 1):
        own_hash = link_hash(prev_hash, _canonical(event, seq=seq_of_event))
        draft = event.draft
        rows.append(
            {
                "seq": seq_of_event,
                "at": event.at,
                "kind": draft.kind,
                "actor": draft.actor,
                "cluster": draft.cluster,
                "bundle": draft.bundle,
                "data": event.data.decode(),
                "prev_hash": prev_hash,
                "hash": own_hash,
            }
        )
        prev_hash = own_hash
    return rows


def stored_event(row: Values) -> StoredEvent:
    """Read a row of `event`."""
    return StoredEvent(
        seq=row["seq"],
        kind=row["kind"],
        at=datetime.fromisoformat(row["at"]),
        actor=row["actor"],
        cluster=row["cluster"],
        bundle=row["bundle"],
        data=orjson.loads(row["data"]),
        prev_hash=row["prev_hash"],
        hash=row["hash"],
    )


def chain_link(row: Values) -> ChainLink:
    """Read a row of `event` as the chain sees it, interpreting nothing.

    Raises:
        ValueError: a column holds what no event can hold.
    """
    try:
        canonical = canonical_event(
            actor=row["actor"],
            at=row["at"],
            bundle=row["bundle"],
            cluster=row["cluster"],
            data=row["data"].encode(),
            kind=row["kind"],
            seq=row["seq"],
        )
    except AttributeError as error:
        raise ValueError("data is not text") from error
    return ChainLink(
        seq=row["seq"], canonical=canonical, prev_hash=row["prev_hash"], hash=row["hash"]
    )


def applied_row(cluster: ClusterName, applied: Applied) -> dict[str, Any]:
    """Write a member of a cluster's apply set as a row of `applied`."""
    return {
        **applied_key(cluster, applied.ref),
        "api_version": applied.api_version,
        "bundle": applied.bundle,
        "digest": applied.digest,
        "uid": applied.uid,
        "entry_hash": applied.entry_hash,
        # The hash of values that are secret would let them be guessed; it is made anew when needed.
        "live_hash": "" if applied.ref.group_kind == SECRET else applied.live_hash,
        "confirmed": applied.confirmed,
    }


def applied_key(cluster: ClusterName, ref: ObjectRef) -> dict[str, str]:
    """Write the primary key of a row of `applied`."""
    return {
        "cluster": cluster,
        "api_group": ref.group,
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
    }


def applied_of(row: Values) -> Applied:
    """Read a row of `applied`."""
    return Applied(
        ref=ObjectRef(row["api_group"], row["kind"], row["namespace"], row["name"]),
        api_version=row["api_version"],
        bundle=BundleName(row["bundle"]),
        digest=Digest(row["digest"]),
        uid=row["uid"],
        entry_hash=row["entry_hash"],
        live_hash=row["live_hash"],
        confirmed=row["confirmed"],
    )


def members_text(members: Sequence[Digest]) -> str:
    """Write the contents of a manifest set."""
    return "\n".join(members)


def members_of(text: str) -> tuple[Digest, ...]:
    """Read the contents of a manifest set."""
    return tuple(Digest(line) for line in text.split("\n") if line)


def _canonical(event: EncodedEvent, *, seq: int) -> bytes:
    draft = event.draft
    return canonical_event(
        actor=draft.actor,
        at=event.at,
        bundle=draft.bundle,
        cluster=draft.cluster,
        data=event.data,
        kind=draft.kind,
        seq=seq,
    )
