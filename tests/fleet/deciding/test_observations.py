"""Only what is new becomes a fact."""

from __future__ import annotations

import pytest

from clusters import events as seen
from clusters.model import BundleName, ClusterName, Digest, DriftPolicy, Health, ObjectRef
from fleet.deciding.observations import _RULES, facts_of
from fleet.state import facts
from fleet.state.fleet import FleetState
from fleet.state.standing import EMPTY_DIGEST
from tests.fleet.histories import AT

A, APP = ClusterName("a"), BundleName("app")
REF = ObjectRef("apps", "Deployment", "shop", "web")


def state(*history: facts.FleetFact) -> FleetState:
    made = FleetState()
    for fact in (
        facts.ClustersJoined(at=AT, clusters=["a"]),
        facts.ReleaseAssigned(at=AT, bundle="app", revision="r1", digests={"d1": ["a"]}),
        *history,
    ):
        made.fold(fact)
    return made


def observed(
    health: Health = Health.HEALTHY, digest: str | None = "d1", leftover: int = 0
) -> seen.BundleObserved:
    return seen.BundleObserved(
        cluster=A, at=AT, bundle=APP, generation=1,
        applied_digest=Digest(digest) if digest else None, health=health,
        objects=1, applied=1, drifted=0, leftover=leftover, message="image not found",
    )  # fmt: skip


CONVERGED = facts.Converged(at=AT, cluster="a", bundle="app", digest="d1", revision="r1")
DEGRADED = facts.Degraded(at=AT, cluster="a", bundle="app", digest="d1", message="image not found")
RECOVERED = facts.Recovered(at=AT, cluster="a", bundle="app", digest="d1")
WITHDRAWN = facts.BundleWithdrawn(at=AT, bundle="app", revision="r2", clusters=["a"])
ENDED = facts.PlacementEnded(at=AT, cluster="a", bundle="app")
CONNECTED = facts.ClusterConnected(at=AT, cluster="a", version="v1.36")
UPGRADED = facts.ClusterConnected(at=AT, cluster="a", version="v1.37")
LOCKED_OUT = facts.ClusterLost(at=AT, cluster="a", reason="401")
LOST = facts.ClusterLost(at=AT, cluster="a", reason="refused")
HELD = facts.PruneWaits(
    at=AT, cluster="a", bundle="app", digest="d1", objects=[str(REF)], reason="many"
)


def connected(version: str = "v1.36") -> seen.Connected:
    return seen.Connected(cluster=A, at=AT, version=version, latency_ms=1.0)


def disconnected(reason: str = "refused") -> seen.Disconnected:
    return seen.Disconnected(cluster=A, at=AT, reason=reason, retry_in_s=1.0)


def held(digest: str = "d1") -> seen.PruneHeld:
    return seen.PruneHeld(
        cluster=A, at=AT, bundle=APP, digest=Digest(digest), refs=[REF], reason="many"
    )


def test_every_event_has_a_rule() -> None:
    assert set(_RULES) == set(seen.ClusterEvent.__args__)


@pytest.mark.parametrize(
    ("before", "event", "expected"),
    [
        ((), connected(), [CONNECTED]),
        ((CONNECTED,), connected(), []),
        ((CONNECTED,), connected("v1.37"), [UPGRADED]),
        ((CONNECTED, LOST), connected(), [CONNECTED]),
        ((CONNECTED,), disconnected(), [LOST]),
        ((CONNECTED, LOST), disconnected(), []),
        ((CONNECTED, LOST), disconnected("401"), [LOCKED_OUT]),
        ((), observed(), [CONVERGED]),
        ((CONVERGED,), observed(), []),
        ((), observed(digest=None), []),
        ((), observed(digest="d0"), []),
        ((), observed(Health.PROGRESSING), []),
        ((), observed(Health.DEGRADED), []),
        ((CONVERGED,), observed(Health.DEGRADED), [DEGRADED]),
        ((CONVERGED,), observed(Health.UNKNOWN), []),
        ((CONVERGED, DEGRADED), observed(Health.DEGRADED), []),
        ((CONVERGED, DEGRADED), observed(), [RECOVERED]),
        ((CONVERGED, WITHDRAWN), observed(digest="d1"), []),
        ((CONVERGED, WITHDRAWN), observed(digest=EMPTY_DIGEST, leftover=2), []),
        ((CONVERGED, WITHDRAWN), observed(digest=EMPTY_DIGEST), [ENDED]),
        ((), held(), [HELD]),
        ((HELD,), held(), []),
        ((), held("d0"), []),
    ],
)  # fmt: skip
def test_facts(
    before: tuple[facts.FleetFact, ...],
    event: seen.ClusterEvent,
    expected: list[facts.FleetFact],
) -> None:
    assert facts_of(state(*before), event) == expected


