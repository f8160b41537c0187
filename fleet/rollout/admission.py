"""Which clusters of a running stage start now: slots, budget, ramp, spread, windows, guards.

The arithmetic that the printed bound rests on.  With reserve admission a cluster starts only while
failures plus clusters in flight stay within the budget, so at most F+1 can be broken; optimistic
admission looks at failures alone, so at most F plus the slots can.  A cluster that a person had
retried is broken already: it needs a slot, no budget, and keeps others from using its share.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from clusters.model import ClusterName
from fleet.model import Admission, WindowName
from fleet.rollout import gates
from fleet.rollout.events import Purpose
from fleet.rollout.model import Membership
from fleet.rollout.progress import ClusterRollout
from fleet.rollout.state import StageRun
from fleet.rollout.tally import Tally
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import (
    ForBaseline,
    ForBatch,
    ForBlocker,
    ForBudget,
    ForContact,
    ForGuard,
    ForSlot,
    ForSpread,
    ForWindow,
    Reason,
)
from fleet.rollout.windows import Groups, Shut


@dataclass(slots=True)
class _Room:
    """What one stage may still start in this turn."""

    slots: int
    budget: int | None
    """New clusters that may start; None: the budget does not limit them now."""
    batch: int
    """Only clusters before this position may start."""
    domains: defaultdict[str, int]

    def take(self, entry: ClusterRollout) -> None:
        self.slots -= 1
        if self.budget is not None and _is_exposed(entry):
            self.budget -= 1
        self.domains[entry.seat.domain] += 1


@dataclass(slots=True)
class _Kept:
    """Why pending clusters did not start, by kind of reason."""

    window: dict[tuple[WindowName, datetime | None], list[ClusterName]] = field(
        default_factory=dict
    )
    guard: dict[str, list[ClusterName]] = field(default_factory=dict)
    blocker: dict[str, list[ClusterName]] = field(default_factory=dict)
    away: list[ClusterName] = field(default_factory=list)
    baseline: list[ClusterName] = field(default_factory=list)
    domains: set[str] = field(default_factory=set)
    batch: bool = False
    budget: bool = False


def _is_exposed(entry: ClusterRollout) -> bool:
    """Whether starting the cluster puts one more at risk that counts."""
    return entry.membership is Membership.MEMBER and not entry.broken


def _in_use(run: StageRun) -> int:
    """Count the slots that are taken."""
    held = len(run.tally.in_flight)
    return held if run.plan.stage.soak_holds_slot else held - run.tally.soaking


def _budget_left(run: StageRun) -> int | None:
    """Resolve how many more clusters may be put at risk; None: the slots alone limit it."""
    tally, allowed = run.tally, run.plan.failures
    lost = tally.failures + tally.retrying
    if run.plan.stage.admission is Admission.RESERVE:
        exposed = tally.exposed
        if not run.plan.stage.soak_holds_slot:
            exposed -= tally.soaking
        # Strictly: start while failed + in flight <= F, so F+1 may be at risk in the end.
        return max(0, allowed + 1 - lost - exposed)
    return None if lost <= allowed else 0


def _batch_limit(turn: Turn, run: StageRun) -> int:
    """Resolve the ramp: the first batch that still has a cluster waiting or in flight."""
    ramp = run.plan.ramp
    if len(ramp) < 2:
        return run.plan.size
    lowest = _lowest_open(turn, run.tally)
    return next((limit for limit in ramp if limit > lowest), run.plan.size)


def _lowest_open(turn: Turn, tally: Tally) -> int:
    clusters = turn.rollout.clusters
    flying = (
        clusters[name].seat.index
        for name in tally.in_flight
        if clusters[name].membership is Membership.MEMBER
    )
    queued = (index for _, late, index, _ in tally.queue[: tally.retrying + 1] if not late)
    return min((*flying, *queued), default=0)


def admit(turn: Turn, run: StageRun) -> None:
    """Start what may start, and say why the rest does not."""
    tally, plan = run.tally, run.plan
    if not tally.queue:
        return
    groups = gates.window_groups(turn.rollout, run)
    if closed := _closed_for_all(turn, groups):
        names = tuple(name for _, _, _, name in tally.queue)
        reason = ForWindow(
            stage=run.name, clusters=names, window=closed.window, until=closed.opens_at
        )
        turn.block(names, reason, closed.opens_at)
        return
    room = _Room(
        slots=plan.concurrency - _in_use(run),
        budget=_budget_left(run),
        batch=_batch_limit(turn, run),
        domains=defaultdict(int, tally.domains),
    )
    kept = _Kept()
    for _, late, index, name in tally.queue:
        if room.slots <= 0:
            break
        entry = turn.rollout.clusters[name]
        if _is_exposed(entry) and room.budget is not None and room.budget <= 0:
            kept.budget = True
            if not tally.queue[-1][1]:  # nobody behind is late, so nobody behind may start
                break
            continue
        if index >= room.batch and not late:
            kept.batch = True
            if not tally.queue[-1][1]:
                break
            continue
        if not _kept_back(turn, run, entry, room, kept, groups):
            room.take(entry)
            turn.assign(entry, entry.seat.digest, Purpose.RELEASE)
    _say(turn, run, room, kept)


def _closed_for_all(turn: Turn, groups: Groups) -> Shut | None:
    """Return what keeps every cluster out in the same way: then none needs to be looked at.

    A freeze would otherwise cost a look at each pending cluster of each rollout, each time.
    """
    verdicts = [turn.window_of(profile, groups) for profile in turn.facts.calendar.kinds]
    first = verdicts[0] if verdicts else None
    if isinstance(first, Shut) and all(each == first for each in verdicts):
        return first
    return None


def _kept_back(
    turn: Turn,
    run: StageRun,
    entry: ClusterRollout,
    room: _Room,
    kept: _Kept,
    groups: Groups,
) -> bool:
    """Whether something about this one cluster keeps it from starting now."""
    name, spread = entry.name, run.plan.stage.spread
    if entry.unreachable_since is not None:
        kept.away.append(name)
    elif entry.baseline_due:
        kept.baseline.append(name)
    elif blocker := blocker_of(turn, entry):
        kept.blocker.setdefault(blocker, []).append(name)
    elif spread and room.domains[entry.seat.domain] >= spread.max_per_domain and entry.seat.domain:
        kept.domains.add(entry.seat.domain)
    elif isinstance(verdict := turn.window(name, groups), Shut):
        kept.window.setdefault((verdict.window, verdict.opens_at), []).append(name)
    elif rule := turn.refused(name):
        kept.guard.setdefault(rule, []).append(name)
    else:
        return False
    return True


def blocker_of(turn: Turn, entry: ClusterRollout) -> str:
    """Say what about this cluster forbids a start, wherever it stands; empty: nothing."""
    facts, rollout = turn.facts, turn.rollout
    given = entry.seat.baseline if entry.baseline_due else entry.seat.digest
    if given in facts.held:
        return "its content is on hold; release the hold, or commit a fix"
    if reason := facts.blocked.get(entry.name):
        return reason
    if other := facts.leases.other_holder(entry.name, rollout.id):
        return f"rollout {other} is changing this bundle there"
    catches_up = entry.membership is Membership.DIRECT and rollout.plan.release.sequential
    newer = facts.leases.overtaken_by(entry.name, rollout.id)
    if newer and not catches_up:
        return f"rollout {newer} has brought a newer release there; abort this one"
    return ""


def _say(turn: Turn, run: StageRun, room: _Room, kept: _Kept) -> None:
    tally, name = run.tally, run.name
    pending = len(tally.queue) - sum(room.domains.values()) + sum(tally.domains.values())
    for (window, until), clusters in kept.window.items():
        reason: Reason = ForWindow(stage=name, clusters=tuple(clusters), window=window, until=until)
        turn.block(clusters, reason, until)
    for rule, clusters in kept.guard.items():
        turn.block(clusters, ForGuard(stage=name, clusters=tuple(clusters), rule=rule))
    for text, clusters in kept.blocker.items():
        turn.block(clusters, ForBlocker(stage=name, clusters=tuple(clusters), reason=text))
    if kept.away:
        turn.block(kept.away, ForContact(stage=name, clusters=tuple(kept.away)))
    if kept.baseline:
        turn.block(kept.baseline, ForBaseline(stage=name, clusters=tuple(kept.baseline)))
    if kept.domains and run.plan.stage.spread:
        spread = run.plan.stage.spread
        domains = tuple(sorted(kept.domains))
        turn.wait(
            ForSpread(stage=name, label=spread.by, domains=domains, most=spread.max_per_domain)
        )
    if kept.batch:
        turn.wait(ForBatch(stage=name, batch=room.batch, size=run.plan.size))
    if kept.budget:
        turn.wait(
            ForBudget(
                stage=name,
                pending=pending,
                in_flight=len(tally.in_flight),
                failures=tally.failures,
                allowed=run.plan.failures,
            )
        )
    elif room.slots <= 0 and pending > 0:
        turn.wait(
            ForSlot(
                stage=name,
                pending=pending,
                in_flight=len(tally.in_flight),
                concurrency=run.plan.concurrency,
            )
        )
