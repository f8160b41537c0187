from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.model import Applied, BundleName, ClusterName, Digest, ObjectRef
from fleet.store.audit import GENESIS
from fleet.store.model import EventDraft
from fleet.store.records import (
    applied_key,
    applied_of,
    applied_row,
    chain_events,
    encode_event,
    members_of,
    members_text,
    stored_event,
    time_text,
)
from fleet.store.tables import APPLIED, EVENT
from tests.fleet.store.places import draft
from tests.fleet.store.test_audit import DRAFTS, TEXT

APPLIED_VALUES = st.builds(
    Applied,
    ref=st.builds(ObjectRef, TEXT, TEXT, TEXT, TEXT),
    api_version=TEXT,
    bundle=TEXT.map(BundleName),
    digest=TEXT.map(Digest),
    uid=TEXT,
    entry_hash=TEXT,
    live_hash=TEXT,
    confirmed=st.booleans(),
)
DIGESTS = st.text("0123456789abcdef", min_size=32, max_size=32).map(Digest)


@given(DRAFTS)
def test_an_event_comes_back_as_it_went_in(event: EventDraft) -> None:
    (row,) = chain_events([encode_event(event)], seq=6, prev_hash=GENESIS)
    stored = stored_event(row)

    assert set(row) == {column.name for column in EVENT.c}
    assert stored.seq == 7
    assert stored.at == event.at
    for name in ("kind", "actor", "cluster", "bundle", "data"):
        assert getattr(stored, name) == getattr(event, name)


@given(TEXT.map(ClusterName), APPLIED_VALUES)
def test_an_applied_object_comes_back_as_it_went_in(cluster: ClusterName, applied: Applied) -> None:
    row = applied_row(cluster, applied)

    assert set(row) == {column.name for column in APPLIED.c}
    assert applied_of(row) == applied
    assert set(applied_key(cluster, applied.ref)) == {key.name for key in APPLIED.primary_key}


@given(st.lists(DIGESTS, max_size=5))
def test_members_come_back_in_order(digests: list[Digest]) -> None:
    assert members_of(members_text(digests)) == tuple(digests)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_times_as_text_are_in_order_of_time(one: datetime, other: datetime) -> None:
    assert (time_text(one) < time_text(other)) == (one < other)


def test_not_a_number_becomes_null() -> None:
    assert encode_event(draft(data={"a": float("nan"), "b": float("inf")})).data == (
        b'{"a":null,"b":null}'
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": ""},
        {"actor": ""},
        {"at": datetime(2026, 1, 1)},
        {"at": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))},
    ],
)
def test_a_draft_says_what_it_lacks(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="event"):
        draft(**fields)
