"""What a newer release does to the ones under way: a table of each rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusters.model import ClusterName, Digest, Revision
from fleet.model import OnBreach, OnNewRelease
from fleet.rollout.events import RolloutStarted
from fleet.rollout.evolve_run import begin
from fleet.rollout.model import Release, RolloutId
from fleet.rollout.progress import ClusterState
from fleet.rollout.requests import Aborted
from fleet.rollout.state import Phase, Rollout, StagePhase
from fleet.rollout.supersede import ahead_of, arrange, relied_on, undone
from fleet.rollout.surroundings import changing, expected
from tests.fleet.rollout.fleetlet import (
    NEW,
    OLD,
    START,
    Run,
    clusters,
    plan_of,
    release,
    stage,
    strategy,
)

MEMBERS = clusters("prod", 2)


def made(name: str, mode: OnNewRelease = OnNewRelease.COALESCE, **fields: Any) -> Release:
    travels = strategy(stage(), on_new_release=mode, max_trains=2)
    digests = {each.name: Digest(name) for each in MEMBERS}
    found = release(travels, MEMBERS, digests=digests, **fields)
    return replace(found, revision=Revision(name * 8))


def under_way(name: str = "r1") -> Rollout:
    """A rollout with a cluster in flight."""
    return replace(Run.of(plan_of(strategy(stage()), MEMBERS)).rollout, id=RolloutId(name))


def untouched() -> Rollout:
    plan = plan_of(strategy(stage()), MEMBERS)
    return begin(RolloutStarted(at=START, id=RolloutId("r1"), plan=plan))


def halted() -> Rollout:
    run = Run.of(plan_of(strategy(stage()), MEMBERS))
    run.fail("prod-1")
    assert run.rollout.phase is Phase.HALTED
    return run.rollout


def going_back() -> Rollout:
    run = Run.of(plan_of(strategy(stage(on_breach=OnBreach.ROLLBACK_STAGE)), MEMBERS))
    run.fail("prod-1")
    assert run.rollout.phase is Phase.ROLLING_BACK
    return run.rollout


@pytest.mark.parametrize(
    ("mode", "open_", "starts", "waits", "ends"),
    [
        ("coalesce", [], "b", "", []),
        ("coalesce", [under_way()], None, "b", []),
        ("coalesce", [untouched()], None, "b", ["r1"]),
        ("coalesce", [halted()], None, "b", ["r1"]),
        ("coalesce", [going_back()], None, "b", []),
        ("supersede", [under_way()], None, "b", ["r1"]),
        ("supersede", [going_back()], None, "b", []),
        ("queue", [], "a", "b", []),
        ("queue", [under_way()], None, "ab", []),
        ("queue", [halted()], None, "ab", []),
        ("train", [], "a", "b", []),
        ("train", [under_way()], "a", "b", []),
        ("train", [under_way(), under_way("r2")], None, "ab", []),
    ],
)
def test_rules(
    mode: str, open_: list[Rollout], starts: str | None, waits: str, ends: list[str]
) -> None:
    waiting = [made("a", OnNewRelease(mode)), made("b", OnNewRelease(mode))]
    found = arrange(open_, waiting)
    assert (found.start.revision[0] if found.start else None) == starts
    assert "".join(each.revision[0] for each in found.waiting) == waits
    assert list(found.supersede) == ends
    gone = {each.release.revision[0] for each in found.dropped}
    assert gone == ({"a"} if mode in ("coalesce", "supersede") else set())
    assert bool(found.reason) is (found.start is None)


def test_nothing_to_arrange() -> None:
    assert arrange([under_way()], []).start is None


def test_a_hotfix_overtakes_only_with_the_role() -> None:
    fix = made("a", hotfix=True, author="cleo")
    assert arrange([under_way()], [fix]).supersede == ()
    found = arrange([under_way()], [fix], hotfix_authors=frozenset({"cleo"}))
    assert (found.supersede, found.hurry) == (("r1",), True)


def test_a_held_release_waits_for_a_fix() -> None:
    bad, fix = made("a"), made("b")
    held = frozenset({Digest("a")})
    found = arrange([], [bad], held=held)
    assert found.start is None
    assert "commit a fix, or release the hold" in found.reason
    assert arrange([], [bad, fix], held=held).start is fix
    queued = [made("a", OnNewRelease.QUEUE), made("b", OnNewRelease.QUEUE)]
    passed = arrange([], queued, held=held)
    assert passed.start is queued[1]
    assert passed.waiting == (queued[0],)


def follower(ahead: Rollout) -> Rollout:
    digests = {each.name: Digest("newer") for each in MEMBERS}
    plan = plan_of(strategy(stage()), MEMBERS, digests=digests)
    return begin(RolloutStarted(at=START, id=RolloutId("r2"), plan=plan, follows=ahead.id))


def test_the_release_ahead_is_told() -> None:
    first = under_way()
    second = follower(first)
    ahead = ahead_of(second, [first, second])
    assert ahead is not None
    assert (ahead.rollout, ahead.completed, ahead.stopped) == ("r1", frozenset(), "")
    assert ahead_of(first, [first, second]) is None


def test_a_breach_ahead_is_told_with_the_clusters_it_failed_on() -> None:
    first = halted()
    ahead = ahead_of(follower(first), [first])
    assert ahead is not None
    assert "1 of 2 clusters of stage prod failed" in ahead.stopped
    assert ahead.failed == {"prod-1": NEW}
    assert ahead.undone == {"prod-1", "prod-2"}


def test_a_completed_one_ahead_is_no_matter() -> None:
    first = replace(under_way(), phase=Phase.COMPLETED)
    assert ahead_of(follower(first), [first]) is None


def test_an_aborted_one_ahead_matters_where_it_was_relied_on() -> None:
    run = Run.of(plan_of(strategy(stage()), MEMBERS))
    run.tell(Aborted(at=START, actor="ben", reason="x"))
    run.healthy("prod-1")
    first = run.rollout
    assert first.phase is Phase.ABORTED
    assert undone(first) == {"prod-2"}
    assert ahead_of(follower(first), [first]) is None
    same = plan_of(strategy(stage()), MEMBERS, baseline={"prod-1": NEW, "prod-2": NEW})
    second = begin(RolloutStarted(at=START, id=RolloutId("r2"), plan=same, follows=first.id))
    assert relied_on(second, undone(first)) == ("prod-2",)
    ahead = ahead_of(second, [first, second])
    assert ahead is not None
    assert "it ended early (Aborted)" in ahead.stopped


def test_what_is_expected_when_all_are_done() -> None:
    assigned = {each.name: OLD for each in MEMBERS} | {ClusterName("else"): OLD}
    first = under_way()
    assert expected(assigned, [first]) == {"prod-1": NEW, "prod-2": NEW, "else": OLD}
    assert expected(assigned, [halted()]) == assigned


def test_what_is_changing_now() -> None:
    run = Run.of(plan_of(strategy(stage(soak_s=60)), MEMBERS))
    assert changing([run.rollout]).bundles == {"prod-1": {"payments"}}
    run.healthy("prod-1")
    assert set(changing([run.rollout]).bundles) == {"prod-1"}
    run.later(seconds=60)
    assert set(changing([run.rollout]).bundles) == {"prod-2"}
    run.healthy("prod-2")
    run.later(seconds=60)
    assert changing([run.rollout]).bundles == {}
    assert run.rollout.stages[0].phase is StagePhase.COMPLETED
    assert run.where(ClusterState.GOOD) == {"prod-1", "prod-2"}
