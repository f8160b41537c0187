"""The two pure levels of drift: what metadata says, and what the values say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from clusters.fields.drift import Glance, Reference, Verdict, compare, glance
from clusters.fields.ownership import Entry
from clusters.fields.projection import projection_hash, short_hash
from clusters.fields.rules import ObjectRules
from clusters.model import Applied, BundleName, Digest, DriftPolicy, DriftRule, ObjectRef, Target
from clusters.records import Drift

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
REFERENCE = Reference(fields=FIELDS, live_hash=APPLIED.live_hash, values=BODY, wanted=BODY)

PLAIN = ObjectRules(DriftPolicy.CORRECT)
X_IS_FREE = ObjectRules(
    DriftPolicy.CORRECT,
    (DriftRule(target=Target(), drift=DriftPolicy.IGNORE, fields=("data.x",)),),
)


def drift_of(live: dict[str, Any], entries: list[Entry], *, replaced: bool) -> Drift | None:
    return compare(REFERENCE, live, entries, replaced=replaced, rules=PLAIN).drift


def test_an_identical_entry_is_the_end_of_it() -> None:
    assert glance(APPLIED, "u1", OURS.fields) is Glance.SAME


def test_another_uid_a_shrunk_or_a_missing_entry_must_be_looked_at() -> None:
    shrunk = entry("flotilla", {"f:data": {"f:y": {}}}, "Apply")
    assert glance(APPLIED, "u2", OURS.fields) is Glance.LOOK
    assert glance(APPLIED, "u1", shrunk.fields) is Glance.LOOK
    assert glance(APPLIED, "u1", None) is Glance.LOOK


def test_a_cleared_entry_with_our_values_is_no_drift() -> None:
    assert drift_of(BODY, [], replaced=False) is None


def test_the_taker_and_the_time_are_named() -> None:
    kept = entry("flotilla", {"f:data": {"f:y": {}}}, "Apply")
    taker = entry("kubectl-edit", {"f:data": {"f:x": {}}})
    drift = drift_of({"data": {"x": "2", "y": "1"}}, [kept, taker], replaced=False)
    assert drift is not None
    assert (drift.paths, drift.manager, drift.changed_at) == (
        ("data.x",),
        "kubectl-edit/Update",
        AT,
    )


def test_without_our_entry_the_values_say_what_changed() -> None:
    drift = drift_of({"data": {"x": "1"}}, [], replaced=False)
    assert drift is not None
    assert (drift.paths, drift.manager, drift.changed_at) == (("data.y",), "", None)


def test_our_own_name_in_another_hand_is_seen() -> None:
    """Somebody applies other values under our manager's name: ownership alone says nothing."""
    drift = drift_of({"data": {"x": "9", "y": "1"}}, [OURS], replaced=False)
    assert drift is not None
    assert drift.paths == ("data.x",)


def test_a_replaced_object_is_drift_even_with_equal_values() -> None:
    assert drift_of(BODY, [OURS], replaced=True) is not None


def test_what_is_left_to_others_is_no_drift_but_the_new_measure() -> None:
    kept = entry("flotilla", {"f:data": {"f:y": {}}}, "Apply")
    taker = entry("hpa", {"f:data": {"f:x": {}}})
    live = {"data": {"x": "2", "y": "1"}}
    verdict = compare(REFERENCE, live, [kept, taker], replaced=False, rules=X_IS_FREE)
    assert verdict == Verdict(tolerated=True)


def test_beside_it_everything_else_still_is() -> None:
    taker = entry("hpa", FIELDS)
    live = {"data": {"x": "2", "y": "2"}}
    verdict = compare(REFERENCE, live, [taker], replaced=False, rules=X_IS_FREE)
    assert verdict.drift is not None
    assert verdict.drift.paths == ("data.y",)


def test_without_our_entry_it_is_no_measure_yet() -> None:
    live = {"data": {"x": "2", "y": "1"}}
    assert compare(REFERENCE, live, [], replaced=False, rules=X_IS_FREE) == Verdict()


def test_under_other_rules_an_identical_entry_is_looked_at() -> None:
    assert glance(APPLIED, "u1", OURS.fields, exemption=X_IS_FREE.exemption) is Glance.LOOK