def test_writes_that_changed_nothing_are_no_fact() -> None:
    def applied(created: int, changed: int) -> list[facts.FleetFact]:
        return facts_of(
            state(),
            seen.ObjectsApplied(
                cluster=A, at=AT, bundle=APP, digest=Digest("d1"),
                created=created, changed=changed, unchanged=3,
            ),
        )  # fmt: skip

    assert applied(0, 0) == []
    (fact,) = applied(2, 1)
    assert isinstance(fact, facts.ObjectsWritten)
    assert (fact.created, fact.changed) == (2, 1)


def test_a_cluster_that_left_says_nothing_any_more() -> None:
    gone = state(facts.ClustersLeft(at=AT, clusters=["a"]))
    assert facts_of(gone, connected()) == []
    assert facts_of(gone, observed()) == []


def test_drift_and_its_end_name_the_same_object() -> None:
    found = seen.DriftFound(
        cluster=A, at=AT, bundle=APP, ref=REF, paths=["spec.replicas"],
        manager="kubectl-edit/Update", changed_at=AT, policy=DriftPolicy.CORRECT,
    )  # fmt: skip
    ended = seen.DriftCorrected(cluster=A, at=AT, bundle=APP, ref=REF, by_us=True)
    now = state()
    for event in (found, ended):
        for fact in facts_of(now, event):
            now.fold(fact)
    ((key, drift),) = now.drift.items()
    assert key == "a/app/Deployment.apps/shop/web"
    assert drift.ended == AT
    assert drift.corrected


@pytest.mark.parametrize(
    ("health", "over"), [(Health.HEALTHY, True), (Health.DEGRADED, True), (Health.UNKNOWN, False)]
)
def test_drift_that_ended_while_nobody_looked_is_over(health: Health, over: bool) -> None:
    """It was put back while the server was down: it stayed open for ever."""
    found = seen.DriftFound(
        cluster=A, at=AT, bundle=APP, ref=REF, paths=["spec.replicas"],
        manager="kubectl-edit/Update", changed_at=AT, policy=DriftPolicy.REPORT,
    )  # fmt: skip
    now = state(CONVERGED)
    for event in (found, observed(health)):
        for fact in facts_of(now, event):
            now.fold(fact)
    (drift,) = now.drift.values()
    assert (drift.ended is not None) is over
    assert not drift.corrected
    again = [fact for fact in facts_of(now, observed(health)) if isinstance(fact, facts.DriftEnded)]
    assert again == []


def test_a_fight_is_about_one_object_and_not_about_one_whose_name_ends_so() -> None:
    made = state()
    for name in ("web", "my-web"):
        found = seen.DriftFound(
            cluster=A, at=AT, bundle=APP, ref=ObjectRef("apps", "Deployment", "shop", name),
            paths=("spec.replicas",), manager="hpa", changed_at=AT, policy=DriftPolicy.CORRECT,
        )  # fmt: skip
        for fact in facts_of(made, found):
            made.fold(fact)
    fight = seen.FightDetected(
        cluster=A, at=AT, bundle=APP, ref=ObjectRef("apps", "Deployment", "shop", "my-web"),
        manager="hpa", corrections=6, until=AT,
    )  # fmt: skip
    for fact in facts_of(made, fight):
        made.fold(fact)
    fighting = {entry.seen.name: entry.fighting for entry in made.drift.values()}
    assert fighting == {"web": False, "my-web": True}
