"""A simulation as text: how each stage filled over time, what stood out, and the figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleet.rollout.events import (
    ClusterGaveUp,
    GateAsked,
    RollbackStarted,
    RolloutEnded,
    StageCompleted,
    StageStarted,
    Stopped,
)
from fleet.rollout.member_events import ClusterDeferred
from fleet.rollout.model import StagePlan
from fleet.rollout.narrative import narrate
from fleet.rollout.progress import ClusterState
from fleet.rollout.report import at_once_sentence, bound_sentence, sentences, span
from fleet.rollout.requests import Approved
from fleet.rollout.simulate import Odds, Sample, Simulation
from fleet.rollout.state import StageRun

State = ClusterState
_GLYPHS = (
    ("█", (State.GOOD, State.UNCHANGED)),
    ("▒", (State.SOAKING,)),
    ("░", (State.APPLYING, State.VERIFYING, State.ROLLING_BACK)),
    ("x", (State.FAILED, State.TIMED_OUT, State.NEEDS_HUMAN, State.SKIPPED)),
    ("?", (State.DEFERRED,)),
    ("<", (State.ROLLED_BACK,)),
)
"""What fills a column, from the bottom of the list of states to its top."""
_ENDS: Mapping[str, tuple[ClusterState, ...]] = {
    "good": (State.GOOD,),
    "unchanged": (State.UNCHANGED,),
    "failed": (State.FAILED, State.TIMED_OUT),
    "skipped": (State.SKIPPED,),
    "withdrawn": (State.WITHDRAWN,),
    "out of reach": (State.DEFERRED,),
    "rolled back": (State.ROLLED_BACK,),
    "in need of a person after their way back": (State.NEEDS_HUMAN,),
    "still under way": (State.APPLYING, State.VERIFYING, State.SOAKING, State.ROLLING_BACK),
    "never reached": (State.PENDING, State.BLOCKED),
}
"""How clusters ended, in words: every state is one of these, so that they add up."""
_ALWAYS = ("good", "failed", "never reached")
_KEY = "█ good  ▒ soaking  ░ changing  x failed  ? out of reach  < rolled back  · pending"
_NOTABLE = (StageStarted, StageCompleted, Stopped, RollbackStarted, RolloutEnded, Approved)
_MOMENTS_MAX = 40


def draw(simulation: Simulation, *, width: int = 72) -> str:
    """Draw the whole simulation, each line at most about `width` wide."""
    lines = [*_stages(simulation, width), "", *_moments(simulation), "", *figures(simulation)]
    return "\n".join(lines) + "\n"


def _stages(simulation: Simulation, width: int) -> Iterator[str]:
    columns = max(10, width - 12)
    picked = _columns(simulation, columns)
    yield f"{'stage':<10}  0 {'─' * (columns - 4 - len(_total(simulation)))} {_total(simulation)}"
    for run in simulation.rollout.stages:
        rows = min(4, max(1, len(run.plan.seats)))
        bars = [_bar(run, sample, rows) for sample in picked]
        for row in range(rows - 1, -1, -1):
            label = run.name[:10] if row == rows - 1 else ""
            yield f"{label:<10}  {''.join(bar[row] for bar in bars)}"
    yield f"{'':<10}  {_KEY}"


def _total(simulation: Simulation) -> str:
    return span(simulation.duration_s)


def _columns(simulation: Simulation, columns: int) -> list[Sample]:
    """Pick, for each column, the newest sample at its moment."""
    samples = simulation.samples
    first, length = samples[0].at, max(1.0, simulation.duration_s)
    picked, index = [], 0
    for column in range(columns):
        until = length * column / max(1, columns - 1)
        while index + 1 < len(samples):
            if (samples[index + 1].at - first).total_seconds() > until:
                break
            index += 1
        picked.append(samples[index])
    return picked


def _bar(run: StageRun, sample: Sample, rows: int) -> str:
    """Fill one column from below: states in their order, then pending."""
    counts: Mapping[ClusterState, int] = sample.counts[run.name]
    total = max(1, sum(counts.values()))
    filled = ""
    reached = 0.0
    for glyph, states in _GLYPHS:
        share = sum(counts.get(state, 0) for state in states) * rows / total
        reached += share
        more = round(reached) - len(filled)
        if share and more <= 0 and glyph in "x?" and len(filled) < rows:
            more = 1  # a single failure among a thousand must not vanish
        filled += glyph * max(0, more)
    return (filled + "·" * rows)[:rows]


def _moments(simulation: Simulation) -> Iterator[str]:
    """List what stood out, with the time since the start."""
    first = simulation.events[0].at
    notable = [
        event
        for event in simulation.events
        if isinstance(event, _NOTABLE) or (isinstance(event, GateAsked) and event.cluster is None)
    ]
    for event in notable[:_MOMENTS_MAX]:
        since = span((event.at - first).total_seconds())
        yield f"{since:>8}  {narrate(event)}"
    if len(notable) > _MOMENTS_MAX:
        yield f"{'':>8}  … and {len(notable) - _MOMENTS_MAX} more"


def figures(simulation: Simulation) -> Iterator[str]:
    """List the figures that a choice of budgets turns on."""
    rollout = simulation.rollout
    yield f"result        {rollout.phase} after {_total(simulation)} of virtual time"
    ends = {word: simulation.count(*states) for word, states in _ENDS.items()}
    told = ", ".join(f"{n} {word}" for word, n in ends.items() if n or word in _ALWAYS)
    yield f"clusters      {len(rollout.clusters)} in all: {told}"
    yield f"broken        at most {simulation.broken_most} at the same time"
    for stage in rollout.plan.stages:
        yield f"  {stage.name:<12}{_numbers(stage)}; {bound_sentence(stage)}"
    deferred = sum(isinstance(event, ClusterDeferred) for event in simulation.events)
    failed = sum(isinstance(event, ClusterGaveUp) for event in simulation.events)
    yield f"on the way    {failed} failures, {deferred} put off because they were out of reach"
    yield f"assumed       {_assumed(simulation.odds)}"
    if not rollout.ended:
        for text in sentences(simulation.waiting, simulation.events[-1].at):
            yield f"waits         {text}"


def _assumed(odds: Odds) -> str:
    """What was taken for granted of the imagined clusters."""
    lost = f"; {100 * odds.unreachable_rate:.3g}% of all are lost for {_range(odds.absence_s)}"
    return (
        f"a cluster takes {_range(odds.apply_s)} to apply and {_range(odds.ready_s)} more to be "
        f"healthy, people {span(odds.approval_s)} to approve"
        f"{lost if odds.unreachable_rate else ''}"
    )


def _range(limits_s: tuple[float, float]) -> str:
    least, most = limits_s
    return span(least) if least == most else f"{span(least)} to {span(most)}"


def _numbers(stage: StagePlan) -> str:
    """The resolved amounts of a stage."""
    return (
        f"{stage.size} change, {at_once_sentence(stage)}, {stage.failures} may fail, "
        f"batches {'/'.join(str(limit) for limit in stage.ramp)}"
    )
