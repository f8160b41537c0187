"""Why is it waiting?  Each reason of the planner as one plain sentence, and states as words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from clusters.model import ClusterName, Contest
from fleet.model import Admission
from fleet.rollout.model import StagePlan
from fleet.rollout.progress import ClusterState
from fleet.rollout.state import GateVerdict, Phase, Rollout
from fleet.rollout.turn import Outcome
from fleet.rollout.waiting import (
    ClusterReason,
    ForApproval,
    ForBaseline,
    ForBatch,
    ForBlocker,
    ForBudget,
    ForClosing,
    ForClusters,
    ForContact,
    ForDraining,
    ForGate,
    ForGuard,
    ForHold,
    ForObservation,
    ForPerson,
    ForPrune,
    ForReturn,
    ForRevert,
    ForRollback,
    ForSlot,
    ForSoak,
    ForSpread,
    ForTakeover,
    ForTrain,
    ForWindow,
    Reason,
    RoomReason,
    WordReason,
)

_NAMED_MAX = 3
"""Clusters that a sentence names before it only counts."""

WAYS_ON = "retry, skip, roll back or abort"
"""What a person can do about a rollout that halted."""


def sentences(outcome: Outcome, now: datetime) -> tuple[str, ...]:
    """Say everything that is waited for."""
    return tuple(sentence(reason, now) for reason in outcome.waiting_on)


def sentence(reason: Reason, now: datetime) -> str:
    """Say one thing that is waited for, and what would end the wait."""
    text = _sentence(reason, now)
    return text[0].upper() + text[1:] + "."


def _sentence(reason: Reason, now: datetime) -> str:
    if isinstance(reason, ClusterReason):
        return _of_clusters(reason, now)
    if isinstance(reason, RoomReason):
        return _of_limits(reason)
    return _of_words(reason, now)


def _of_clusters(reason: ClusterReason, now: datetime) -> str:
    match reason:
        case ForClusters():
            until = f", for at most {_span(reason.deadline, now)}" if reason.deadline else ""
            trouble = f"; {reason.trouble}" if reason.trouble else ""
            verb = _verb(reason.clusters, "is not healthy", "are not healthy")
            return f"{_in(reason.stage)}{names(reason.clusters)} {verb} yet{until}{trouble}"
        case ForSoak():
            until = f" for another {_span(reason.until, now)}" if reason.until else ""
            verb = _verb(reason.clusters, "soaks", "soak")
            return f"{_in(reason.stage)}{names(reason.clusters)} {verb}{until}"
        case ForTakeover():
            fields = _contests(reason.contests)
            return (
                f"{_in(reason.stage)}gate takeover on {names(reason.clusters)}: the release "
                f"changes {fields}; take it over, or leave it"
            )
        case ForWindow():
            until = "for ever: it has no opening"
            if reason.until:
                until = f"for another {_span(reason.until, now)}{_at(reason.until)}"
            what = f"keeps {names(reason.clusters)} out"
            if reason.deleting:
                what = f"keeps what the release no longer has on {names(reason.clusters)}"
            return f"{_in(reason.stage)}window {reason.window} {what} {until}"
        case ForClosing():
            verb = _verb(reason.clusters, "is", "are")
            return (
                f"{_in(reason.stage)}window {reason.window} will keep changes out in "
                f"{_span(reason.at, now)}, and {names(reason.clusters)} {verb} in flight"
            )
        case ForContact():
            until = f"; put off in {_span(reason.until, now)}" if reason.until else ""
            return f"{_in(reason.stage)}{names(reason.clusters)} cannot be reached{until}"
        case ForBaseline():
            verb = _verb(reason.clusters, "joined late and gets", "joined late and get")
            return f"{_in(reason.stage)}{names(reason.clusters)} {verb} the stage's baseline first"
        case ForObservation():
            return f"looked at again before anything else is done: {names(reason.clusters)}"
        case _:
            assert_never(reason)


def _contests(contests: Sequence[Contest]) -> str:
    shown = "; ".join(str(each) for each in contests[:_NAMED_MAX])
    more = len(contests) - _NAMED_MAX
    return f"{shown}; and {more} more" if more > 0 else shown


def _of_limits(reason: RoomReason) -> str:
    match reason:
        case ForSlot():
            many = f"all {reason.concurrency} slots are"
            taken = "the only slot is" if reason.concurrency == 1 else many
            return f"{_in(reason.stage)}{taken} taken, {_count(reason.pending)} waiting"
        case ForBudget():
            return (
                f"{_in(reason.stage)}{_count(reason.pending)} waiting: with {reason.failures} "
                f"failed and {reason.in_flight} in flight, one more could break "
                f"more than the budget of {reason.allowed} lets"
            )
        case ForBatch():
            return (
                f"{_in(reason.stage)}the batch up to cluster {reason.batch} of {reason.size} must "
                "be done first"
            )
        case ForSpread():
            return (
                f"{_in(reason.stage)}no more than {reason.most} with the same {reason.label} may "
                f"be in flight ({', '.join(reason.domains)} taken)"
            )
        case ForReturn():
            return (
                f"{_in(reason.stage)}{_count(reason.deferred)} out of reach, and the stage goes on "
                f"with at most {reason.allowed} missing; bring them back, or skip them"
            )
        case ForGuard():
            verb = _verb(reason.clusters, "waits", "wait")
            return f"{_in(reason.stage)}{names(reason.clusters)} {verb}: {reason.rule}"
        case ForBlocker():
            verb = _verb(reason.clusters, "is", "are")
            return f"{_in(reason.stage)}{names(reason.clusters)} {verb} blocked: {reason.reason}"
        case _:
            assert_never(reason)


def _of_words(reason: WordReason, now: datetime) -> str:  # noqa: PLR0911 - one a reason
    match reason:
        case ForApproval():
            return _approval(reason)
        case ForGate():
            return _gate(reason, now)
        case ForTrain():
            return f"{_in(reason.stage)}rollout {reason.ahead} is ahead and has not finished it"
        case ForPerson():
            if reason.halted:
                return f"halted: {reason.reason}; {WAYS_ON}"
            return reason.reason
        case ForDraining():
            verb = _verb(reason.clusters, "finishes", "finish")
            return f"no more starts ({reason.reason}); {names(reason.clusters)} {verb} first"
        case ForRollback():
            more = f", {_count(reason.pending)} still to go" if reason.pending else ""
            going = names(reason.clusters) if reason.clusters else "none"
            return f"on the way back: {going}{more}"
        case ForPrune():
            verb = _verb(reason.clusters, "deletes", "delete")
            until = f", waited for at most {_span(reason.until, now)}"
            return f"{names(reason.clusters)} {verb} what the release no longer has{until}"
        case ForRevert():
            return f"the revert of bundle {reason.bundle} is being proposed to Git"
        case ForHold():
            return f"the hold on bundle {reason.bundle} is being stored"
        case _:
            assert_never(reason)


def _approval(reason: ForApproval) -> str:
    people = f" from {' or '.join(reason.roles)}" if reason.roles else ""
    lapsed = f" ({reason.lapsed})" if reason.lapsed else ""
    return (
        f"{_in(reason.stage)}gate {reason.gate} has {reason.given} of {reason.needed} approvals"
        f"{people}{lapsed}"
    )


def _gate(reason: ForGate, now: datetime) -> str:
    where = f" on {reason.cluster}" if reason.cluster else ""
    detail = f" ({reason.detail})" if reason.detail else ""
    if reason.verdict is GateVerdict.NEEDS_PERSON:
        return (
            f"{_in(reason.stage)}gate {reason.gate}{where} cannot tell{detail}; "
            "pass it, or reject the release"
        )
    until = f", again in {_span(reason.until, now)}" if reason.until else ""
    return f"{_in(reason.stage)}gate {reason.gate}{where} is not open{detail}{until}"


def names(clusters: Sequence[ClusterName]) -> str:
    """Name a few clusters, count many."""
    if len(clusters) <= _NAMED_MAX:
        return " and ".join(", ".join(clusters).rsplit(", ", 1))
    return f"{len(clusters)} clusters ({', '.join(clusters[:2])}, …)"


def _in(stage: str) -> str:
    return f"stage {stage}: "


def _verb(clusters: Sequence[ClusterName], one: str, many: str) -> str:
    return one if len(clusters) == 1 else many


def _count(count: int) -> str:
    return "1 cluster" if count == 1 else f"{count} clusters"


def _at(moment: datetime | None) -> str:
    return f" ({moment:%a %d %b %H:%M %Z})" if moment else ""


def _span(until: datetime | None, now: datetime) -> str:
    return span(max(0.0, (until - now).total_seconds())) if until else "a while"


def span(seconds: float) -> str:
    """Write a duration with its two largest units: `2d 4h`, `15m`, `30s`."""
    left = round(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


def shown_state(rollout: Rollout, cluster: ClusterName, outcome: Outcome) -> ClusterState:
    """Return the state to show: Blocked for a pending cluster with a reason of its own."""
    state = rollout.clusters[cluster].state
    if state is ClusterState.PENDING and cluster in outcome.blocked:
        return ClusterState.BLOCKED
    return state


def bound_sentence(stage: StagePlan) -> str:
    """Say the worst case of a stage before it begins."""
    if stage.bound is None:
        return "no bound: clusters give their slot away before they have soaked"
    if not stage.size:
        return "nothing changes"
    return f"at most {stage.bound} of {stage.size} clusters can be broken before it stops"


def at_once_sentence(stage: StagePlan) -> str:
    """Say how many clusters can be in flight, and what keeps it below the slots if anything does.

    The ramp, windows and the fleet's guards may keep it lower for a while.
    """
    slots, allowed = min(stage.concurrency, stage.size), stage.failures
    limits = [(slots, "")]
    if stage.stage.admission is Admission.RESERVE:
        risk = f"`admission: reserve` risks no more than the budget of {allowed} and one"
        limits.append((allowed + 1, risk))
    if spread := stage.stage.spread:
        changing = Counter(seat.domain for seat in stage.seats if not seat.unchanged)
        nowhere = changing.pop("", 0)
        most = nowhere + sum(min(count, spread.max_per_domain) for count in changing.values())
        limits.append((most, f"no more than {spread.max_per_domain} of the same {spread.by}"))
    most, why = min(limits, key=lambda limit: limit[0])
    return f"{most} at once" + (f" of {slots} slots ({why})" if most < slots else "")


def phase_sentence(rollout: Rollout) -> str:
    """Say where a rollout stands, in a few words."""
    if rollout.pause is not None:
        return f"paused by {rollout.pause.actor}"
    if rollout.stop is not None and rollout.phase is Phase.RUNNING:
        return f"stopping: {rollout.stop.reason}"
    if rollout.phase is Phase.RUNNING and rollout.current < len(rollout.stages):
        return f"in stage {rollout.stages[rollout.current].name}"
    return rollout.phase.value
