"""The state is a fold of the stored facts, whole or from a snapshot on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.state import facts
from fleet.state.facts import FleetFact, from_row, to_row
from fleet.state.fleet import ENDED_DRIFT_KEPT, FleetState, drift_id
from fleet.state.snapshots import dump, load
from fleet.state.standing import EMPTY_DIGEST
from tests.fleet.histories import AT, any_history


def folded(history: Iterable[FleetFact]) -> FleetState:
    state = FleetState()
    for fact in history:
        state.fold(fact)
    return state


def stored(history: Iterable[FleetFact]) -> list[FleetFact]:
    """What a database gives back of these facts."""
    rows = [(fact.at, fact.actor, *to_row(fact)) for fact in history]
    return [from_row(kind, at, actor, data) for at, actor, kind, data in rows]


@given(any_history)
def test_folding_the_stored_rows_gives_the_same_state(history: list[FleetFact]) -> None:
    assert dump(folded(stored(history))) == dump(folded(history))


@given(any_history)
def test_a_snapshot_is_the_state(history: list[FleetFact]) -> None:
    state = folded(history)
    assert load(dump(state)) == folded(stored(history))


@given(any_history, st.data())
def test_a_snapshot_and_the_facts_after_it_are_the_state(
    history: list[FleetFact], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(history)))
    state = load(dump(folded(history[:cut])))
    for fact in stored(history[cut:]):
        state.fold(fact)
    assert dump(state) == dump(folded(history))


@given(any_history)
def test_nothing_is_known_of_clusters_that_left(history: list[FleetFact]) -> None:
    state = folded([*history, facts.ClustersLeft(at=AT, clusters=["a"])])
    assert "a" not in state.clusters
    assert all("a" not in placed for placed in state.assignments.values())
    assert all(drift.seen.cluster != "a" for drift in state.drift.values())
    assert "cluster/a" not in state.suspended


@given(any_history)
def test_what_is_degraded_had_converged(history: list[FleetFact]) -> None:
    """A release that never was healthy is failing, not degraded."""
    for placed in folded(history).assignments.values():
        for entry in placed.values():
            assert not (entry.converged and not entry.good_digest)


def assigned(digest: str, *clusters: str, revision: str = "r1") -> FleetFact:
    return facts.ReleaseAssigned(
        at=AT, bundle="app", revision=revision, digests={digest: list(clusters)}, cause="test"
    )


def converged(digest: str, revision: str = "r1") -> FleetFact:
    return facts.Converged(at=AT, cluster="a", bundle="app", digest=digest, revision=revision)


def test_convergence_of_an_older_content_does_not_count() -> None:
    state = folded([assigned("d1", "a"), assigned("d2", "a"), converged("d1")])
    entry = state.assignment("app", "a")
    assert entry is not None
    assert not entry.converged
    assert entry.good_digest == ""


def accepted(revision: str) -> facts.CommitAccepted:
    return facts.CommitAccepted(
        at=AT, repository="r", ref="main", revision=revision, subject="", author="ada",
        committed_at=AT,
    )  # fmt: skip


def test_the_fleets_commit_at_which_a_content_was_good_is_known() -> None:
    """Also where the bundle's own commit is of another repository (`r1`)."""
    state = folded([accepted("f1"), assigned("d1", "a"), accepted("f2"), converged("d1")])
    assert state.assignments["app"]["a"].good_fleet_revision == "f1"
    for fact in (accepted("f3"), assigned("d2", "a", revision="r2")):
        state.fold(fact)
    entry = state.assignments["app"]["a"]
    assert (entry.fleet_revision, entry.good_fleet_revision) == ("f3", "f1")


def test_a_snapshot_from_before_takes_the_commit_in_force() -> None:
    state = folded([accepted("f1"), assigned("d1", "a"), accepted("f2"), converged("d1")])
    stored = json.loads(dump(state))
    for field in ("fleet_revision", "good_fleet_revision", "confirmed_prunes", "uninstall"):
        del stored["assignments"]["app"]["a"][field]
    stored["assignments"]["app"]["a"]["prune_confirmed"] = True
    entry = load(json.dumps(stored).encode()).assignments["app"]["a"]
    assert (entry.good_revision, entry.good_fleet_revision) == ("r1", "f2")
    assert (entry.confirmed_prunes, entry.uninstall) == ((), False), "asked for once more"


