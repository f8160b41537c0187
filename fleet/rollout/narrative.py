"""Each event of a rollout as one plain sentence: the audit log, timelines and scenarios use it."""

from __future__ import annotations

from typing import assert_never

from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterAssigned,
    ClusterContested,
    ClusterFact,
    ClusterFailed,
    ClusterGaveUp,
    ClusterLeftAsIs,
    CommandFact,
    DeadlinePassed,
    Degraded,
    DriftSeen,
    Event,
    GateAsked,
    GateFact,
    GateMeasured,
    Halted,
    HoldAsked,
    HoldPlaced,
    PruneDecided,
    Purpose,
    RevertAsked,
    RevertProposed,
    RollbackStarted,
    RolloutEnded,
    RolloutStarted,
    RunFact,
    SoakElapsed,
    StageCompleted,
    StageSettled,
    StageStarted,
    Stopped,
    Superseded,
    UndoFact,
)
from fleet.rollout.member_events import (
    ClusterDeferred,
    ClusterJoined,
    ClusterLeft,
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    ClusterWithdrawn,
    CoordinatorStarted,
    MemberFact,
    ObservationAsked,
    WindowClosed,
    WindowOpened,
)
from fleet.rollout.report import names
from fleet.rollout.requests import (
    Aborted,
    Approved,
    GatePassed,
    HoldReleased,
    Paused,
    PromotedNow,
    Rejected,
    Resumed,
    Retried,
    RollbackRequested,
    Skipped,
    TakeoverDecided,
    WindowBypassed,
)
from fleet.rollout.state import StopCause

_ASSIGNED = {
    Purpose.RELEASE: "is given",
    Purpose.BASELINE: "is given its stage's baseline",
    Purpose.ROLLBACK: "goes back to",
}


_CAUSES = {
    StopCause.BREACH: "the budget is exceeded",
    StopCause.GATE: "a gate failed",
    StopCause.REJECTED: "it was rejected",
    StopCause.UNREACHABLE: "too much is out of reach",
    StopCause.ABORT: "it is aborted",
    StopCause.SUPERSEDE: "it is replaced",
    StopCause.ROLLBACK: "it is rolled back",
}


def narrate(event: Event) -> str:
    """Say what happened, without a full stop."""
    if isinstance(event, ClusterFact):
        return _cluster(event)
    if isinstance(event, MemberFact):
        return _member(event)
    if isinstance(event, GateFact):
        return _gate(event)
    if isinstance(event, RunFact):
        return _run(event)
    if isinstance(event, CommandFact):
        return _command(event)
    return _undo(event)


def _why(reason: str) -> str:
    return f": {reason}" if reason else ""


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "nothing"


def _run(event: RunFact) -> str:  # noqa: PLR0911 - one return for each fact
    match event:
        case RolloutStarted():
            release = event.plan.release
            return f"rollout {event.id} of {release.bundle} {release.revision[:8]} starts"
        case StageStarted():
            return f"stage {event.stage} starts"
        case StageSettled():
            return f"stage {event.stage} has no cluster waiting or in flight any more"
        case StageCompleted():
            return f"stage {event.stage} is complete"
        case PruneDecided():
            one = event.objects == 1
            what = f"{event.objects} object{'' if one else 's'} that the release no longer has"
            if event.held:
                return f"{what} stay{'s' if one else ''} until a person confirms: {event.held}"
            return f"{what} {'is' if one else 'are'} deleted on {names(event.clusters)}"
        case Stopped():
            return f"no more starts, {_CAUSES[event.cause]}: {event.reason}"
        case Halted():
            return "the rollout halts and waits for a person"
        case RolloutEnded():
            return f"the rollout ends: {event.phase}"
        case _:
            assert_never(event)


def _cluster(event: ClusterFact) -> str:  # noqa: PLR0911 - one return for each fact
    name = event.cluster
    match event:
        case ClusterAssigned():
            return f"{name} {_ASSIGNED[event.purpose]} {_short(event.digest)}"
        case ClusterApplied():
            return f"{name} holds {_short(event.digest)}"
        case BecameHealthy():
            return f"{name} is healthy"
        case Degraded():
            return f"{name} is degraded{_why(event.reason)}"
        case ClusterFailed():
            return f"{name} fails{_why(event.reason)}"
        case ClusterContested():
            fields = "; ".join(str(each) for each in event.contests)
            return f"{name} asks who is to have {fields}" if fields else f"{name} asks no more"
        case DriftSeen():
            return f"{name} was changed by hand{_why(event.detail)}"
        case DeadlinePassed():
            return f"{name} reaches its deadline"
        case SoakElapsed():
            return f"{name} is good"
        case ClusterGaveUp():
            verb = "has timed out" if event.timed_out else "has failed"
            return f"{name} {verb}{_why(event.reason)}"
        case _:
            assert_never(event)


