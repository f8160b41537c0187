"""How a bundle stands, in counts and the one sentence that a person needs most."""

from __future__ import annotations

from collections.abc import Iterable

from clusters.model import (
    BundleName,
    DesiredBundle,
    Digest,
    Health,
    Manifest,
    Revision,
)
from clusters.planning.actions import HeldPrune, Plan, Wait
from clusters.planning.summary import Summary, leftovers, summarise
from clusters.records import Drift, Failure, Leaving, Record
from tests.fakes.plans import applied, by_ref, config, record, state

A, B = config("a"), config("b")
APP = BundleName("app")
DRIFT = Drift(paths=("data.value",), manager="x", changed_at=None)
REFUSED = Failure(reason="field is immutable", attempts=1, retry_at=9.0, digest=A.digest)


def bundle(*manifests: Manifest) -> DesiredBundle:
    return DesiredBundle(
        name=APP, digest=Digest("whole"), revision=Revision("0" * 40), manifests=manifests
    )


def summed(
    *records: Record, plan: Plan | None = None, suspended: str | None = None, leftover: int = 0
) -> Summary:
    return summarise(
        bundle(A, B), by_ref(records), plan or Plan(), suspended=suspended, leftover=leftover
    )


def test_all_stand() -> None:
    assert summed(record(A), record(B)) == Summary(
        applied_digest=Digest("whole"),
        health=Health.HEALTHY,
        objects=2,
        applied=2,
        drifted=0,
        leftover=0,
        message="",
    )


def test_an_empty_bundle_stands() -> None:
    summary = summarise(bundle(), {}, Plan(), suspended=None, leftover=3)
    assert (summary.applied_digest, summary.health, summary.leftover) == ("whole", "Healthy", 3)


def test_what_is_not_applied_yet_is_on_its_way() -> None:
    summary = summed(record(A))
    assert (summary.applied_digest, summary.applied, summary.health) == (None, 1, "Progressing")


def test_what_cannot_be_applied_is_missing() -> None:
    failing = record(B, applied=applied(B, confirmed=False), failure=REFUSED)
    summary = summed(record(A), failing)
    assert summary.health is Health.MISSING
    assert summary.message == "ConfigMap/b: field is immutable"


def test_each_way_not_to_stand() -> None:
    for other in (
        record(A, drift=DRIFT),
        record(A, present=False),
        record(A, leaving=Leaving.DELETED),
        record(A, applied=applied(A, digest="old")),
        record(A, applied=applied(A, confirmed=False)),
        record(A, "another bundle"),
    ):
        summary = summed(other, record(B))
        assert (summary.applied_digest, summary.applied) == (None, 1)


def test_a_job_that_removed_itself_stands() -> None:
    summary = summed(record(A, present=False, expired=True), record(B))
    assert (summary.applied_digest, summary.health) == ("whole", "Healthy")


def test_drift_is_counted() -> None:
    assert summed(record(A, drift=DRIFT), record(B)).drifted == 1


def test_the_worst_is_told() -> None:
    summary = summed(
        record(A, health=Health.DEGRADED, message="image pull failed"),
        record(B, health=Health.PROGRESSING, message="1 of 2"),
    )
    assert (summary.health, summary.message) == (
        Health.DEGRADED,
        "ConfigMap/a: image pull failed",
    )


def test_what_needs_a_person_most_is_said_first() -> None:
    ill = record(A, health=Health.DEGRADED, message="ill")
    held = HeldPrune(bundle=APP, refs=(), reason="too many")
    wait = Wait(bundle=APP, ref=B.ref, reason="its CRD is missing")
    elsewhere = Wait(bundle=BundleName("other"), ref=None, reason="nothing to us")
    order: Iterable[tuple[Summary, str]] = [
        (
            summed(
                ill,
                record(B, failure=REFUSED),
                plan=Plan(held=(held,), waits=(wait,)),
                suspended="s",
            ),
            "ConfigMap/b: field is immutable",
        ),
        (
            summed(ill, record(B), plan=Plan(held=(held,), waits=(wait,)), suspended="asked"),
            "asked",
        ),
        (
            summed(ill, record(B), plan=Plan(held=(held,), waits=(wait,))),
            "pruning is held: too many",
        ),
        (
            summed(ill, record(B), plan=Plan(waits=(elsewhere, wait))),
            "ConfigMap default/b: its CRD is missing",
        ),
        (summed(ill, record(B), plan=Plan(waits=(elsewhere,))), "ConfigMap/a: ill"),
    ]
    for summary, message in order:
        assert summary.message == message


def test_leftovers_are_members_that_no_bundle_names() -> None:
    known = by_ref([record(A), record(B), record(config("c")), record(config("d"), "gone")])
    assert leftovers(state(bundle(A, B)), known) == {"app": 1, "gone": 1}
