"""Rollouts as views: stages, gates, clusters, and what is waited for.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never

from clusters.model import ClusterName, Digest
from fleet.deciding.desired import Lookup
from fleet.model import (
    ApprovalCheck,
    Gate,
    GateCheck,
    GateName,
    HealthCheck,
    HttpCheck,
    JobCheck,
    PrometheusCheck,
    SoakCheck,
    StageName,
    WindowCheck,
)
from fleet.presenting.views import Picture
from fleet.rollout.model import gate_data, strategy_data
from fleet.rollout.planner import Outcome
from fleet.rollout.progress import ClusterState
from fleet.rollout.report import at_once_sentence, bound_sentence, sentences, shown_state
from fleet.rollout.state import (
    GateRun,
    GateVerdict,
    Phase,
    Position,
    Rollout,
    StagePhase,
    StageRun,
)
from fleet.view import GateView, RolloutClusterView, RolloutView, StageView

_NOTHING = Outcome()
CHANGES_SHOWN = 12
"""Objects of which a rollout's view says what happens to them."""


def rollout_view(picture: Picture, rollout: Rollout) -> RolloutView:
    """One rollout."""
    release = rollout.plan.release
    outcome = picture.outcomes.get(rollout.id, _NOTHING)
    counts = _count(rollout)
    return RolloutView(
        id=rollout.id,
        bundle=release.bundle,
        phase=_phase(rollout),
        from_revision=_from_revision(picture, rollout),
        to_revision=release.revision,
        subject=release.subject,
        author=release.author,
        strategy=release.strategy.name,
        plan_hash=rollout.plan.plan_hash,
        started_at=rollout.started_at,
        finished_at=rollout.ended_at,
        stages=[_stage(rollout, index, counts, picture.at) for index in range(len(rollout.stages))],
        clusters=[_cluster(rollout, name, outcome) for name in rollout.clusters],
        waiting_on=list(sentences(outcome, picture.at)) if _goes_on(rollout) else [],
        notes=_notes(picture, rollout),
        changes=_changes(rollout, picture.lookup),
    )


def _notes(picture: Picture, rollout: Rollout) -> list[str]:
    """What Git says of its way by now, where that is not what its plan says."""
    plan, inventory = rollout.plan, picture.inventory
    bundle = inventory.bundles.get(plan.release.bundle)
    if rollout.ended or bundle is None or bundle.strategy is None:
        return []
    planned, declared = plan.release.strategy, inventory.strategies[bundle.strategy]
    changed = []
    if declared.name != planned.name:
        changed.append(f"bundle {bundle.name}, which has the strategy {declared.name} by now")
    elif declared != planned and strategy_data(declared) != strategy_data(planned):
        changed.append(f"strategy {planned.name}")
    for name, gate in plan.gates.items():
        now = inventory.gates.get(name)
        if now != gate and (now is None or gate_data(now) != gate_data(gate)):
            changed.append(f"gate {name}")
    if not changed:
        return []
    what = ", ".join(changed)
    kept = "it goes on by its plan, and the next release takes what Git says"
    return [f"changed in Git since this was planned: {what}; {kept}"]


def _goes_on(rollout: Rollout) -> bool:
    """Whether it still brings its release to clusters: a completed one does, as they come back."""
    return not rollout.ended or rollout.phase is Phase.COMPLETED


def _phase(rollout: Rollout) -> str:
    if rollout.pause is not None and not rollout.ended:
        return f"paused by {rollout.pause.actor}"
    return str(rollout.phase.value)


def _from_revision(picture: Picture, rollout: Rollout) -> str:
    bundle, target = rollout.plan.release.bundle, rollout.plan.release.revision
    if rollout.ended:
        # What clusters hold now says nothing of what they held then: ask the rollouts before it.
        carried = {
            digest: earlier.plan.release.revision
            for earlier in picture.state.travel.of(bundle)
            if earlier.started_at < rollout.started_at
            for digest in earlier.plan.release.digests.values()
        }
        before = [entry.seat.previous for entry in rollout.clusters.values()]
        held = [carried[digest] for digest in before if digest in carried]
        return max(held, key=held.count, default="")
    placed = picture.state.assignments.get(bundle, {})
    found = [e.good_revision for e in placed.values() if e.good_revision not in ("", target)]
    return max(set(found), key=found.count) if found else ""


_Counts = Mapping[StageName, Mapping[ClusterState, int]]


def _stage(rollout: Rollout, index: int, counts: _Counts, now: datetime) -> StageView:
    run = rollout.stages[index]
    tally = counts[run.name]
    return StageView(
        name=run.name,
        state=_stage_state(rollout, index, tally),
        total=len(run.plan.seats),
        good=tally[ClusterState.GOOD],
        in_flight=sum(
            tally[s] for s in (ClusterState.APPLYING, ClusterState.VERIFYING, ClusterState.SOAKING)
        ),
        failed=run.tally.failures,
        deferred=tally[ClusterState.DEFERRED],
        unchanged=tally[ClusterState.UNCHANGED],
        max_concurrency=run.plan.concurrency,
        at_once=at_once_sentence(run.plan),
        max_failures=run.plan.failures,
        bound=bound_sentence(run.plan),
        gates_before=_gates(rollout, run, Position.BEFORE, now),
        gates_during=_gates(rollout, run, Position.DURING, now),
        gates_after=_gates(rollout, run, Position.AFTER, now),
        started_at=run.started_at,
        finished_at=run.completed_at,
    )


def _count(rollout: Rollout) -> _Counts:
    counts = {run.name: dict.fromkeys(ClusterState, 0) for run in rollout.stages}
    for entry in rollout.clusters.values():
        counts[entry.seat.stage][entry.state] += 1
    return counts


