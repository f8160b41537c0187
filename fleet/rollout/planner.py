"""The rollout planner: facts in (`evolve`), decisions out (`decide`).  Nothing else.

Rule 1: everything that moves a rollout goes through these two functions.  Both are pure: the same
arguments give the same answer, and `now`, ids and the fleet around (`Facts`) are arguments.

How a coordinator drives one rollout
------------------------------------
It keeps one `Rollout` value per run, made by `begin(RolloutStarted(...))`, and does this whenever
an event about the run arrives, the facts changed, or `recheck_after` seconds have passed::

    for event in arrived:
        rollout = evolve(rollout, event)
    step = advance(rollout, facts, now)            # in `fleet.rollout.advance`
    store(arrived + step.events)                   # one transaction, before any side effect
    rollout = step.rollout
    for effect in step.effects:
        carry_out(effect)                          # its result comes back as an event

`advance` calls `decide` until nothing is left to decide.  It folds each conclusion (what time alone
has established) and, for each side effect, the intent that `decisions.intent_of` names.  So what is
stored always runs ahead of what is done, and the state knows what has been asked:

=================  ==========================================  =====================================
effect             intent, stored before                       results, as they become known
=================  ==========================================  =====================================
AssignRelease      ClusterAssigned                             ClusterApplied, then BecameHealthy,
                                                               Degraded, ClusterFailed, DriftSeen
ObserveCluster     ObservationAsked                            ClusterObserved, then BecameHealthy
                                                               or Degraded
MeasureGate        GateAsked                                   GateMeasured (ERROR if it broke)
AskApproval        GateAsked                                   Approved, Rejected (from `commands`)
PlaceHold          HoldAsked                                   HoldPlaced
ProposeRevert      RevertAsked                                 RevertProposed
=================  ==========================================  =====================================

* `AssignRelease` means: from now on the cluster's reconciler is to hold `digest` (its bytes are
  stored), under the lease `generation`.  `ClusterAssigned` *is* the assignment: the coordinator's
  table of assigned digests is the fold of these events, and self-heal follows that table, never
  HEAD.  Doing it twice does no harm.
* Observations name the digest they speak of.  One about an earlier digest changes nothing, so order
  and repetition do not matter.  `Degraded` may pass; send `ClusterFailed` only for a definite no
  (the apply was refused, the workload gave up).
* After a crash: load the newest snapshot, fold the events after it, then
  `CoordinatorStarted(alive_until=the last heartbeat)`.  Nothing is assigned again unless the
  observation says that it did not happen; the outage grants no soak and costs no deadline.
* A new rollout is told at once (`ClusterUnreachable`, with the true instant) of every cluster that
  is out of contact.  A cluster that joins (`joining.joining`) is told to the open rollouts of the
  bundle, or to the kept completed one if none is open.
* Commands go through `commands.check` first; it returns the event, or the reason for refusing.
* A completed rollout is kept until a newer one of its bundle replaces it: clusters that return or
  join go to it, and it brings them to the release.
* Without an event of its own a rollout need not be decided again before `recheck_after`, unless
  `Outcome.waits_on_others` says that facts about the rest of the fleet may end a wait.  Deciding it
  anyway gives the same answer.
* `Facts.changing` is counted once (`surroundings.changing`) and passed on from rollout to rollout,
  each adding what it assigned (`Changing.plus`): two rollouts decided with the same count could
  exceed the fleet's limit together.
* A release that starts while others of its bundle are open names the newest of them
  (`RolloutStarted.follows`) and is planned against `surroundings.expected`.
"""

from __future__ import annotations

from datetime import datetime

from fleet.rollout import (
    evolve_clusters,
    evolve_commands,
    evolve_gates,
    evolve_members,
    evolve_run,
    evolve_undo,
    latecomers,
    rollback,
    stages,
    timers,
)
from fleet.rollout.events import ClusterFact, CommandFact, Event, GateFact, RunFact
from fleet.rollout.evolve_run import begin
from fleet.rollout.facts import Facts
from fleet.rollout.member_events import MemberFact
from fleet.rollout.state import Phase, Rollout
from fleet.rollout.turn import Outcome, Turn

__all__ = ["Outcome", "begin", "decide", "evolve"]


def evolve(rollout: Rollout, event: Event) -> Rollout:
    """Fold one fact into the rollout.  A fact that means nothing to it changes nothing."""
    if isinstance(event, ClusterFact):
        return evolve_clusters.fold(rollout, event)
    if isinstance(event, MemberFact):
        return evolve_members.fold(rollout, event)
    if isinstance(event, GateFact):
        return evolve_gates.fold(rollout, event)
    if isinstance(event, RunFact):
        return evolve_run.fold(rollout, event)
    if isinstance(event, CommandFact):
        return evolve_commands.fold(rollout, event)
    return evolve_undo.fold(rollout, event)


def decide(rollout: Rollout, facts: Facts, now: datetime) -> Outcome:
    """Say what to do next, and everything that is waited for.

    Level-triggered: asked again with the same arguments it answers the same.  Either all decisions
    are conclusions, to be folded before asking again, or all are side effects.
    """
    turn = Turn(rollout, facts, now)
    timers.tend(turn)
    if turn.conclusions:
        return turn.outcome()
    if rollout.phase is Phase.ROLLING_BACK and rollout.undo is not None:
        rollback.go_on(turn, rollout.undo)
    elif rollout.stop is not None and not rollout.ended:
        stages.play_out(turn, rollout.stop)
    elif not rollout.ended:
        stages.go_on(turn)
    if rollout.phase in (Phase.RUNNING, Phase.COMPLETED) and rollout.stop is None:
        latecomers.converge(turn)
    return turn.outcome()