def test_a_new_content_keeps_the_last_good_one() -> None:
    state = folded([assigned("d1", "a"), converged("d1"), assigned("d2", "a", revision="r2")])
    entry = state.assignment("app", "a")
    assert entry is not None
    assert (entry.converged, entry.good_digest, entry.good_revision) == (False, "d1", "r1")


def test_the_same_content_of_a_later_commit_stays_converged() -> None:
    state = folded([assigned("d1", "a"), converged("d1"), assigned("d1", "a", revision="r2")])
    entry = state.assignment("app", "a")
    assert entry is not None
    assert (entry.converged, entry.revision) == (True, "r2")


WAITS = facts.PruneWaits(
    at=AT, cluster="a", bundle="app", digest="d1", objects=["ConfigMap x/y"], reason="many"
)


@pytest.mark.parametrize("objects", [["ConfigMap x/y"], []], ids=["named", "as once stored"])
def test_a_confirmation_of_pruning_is_for_one_list_and_one_content_only(
    objects: list[str],
) -> None:
    confirmed = facts.PruneConfirmed(
        at=AT, bundle="app", digest="d1", clusters=["a"], objects=objects
    )
    state = folded([assigned("d1", "a"), WAITS, confirmed])
    entry = state.assignment("app", "a")
    assert entry is not None
    assert (entry.confirmed_prunes, entry.prune_waits) == (("ConfigMap x/y",), None)
    state.fold(assigned("d1", "a", revision="r2"))
    same = state.assignment("app", "a")
    assert same is not None
    assert same.confirmed_prunes == ("ConfigMap x/y",)
    state.fold(assigned("d2", "a"))
    later = state.assignment("app", "a")
    assert later is not None
    assert later.confirmed_prunes == ()


def test_a_confirmation_for_other_content_is_none() -> None:
    confirmed = facts.PruneConfirmed(at=AT, bundle="app", digest="d0", clusters=["a"])
    entry = folded([assigned("d1", "a"), confirmed]).assignment("app", "a")
    assert entry is not None
    assert entry.confirmed_prunes == ()


def test_a_withdrawn_bundle_goes_with_its_last_placement() -> None:
    withdrawn = facts.BundleWithdrawn(at=AT, bundle="app", revision="r2", clusters=["a", "b"])
    state = folded([assigned("d1", "a", "b"), withdrawn])
    entry = state.assignment("app", "a")
    assert entry is not None
    assert (entry.withdrawn, entry.digest) == (True, EMPTY_DIGEST)
    state.fold(facts.PlacementEnded(at=AT, bundle="app", cluster="a"))
    assert "app" in state.assignments
    state.fold(facts.PlacementEnded(at=AT, bundle="app", cluster="b"))
    assert "app" not in state.assignments


def test_an_accepted_commit_ends_the_refusal_of_the_one_before() -> None:
    refused = facts.CommitRefused(
        at=AT, repository="r", revision="2", subject="s", author="a", problems=[]
    )
    accepted = facts.CommitAccepted(
        at=AT, repository="r", ref="main", revision="3", subject="s", author="a", committed_at=AT
    )
    assert folded([refused]).refused == refused
    assert folded([refused, accepted]).refused is None


def test_drift_of_two_objects_of_one_name_is_told_apart() -> None:
    names = {
        drift_id("a", "app", group, kind, namespace, "web")
        for group, kind in (("", "Service"), ("apps", "Deployment"))
        for namespace in ("", "one", "two")
    }
    assert len(names) == 6


def test_ended_drift_does_not_stay_for_ever_and_open_drift_does() -> None:
    state = FleetState()

    def drift(number: int, *, ends: bool) -> None:
        at = AT + timedelta(seconds=number)
        seen = facts.DriftSeen(
            at=at, cluster="a", bundle="app", group="", object_kind="ConfigMap",
            namespace="default", name=str(number), paths=("data",), manager="kubectl",
        )  # fmt: skip
        state.fold(seen)
        if ends:
            ended = facts.DriftEnded(
                at=at, cluster="a", bundle="app", group="", object_kind="ConfigMap",
                namespace="default", name=str(number), corrected=True,
            )  # fmt: skip
            state.fold(ended)

    for number in range(300):
        drift(number, ends=False)
    sizes = set()
    for number in range(300, 8_000):
        drift(number, ends=True)
        sizes.add(len(state.drift))
    assert max(sizes) <= 2 * (300 + ENDED_DRIFT_KEPT + 24)
    assert sum(entry.ended is None for entry in state.drift.values()) == 300
    newest = drift_id("a", "app", "", "ConfigMap", "default", "7999")
    assert newest in state.drift
