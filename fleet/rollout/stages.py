"""The life of the current stage: gates, starts, budgets, completion; and how a stop plays out."""

from __future__ import annotations

from collections.abc import Iterator

from clusters.model import ClusterName
from fleet.model import OnBreach, StageName, UnreachableMode
from fleet.rollout import admission, gates, latecomers, pruning, rollback
from fleet.rollout.events import (
    Halted,
    RolloutEnded,
    StageCompleted,
    StageSettled,
    StageStarted,
    Stopped,
)
from fleet.rollout.facts import Ahead, relied_on
from fleet.rollout.failures import first_failure
from fleet.rollout.model import Membership
from fleet.rollout.progress import ClusterState
from fleet.rollout.requests import UndoScope
from fleet.rollout.state import BREACHES, Phase, Position, StagePhase, StageRun, Stop, StopCause
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import ForDraining, ForPerson, ForReturn, ForTrain


def go_on(turn: Turn) -> None:
    """Take the rollout one step further along its stages."""
    rollout = turn.rollout
    if breached(turn):
        return
    if rollout.current >= len(rollout.stages):
        if pruning.done(turn):
            turn.conclude(RolloutEnded(at=turn.now, phase=Phase.COMPLETED))
        return
    run = rollout.stages[rollout.current]
    if not run.plan.size and not run.tally.busy:
        # Nothing to do here may mean that the release ahead was to do it.
        if not (_behind(turn, run) or _ahead_stopped(turn)):
            turn.conclude(StageCompleted(at=turn.now, stage=run.name))
    elif turn.standstill:
        turn.wait(ForPerson(reason=turn.standstill))
    elif run.phase is StagePhase.WAITING:
        _begin(turn, run)
    else:
        _run(turn, run)


def breached(turn: Turn) -> bool:
    """Conclude a breach where a budget is exceeded, and say whether one was."""
    rollout = turn.rollout
    for run in rollout.stages:
        failures, allowed = run.tally.failures, run.plan.failures
        if failures > allowed:
            reason = (
                f"{failures} of {run.plan.size} clusters of stage {run.name} failed, "
                f"its budget is {allowed}{_first(turn, run.name)}"
            )
            _stop(turn, run, StopCause.BREACH, reason)
            return True
    total = rollout.plan.failures
    if total is not None and rollout.failures > total:
        run = rollout.stages[min(rollout.current, len(rollout.stages) - 1)]
        reason = (
            f"{rollout.failures} of {rollout.plan.size} clusters failed over all stages, "
            f"the budget of the rollout is {total}{_first(turn)}"
        )
        _stop(turn, run, StopCause.BREACH, reason)
        return True
    return False


def _first(turn: Turn, stage: StageName | None = None) -> str:
    """What went wrong first: counts alone help nobody to mend it."""
    failed = first_failure(turn.rollout, stage)
    return f"; first {failed}" if failed else ""


def _stop(turn: Turn, run: StageRun, cause: StopCause, reason: str) -> None:
    turn.conclude(
        Stopped(
            at=turn.now,
            cause=cause,
            reason=reason,
            stage=run.name,
            reaction=run.plan.stage.on_breach if cause in BREACHES else OnBreach.HALT,
        )
    )


def _begin(turn: Turn, run: StageRun) -> None:
    """Start the stage once the release ahead and every gate let it."""
    if _behind(turn, run) or _ahead_stopped(turn):
        return
    if _pass(turn, run, Position.BEFORE):
        turn.conclude(StageStarted(at=turn.now, stage=run.name))


def _behind(turn: Turn, run: StageRun) -> bool:
    """Whether the release ahead has to finish this stage first."""
    ahead = turn.facts.ahead
    if ahead is None or ahead.stopped or run.name in ahead.completed:
        return False
    turn.wait(ForTrain(stage=run.name, ahead=ahead.rollout))
    return True


def _ahead_stopped(turn: Turn) -> bool:
    """Whether failures of the release ahead stop this one: it would bring the same to them."""
    ahead = turn.facts.ahead
    if ahead is None or not ahead.stopped or _mends(turn, ahead):
        return False
    turn.wait(ForPerson(reason=f"rollout {ahead.rollout} ahead stopped: {ahead.stopped}"))
    return True


