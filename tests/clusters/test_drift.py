"""The two pure levels of drift: what metadata says, and what the values say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from clusters.drift import Glance, Reference, compare, glance
from clusters.model import Applied, BundleName, Digest, ObjectRef
from clusters.ownership import Entry
from clusters.projection import projection_hash, short_hash

REF = ObjectRef("", "ConfigMap", "default", "a")
FIELDS: dict[str, Any] = {"f:data": {"f:x": {}, "f:y": {}}}
BODY = {"data": {"x": "1", "y": "1"}}
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(manager: str, fields: dict[str, Any], operation: str = "Update") -> Entry:
    return Entry(
        manager=manager, operation=operation, subresource="", time=AT, fields=orjson.dumps(fields)
    )


OURS = entry("flotilla", FIELDS, "Apply")
APPLIED = Applied(
    ref=REF,
    api_version="v1",
    bundle=BundleName("app"),
    digest=Digest("d"),
    uid="u1",
    entry_hash=short_hash(OURS.fields),
    live_hash=projection_hash(BODY, FIELDS),
    confirmed=True,
)
REFERENCE = Reference(fields=FIELDS, live_hash=APPLIED.live_hash, values=BODY)


def test_an_identical_entry_is_the_end_of_it() -> None:
    assert glance(APPLIED, "u1", [entry("other", {"f:data": {"f:z": {}}}), OURS]) is Glance.SAME


def test_another_uid_a_shrunk_or_a_missing_entry_must_be_looked_at() -> None:
    shrunk = entry("flotilla", {"f:data": {"f:y": {}}}, "Apply")
    assert glance(APPLIED, "u2", [OURS]) is Glance.LOOK
    assert glance(APPLIED, "u1", [shrunk]) is Glance.LOOK
    assert glance(APPLIED, "u1", []) is Glance.LOOK


def test_a_cleared_entry_with_our_values_is_no_drift() -> None:
    assert compare(REFERENCE, BODY, [], replaced=False) is None


def test_the_taker_and_the_time_are_named() -> None:
    kept = entry("flotilla", {"f:data": {"f:y": {}}}, "Apply")
    taker = entry("kubectl-edit", {"f:data": {"f:x": {}}})
    drift = compare(REFERENCE, {"data": {"x": "2", "y": "1"}}, [kept, taker], replaced=False)
    assert drift is not None
    assert (drift.paths, drift.manager, drift.changed_at) == (
        ("data.x",),
        "kubectl-edit/Update",
        AT,
    )


def test_without_our_entry_the_values_say_what_changed() -> None:
    drift = compare(REFERENCE, {"data": {"x": "1"}}, [], replaced=False)
    assert drift is not None
    assert (drift.paths, drift.manager, drift.changed_at) == (("data.y",), "", None)


def test_our_own_name_in_another_hand_is_seen() -> None:
    """Somebody applies other values under our manager's name: ownership alone says nothing."""
    drift = compare(REFERENCE, {"data": {"x": "9", "y": "1"}}, [OURS], replaced=False)
    assert drift is not None
    assert drift.paths == ("data.x",)


def test_a_replaced_object_is_drift_even_with_equal_values() -> None:
    assert compare(REFERENCE, BODY, [OURS], replaced=True) is not None
