"""Commands become facts, or a no that says why and what can be done."""

from __future__ import annotations

import msgspec
import pytest

from fleet.deciding.commands import CommandRefused, facts_of
from fleet.model import Inventory
from fleet.state import facts
from fleet.state.deletions import list_hashes, waiting
from fleet.state.fleet import FleetState
from fleet.view import CommandRequest
from fleet.view_deletions import hash_of_lists
from tests.fleet.deciding.test_observations import HELD, state
from tests.fleet.histories import AT
from tests.fleet.presenting.test_needs import DRIFT

DRIFT_ID = "drift/a/app/Deployment.apps/x/web"
SUSPENDED = facts.Suspended(at=AT, actor="bob", target="cluster/a", reason="kernel")
UP = facts.ClusterConnected(at=AT, cluster="a", version="v1.36.2")
CRASHED = facts.ClusterQuarantined(at=AT, cluster="a", error="KeyError")


def ask(
    now: FleetState, command: str, target: str, reason: str = "", **arguments: object
) -> list[facts.FleetFact]:
    request = CommandRequest(command=command, target=target, reason=reason, arguments=arguments)
    return list(facts_of(now, Inventory(), request, actor="alice", at=AT))


def by(kind: type, **fields: object) -> object:
    return kind(at=AT, actor="alice", **fields)


@pytest.mark.parametrize(
    ("before", "asked", "expected"),
    [
        (
            (),
            ("suspend", "cluster/a", "kernel"),
            by(facts.Suspended, target="cluster/a", reason="kernel"),
        ),
        (
            (),
            ("suspend", "bundle/app", "4711"),
            by(facts.Suspended, target="bundle/app", reason="4711"),
        ),
        ((SUSPENDED,), ("resume", "cluster/a"), by(facts.Resumed, target="cluster/a")),
        ((CRASHED,), ("resume", "cluster/a"), by(facts.ClusterReleased, cluster="a")),
        ((), ("reconcile", "fleet"), by(facts.ReconcileAsked, target="fleet")),
        ((), ("reconcile", "git"), by(facts.ReconcileAsked, target="git")),
        ((), ("reconcile", "cluster/a"), by(facts.ReconcileAsked, target="cluster/a")),
        (
            (DRIFT,),
            ("acknowledgeDrift", DRIFT_ID, "known"),
            by(facts.DriftAcknowledged, drift=DRIFT_ID[6:], note="known"),
        ),
        (
            (DRIFT, UP),
            ("correctDrift", DRIFT_ID, "agreed"),
            by(facts.ReconcileAsked, target=DRIFT_ID, reason="agreed"),
        ),
    ],
)  # fmt: skip
def test_what_a_command_means(
    before: tuple[facts.FleetFact, ...], asked: tuple[str, ...], expected: object
) -> None:
    assert ask(state(*before), *asked) == [expected]


@pytest.mark.parametrize(
    ("before", "asked", "why"),
    [
        ((), ("dance", "fleet"), r"no command 'dance'; there is: .*suspend"),
        ((), ("suspend", "cluster/a"), "say why"),
        ((), ("suspend", "cluster/a", "  "), "say why"),
        ((), ("suspend", "cluster/z", "x"), "no cluster 'z'"),
        ((), ("suspend", "bundle/z", "x"), "no bundle 'z'"),
        ((), ("suspend", "fleet", "x"), "takes cluster/NAME or bundle/NAME"),
        ((), ("suspend", "cluster/", "x"), "no target"),
        ((), ("suspend", "", "x"), "no target"),
        ((SUSPENDED,), ("suspend", "cluster/a", "x"), "already suspended by bob: kernel"),
        ((), ("resume", "cluster/a"), "is not suspended"),
        ((), ("reconcile", "drift/x"), "no target"),
        ((), ("confirmPrune", "bundle/app"), "no deletion of bundle app waits"),
        ((DRIFT,), ("acknowledgeDrift", DRIFT_ID), "say what you know"),
        ((), ("acknowledgeDrift", DRIFT_ID, "x"), "no open drift"),
        ((DRIFT,), ("correctDrift", "drift/none"), "no open drift"),
        ((DRIFT,), ("correctDrift", "cluster/a"), "no open drift"),
        ((DRIFT,), ("correctDrift", DRIFT_ID), "cluster a does not answer now"),
        ((DRIFT, UP, SUSPENDED), ("correctDrift", DRIFT_ID), "suspended by bob .kernel.; resume"),
    ],
)
def test_what_is_refused(
    before: tuple[facts.FleetFact, ...], asked: tuple[str, ...], why: str
) -> None:
    with pytest.raises(CommandRefused, match=why):
        ask(state(*before), *asked)