def _mends(turn: Turn, ahead: Ahead) -> bool:
    """Whether this release gives other content to every cluster that the one ahead failed on.

    And relies on it nowhere: no cluster is left as it is because the one ahead would change it.
    """
    digests = turn.rollout.plan.release.digests
    failed = ahead.failed.items()
    other = bool(failed) and all(digests.get(name, digest) != digest for name, digest in failed)
    return other and not relied_on(turn.rollout, ahead.undone)


def _pass(turn: Turn, run: StageRun, position: Position) -> bool:
    """Ask all gates at `position`, act on their answers, and say whether they let the stage on."""
    passed = True
    for found in gates.ask(turn, run, position):
        match found:
            case gates.Failed():
                _stop(turn, run, found.cause, f"stage {run.name}: {found.reason}")
                return False
            case gates.Closed():
                passed = False
                turn.wait(found.reason)
            case gates.Open():
                pass
        if found.effect is not None:
            turn.act(found.effect)
        turn.look_again(found.recheck_at)
    return passed


def _run(turn: Turn, run: StageRun) -> None:
    watched = _pass(turn, run, Position.DURING)
    if turn.conclusions:
        return
    too_many = _too_many_deferred(turn, run)
    if turn.conclusions:
        return
    if run.tally.busy:
        latecomers.give_baselines(turn, run)
        if watched and not too_many and not _ahead_stopped(turn):
            admission.admit(turn, run)
    elif run.settled_at is None:
        turn.conclude(StageSettled(at=turn.now, stage=run.name))
    elif not too_many and _pass(turn, run, Position.AFTER) and watched:
        asked = gates.being_measured(run)
        if asked is not None:
            turn.wait(asked)
        else:
            turn.conclude(StageCompleted(at=turn.now, stage=run.name))


def _too_many_deferred(turn: Turn, run: StageRun) -> bool:
    """Whether the stage has to wait because too much of it is out of reach."""
    allowed = run.plan.deferrals
    if run.tally.deferred <= allowed:
        return False
    deferred = run.tally.deferred - _late(turn, run)
    if deferred <= allowed:
        return False
    match run.plan.stage.unreachable.mode:
        case UnreachableMode.IGNORE:
            return False
        case UnreachableMode.DEFER:
            turn.wait(ForReturn(stage=run.name, deferred=deferred, allowed=allowed))
            return True
        case UnreachableMode.FAIL:
            reason = (
                f"{deferred} of {run.plan.size} clusters of stage {run.name} are out of reach, "
                f"its limit is {allowed}"
            )
            _stop(turn, run, StopCause.UNREACHABLE, reason)
            return True


def _late(turn: Turn, run: StageRun) -> int:
    """Count deferred clusters that joined late: the limit is a share of the frozen members."""
    away = (turn.rollout.clusters[name] for name in turn.rollout.away)
    return sum(
        entry.state is ClusterState.DEFERRED
        and entry.membership is Membership.LATE
        and entry.seat.stage == run.name
        for entry in away
    )


def play_out(turn: Turn, stop: Stop) -> None:
    """Let what is in flight finish, then do what the stop asks for."""
    scope = rollback.reaction(turn.rollout, stop)
    flying = tuple(_unfinished(turn, stop, scope))
    if flying:
        turn.wait(ForDraining(clusters=flying, reason=stop.reason))
        return
    match stop.cause:
        case StopCause.ABORT:
            turn.conclude(RolloutEnded(at=turn.now, phase=Phase.ABORTED))
        case StopCause.SUPERSEDE:
            done = turn.rollout.current >= len(turn.rollout.stages)
            phase = Phase.COMPLETED if done else Phase.SUPERSEDED
            turn.conclude(RolloutEnded(at=turn.now, phase=phase))
        case _ if scope is not None:
            rollback.start(turn, stop, scope)
        case _ if turn.rollout.phase is Phase.RUNNING:
            turn.conclude(Halted(at=turn.now))
        case _:
            turn.wait(ForPerson(reason=stop.reason, halted=True))


def _unfinished(turn: Turn, stop: Stop, scope: UndoScope | None) -> Iterator[ClusterName]:
    """Yield what must finish first; a soak need not, where the cluster is to go back anyway."""
    for run in turn.rollout.stages:
        goes_back = scope is UndoScope.ROLLOUT or (
            scope is UndoScope.STAGE and run.name == stop.stage
        )
        for name in run.tally.in_flight:
            soaking = turn.rollout.clusters[name].state is ClusterState.SOAKING
            if not (soaking and goes_back):
                yield name