def _member(event: MemberFact) -> str:  # noqa: PLR0911 - one for each fact
    if isinstance(event, CoordinatorStarted):
        return "the coordinator starts again"
    match event:
        case WindowClosed():
            return f"the window closes over {names(event.clusters)}"
        case WindowOpened():
            return f"the window opens for {names(event.clusters)}"
        case ObservationAsked():
            return f"{event.cluster} is asked what it holds"
        case ClusterObserved():
            return f"{event.cluster} was found to hold {_short(event.digest)}"
        case ClusterUnreachable():
            return f"{event.cluster} is out of contact"
        case ClusterReturned():
            return f"{event.cluster} is back"
        case ClusterDeferred():
            return f"{event.cluster} is put off until it returns"
        case ClusterJoined():
            return f"{event.cluster} joins stage {event.seat.stage}"
        case ClusterLeft():
            return f"{event.cluster} leaves"
        case ClusterWithdrawn():
            return f"{event.cluster} is withdrawn"
        case _:
            assert_never(event)


def _gate(event: GateFact) -> str:
    gate = f"gate {event.gate} ({event.position.value} stage {event.stage})"
    match event:
        case GateAsked():
            return f"{gate} is asked" + (f" about {event.cluster}" if event.cluster else "")
        case GateMeasured():
            where = f" about {event.cluster}" if event.cluster else ""
            return f"{gate} says {event.outcome.value}{where}{_why(event.detail)}"
        case Approved():
            return f"{event.actor} approves {gate}{_why(event.reason)}"
        case Rejected():
            return f"{event.actor} rejects {gate}{_why(event.reason)}"
        case GatePassed():
            return f"{event.actor} passes {gate}{_why(event.reason)}"
        case _:
            assert_never(event)


def _command(event: CommandFact) -> str:  # noqa: PLR0911 - one return for each command
    if isinstance(event, Superseded):
        return f"{event.by} takes its place{_why(event.reason)}"
    who, why = event.actor, _why(event.reason)
    match event:
        case Paused():
            return f"{who} pauses the rollout{why}"
        case Resumed():
            return f"{who} resumes the rollout{why}"
        case Aborted():
            return f"{who} aborts the rollout{why}"
        case Retried():
            return f"{who} retries {names(event.clusters)}{why}"
        case Skipped():
            excused = ", excused" if event.excuse else ""
            return f"{who} skips {event.cluster}{excused}{why}"
        case PromotedNow():
            return f"{who} promotes stage {event.stage} at once{why}"
        case TakeoverDecided():
            fields = "; ".join(
                f"{each} (on {name})" for name, found in event.contests.items() for each in found
            )
            return f"{who} {'takes over' if event.take else 'leaves to others'} {fields}{why}"
        case WindowBypassed():
            return f"{who} bypasses window {event.window} until {event.until:%d %b %H:%M %Z}{why}"
        case RollbackRequested():
            return f"{who} rolls back the {event.scope.value}{why}"
        case _:
            assert_never(event)


def _undo(event: UndoFact) -> str:
    match event:
        case RollbackStarted():
            return f"{names(event.clusters) if event.clusters else 'nothing'} to be rolled back"
        case ClusterLeftAsIs():
            human = " and needs a person" if event.needs_human else ""
            return f"{event.cluster} is left as it is{human}{_why(event.reason)}"
        case RevertAsked():
            return "the revert is to be proposed to Git"
        case RevertProposed():
            where = event.url or (f"branch {event.branch}" if event.branch else "")
            done = f"the revert is proposed: {where}" if where else "no revert is proposed"
            return f"{done}{f' ({event.problem})' if event.problem else ''}"
        case HoldAsked():
            return "the release is to be put on hold"
        case HoldPlaced():
            return f"the release is on hold{_why(event.reason)}"
        case HoldReleased():
            return f"{event.actor} releases the hold{_why(event.reason)}"
        case _:
            assert_never(event)