OTHER = facts.PruneWaits(
    at=AT, cluster="b", bundle="app", digest="d2", objects=["ConfigMap x/z"], reason="many"
)
PLACED = facts.ReleaseAssigned(at=AT, bundle="app", revision="r1", digests={"d2": ["b"]})


def read(now: FleetState, *clusters: str) -> str:
    """The name of the list of deletions as a person reads it now."""
    return hash_of_lists(list_hashes(waiting(now.assignments["app"], clusters)))


def test_a_confirmation_says_what_may_go() -> None:
    now = state(HELD)
    named = read(now)
    (fact,) = ask(now, "confirmPrune", "bundle/app", "moved", listHash=named[:8])
    assert fact == by(
        facts.PruneConfirmed,
        bundle="app", digest="d1", clusters=["a"], reason="moved",
        objects=tuple(HELD.objects), list_hash=named,
    )  # fmt: skip


def test_a_confirmation_may_be_for_some_clusters_only() -> None:
    now = state(HELD, PLACED, OTHER)
    assert len(ask(now, "confirmPrune", "bundle/app", listHash=read(now))) == 2
    (only,) = ask(now, "confirmPrune", "bundle/app", clusters=["b"], listHash=read(now, "b"))
    assert isinstance(only, facts.PruneConfirmed)
    assert (only.digest, list(only.clusters)) == ("d2", ["b"])
    with pytest.raises(CommandRefused, match="no deletion"):
        ask(now, "confirmPrune", "bundle/app", clusters=["z"], listHash=read(now))
    with pytest.raises(CommandRefused, match="no deletion of bundle app waits on z; leave it out"):
        ask(now, "confirmPrune", "bundle/app", clusters=["a", "z"], listHash=read(now, "a"))


MORE = msgspec.structs.replace(HELD, objects=[*HELD.objects, "Secret x/keys"])


@pytest.mark.parametrize(
    ("was", "now", "clusters"),
    [
        ((HELD,), (MORE,), []),
        ((MORE,), (HELD,), []),
        ((HELD,), (HELD, PLACED, OTHER), []),
        ((HELD, PLACED, OTHER), (HELD,), []),
        ((HELD, PLACED, OTHER), (HELD, PLACED, OTHER), ["a"]),
        ((PLACED, OTHER), (HELD, PLACED, OTHER), ["a"]),
    ],
    ids=[
        "an object more", "an object less", "a cluster more", "a cluster less",
        "read for all, asked for one", "read for another",
    ],
)  # fmt: skip
def test_a_list_that_is_not_the_one_that_was_read_is_refused(
    was: tuple[facts.FleetFact, ...], now: tuple[facts.FleetFact, ...], clusters: list[str]
) -> None:
    stale = read(state(*was))
    with pytest.raises(CommandRefused, match=r"it has changed since, .* `flotilla confirm-prune"):
        ask(state(*now), "confirmPrune", "bundle/app", clusters=clusters, listHash=stale)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, r"is for the list that was read: send its name as listHash .*confirm-prune app"),
        ({"listHash": ""}, r"send its name as listHash"),
        ({"listHash": "1234567"}, r"'1234567' is not the list of deletions"),
    ],
)
def test_a_confirmation_without_a_list_is_refused(given: dict[str, str], why: str) -> None:
    with pytest.raises(CommandRefused, match=why):
        ask(state(HELD), "confirmPrune", "bundle/app", **given)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"clusters": 5}, "clusters"),
        ({"clusters": [{}]}, "clusters"),
        ({"forS": "soon"}, "forS"),
        ({"excuse": "yes"}, "excuse"),
        # What a rollback goes to is looked up, never taken from who asks.
        ({"targets": {"a": "digest"}}, "targets"),
    ],
)
def test_arguments_of_another_form_are_refused(arguments: dict[str, object], why: str) -> None:
    with pytest.raises(CommandRefused, match=why):
        ask(state(), "reconcile", "fleet", **arguments)