def _stage_state(rollout: Rollout, index: int, tally: Mapping[ClusterState, int]) -> str:
    run = rollout.stages[index]
    if run.phase is StagePhase.COMPLETED:
        return "complete"
    if rollout.stop is not None and index == rollout.current:
        return "halted"
    if run.phase is StagePhase.WAITING:
        return "waiting" if index == rollout.current and not rollout.ended else "pending"
    moving = (ClusterState.PENDING, ClusterState.APPLYING, ClusterState.VERIFYING)
    if tally[ClusterState.SOAKING] and not any(tally[state] for state in moving):
        return "soaking"
    return "running"


def gates_of(rollout: Rollout, run: StageRun, now: datetime) -> list[GateView]:
    """The gates of one stage, in the order in which they are asked."""
    return [gate for position in Position for gate in _gates(rollout, run, position, now)]


def _cluster(rollout: Rollout, name: ClusterName, outcome: Outcome) -> RolloutClusterView:
    entry = rollout.clusters[name]
    return RolloutClusterView(
        name=name,
        stage=entry.seat.stage,
        state=shown_state(rollout, name, outcome).value,
        since=entry.since,
        note=entry.trouble,
    )


def _gates(rollout: Rollout, run: StageRun, position: Position, now: datetime) -> list[GateView]:
    declared = run.plan.stage.gates
    names: tuple[GateName, ...] = tuple(getattr(declared, position.value))
    found: list[GateView] = []
    for name in names:
        gate = rollout.plan.gates.get(name)
        if gate is None:
            continue
        runs = [g for g in run.gates.values() if g.gate == name and g.position is position]
        if not runs:
            runs = [GateRun(gate=name, position=position)]
        found.extend(_gate(gate, run, one, now) for one in runs)
    return found


_WORDS = {
    GateVerdict.WAITING: "waiting",
    GateVerdict.OPEN: "open",
    GateVerdict.FAILED: "failed",
    GateVerdict.NEEDS_PERSON: "inconclusive",
}


def _gate(gate: Gate, run: StageRun, held: GateRun, now: datetime) -> GateView:
    check = gate.check
    needed = check.count if isinstance(check, ApprovalCheck) else 0
    until, progress = None, None
    if isinstance(check, SoakCheck) and held.verdict is GateVerdict.WAITING:
        done = run.soak.elapsed_s(now)
        until = now + timedelta(seconds=max(0.0, check.duration_s - done))
        progress = min(1.0, done / check.duration_s) if check.duration_s else 1.0
    where = f" on {held.cluster}" if held.cluster else ""
    return GateView(
        name=gate.name,
        kind=_kind(check),
        state=_WORDS[held.verdict],
        sentence=f"{_sentence(check, held)}{where}",
        until=until,
        progress=progress,
        approvals=[approval.actor for approval in held.approvals],
        approvals_needed=needed,
    )


def gate_sentence(gate: Gate) -> str:
    """What a gate asks for, before it is asked."""
    return _sentence(gate.check, GateRun(gate=gate.name, position=Position.BEFORE))


def _kind(check: GateCheck) -> str:
    return type(check).__name__.removesuffix("Check").lower()


def _sentence(check: GateCheck, held: GateRun) -> str:
    if held.passed_by:
        return f"let pass by {held.passed_by}"
    if held.rejected_by:
        return f"rejected by {held.rejected_by}"
    match check:
        case ApprovalCheck():
            whose = f" of {' or '.join(check.roles)}" if check.roles else ""
            return f"{len(held.approvals)} of {check.count} approvals{whose}"
        case SoakCheck():
            return f"healthy for {check.duration_s:g} s"
        case HealthCheck():
            return held.detail or "everything on its clusters is healthy"
        case WindowCheck():
            return held.detail or f"window {', '.join(check.windows)}"
        case PrometheusCheck():
            return f"{check.success}: {held.detail}" if held.detail else check.success
        case HttpCheck() | JobCheck():
            return held.detail or "not measured yet"
        case _:
            assert_never(check)


def _changes(rollout: Rollout, lookup: Lookup) -> list[str]:
    changed = [seat for run in rollout.stages for seat in run.plan.seats if not seat.unchanged]
    same = sum(len(run.plan.seats) for run in rollout.stages) - len(changed)
    lines = [f"{len(changed)} clusters change" + (f", {same} stay as they are" if same else "")]
    new = [seat for seat in changed if seat.previous is None]
    if new:
        lines.append(f"{len(new)} of them get the bundle for the first time")
    objects = _object_changes(Counter((seat.previous, seat.digest) for seat in changed), lookup)
    shown = sorted(objects.items(), key=lambda item: (item[0][0] != "-", -item[1], item[0]))
    lines += [f"{sign} {name}  ×{count}" for (sign, name), count in shown[:CHANGES_SHOWN]]
    if len(shown) > CHANGES_SHOWN:
        lines.append(f"and {len(shown) - CHANGES_SHOWN} more objects")
    if shown and not any(sign == "-" for sign, _ in objects):
        lines.append("nothing is deleted")
    return lines


def _object_changes(
    steps: Mapping[tuple[Digest | None, Digest], int], lookup: Lookup
) -> Counter[tuple[str, str]]:
    """Count, over all clusters, the objects that are added, changed and deleted."""
    found: Counter[tuple[str, str]] = Counter()
    for (previous, digest), clusters in steps.items():
        before = {m.ref: m.digest for m in (lookup(previous) if previous else None) or ()}
        after = {m.ref: m.digest for m in lookup(digest) or ()}
        for ref in before.keys() | after.keys():
            if before.get(ref) == after.get(ref):
                continue
            sign = "+" if ref not in before else "-" if ref not in after else "~"
            found[sign, ref.short] += clusters
    return found
