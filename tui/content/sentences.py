"""Longer descriptions, made of the read model: what the panes beside the tables show.

Pure: values in, lines out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from fleet.view import (
    CommitView,
    EventView,
    GateView,
    GitView,
    NeedView,
    RolloutView,
    StageView,
)
from tui.content.drift_inbox import DriftGroup, Grouping, fields_of, object_name
from tui.model.queries import Approval, is_finished
from tui.model.store import FleetStore
from tui.text import format as fmt
from tui.text.format import Line, Tone

_BAR_WIDTH = 12


def heading(words: str) -> Line:
    """The head of a section."""
    return ((words, Tone.MUTED),)


def pair(name: str, value: Line) -> Line:
    """A name and its value, aligned."""
    return ((f"{name:<12}", Tone.MUTED), *value)


def gate_lines(gate: GateView, now: datetime) -> list[Line]:
    """One gate: state, sentence, and how far it is."""
    head: Line = (
        *fmt.marked(fmt.PROGRESS_GLYPHS, gate.state)[:1],
        *fmt.text(f"{gate.name}", Tone.STRONG),
        ("  ", Tone.PLAIN),
        *fmt.text(gate.sentence),
    )
    lines = [head]
    if gate.progress is not None and gate.state == "waiting":
        left = fmt.remaining(gate.until, now)
        bar = fmt.bar(gate.progress, _BAR_WIDTH)
        lines.append(((f"  ▕{bar}▏ {gate.progress:.0%}", Tone.ACTIVE), (f"  {left}", Tone.MUTED)))
    if gate.approvals_needed:
        given = ", ".join(gate.approvals) or "nobody yet"
        count = f"{len(gate.approvals)}/{gate.approvals_needed}"
        lines.append(((f"  {count} ", Tone.ASK), *fmt.text(given, Tone.PLAIN)))
    return lines


def rollout_lines(
    rollout: RolloutView, now: datetime, *, needs: Sequence[NeedView] = ()
) -> list[Line]:
    """Everything about a rollout that is not its clusters: why it waits, gates, what it changes.

    `needs` are those that speak of it: what a person has to decide stands first.
    """
    lines: list[Line] = []
    for need in needs:
        glyph, tone = fmt.glyph_of(fmt.NEED_GLYPHS, need.kind)
        lines.append(((f"{glyph} ", tone), *fmt.text(need.sentence, tone)))
    if needs:
        lines.append(())
    if is_finished(rollout):
        lines.append(
            (("it is over: ", Tone.MUTED), *fmt.marked(fmt.PROGRESS_GLYPHS, rollout.phase))
        )
    elif rollout.waiting_on:
        told = [need.sentence for need in needs]
        waits = [each for each in rollout.waiting_on if not any(one in each for one in told)]
        lines += [heading("Waits for")] if waits else []
        lines += [(("◆ ", Tone.ASK), *fmt.text(each)) for each in waits]
    else:
        lines += [(("✓ ", Tone.GOOD), ("nothing holds it up", Tone.PLAIN))]
    lines += [(("· ", Tone.MUTED), *fmt.text(each, Tone.WARN)) for each in rollout.notes]
    for stage in () if is_finished(rollout) else rollout.stages:
        lines += _stage_gates(stage, now)
    if rollout.changes:
        lines += [(), heading("What it changes")]
        lines += [fmt.text(each) for each in rollout.changes]
    return lines


def _stage_gates(stage: StageView, now: datetime) -> list[Line]:
    gates = (*stage.gates_before, *stage.gates_during, *stage.gates_after)
    if not gates or stage.state == "complete":
        return []
    lines: list[Line] = [(), heading(f"Gates of {stage.name}")]
    for gate in gates:
        lines += gate_lines(gate, now)
    if stage.bound:
        lines.append(fmt.text(stage.bound, Tone.MUTED))
    return lines


def approval_lines(approval: Approval, now: datetime) -> list[Line]:
    """What somebody who is asked to approve should read first."""
    rollout, stage = approval.rollout, approval.stage
    revisions = f"{fmt.short_revision(rollout.from_revision)} → "
    return [
        pair("bundle", fmt.text(rollout.bundle, Tone.STRONG)),
        pair("revision", fmt.text(revisions + fmt.short_revision(rollout.to_revision))),
        pair("commit", fmt.text(f"{rollout.subject} by {rollout.author}")),
        pair("stage", fmt.text(f"{stage.name}: {fmt.count(stage.total, 'cluster')}")),
        pair("plan", fmt.text(rollout.plan_hash[:12], Tone.MUTED)),
        (),
        *rollout_lines(rollout, now),
    ]


def drift_lines(group: DriftGroup, now: datetime) -> list[Line]:
    """A group of drift: where, what, who, since when."""
    if group.grouping is Grouping.CHANGE or len(group.drifts) == 1:
        return _change_lines(group, now)
    lines = [
        pair(group.grouping.value, fmt.text(group.title, Tone.STRONG)),
        pair("clusters", fmt.text(", ".join(group.clusters))),
        pair("since", fmt.text(f"{fmt.age(group.seen_at, now)} ago")),
        pair("state", fmt.marked(fmt.DRIFT_GLYPHS, group.states)),
        (),
        heading(fmt.count(len(group.drifts), "object")),
    ]
    for drift in group.drifts:
        glyph, tone = fmt.glyph_of(fmt.DRIFT_GLYPHS, drift.state)
        where = f"{object_name(drift)} @ {drift.cluster}"
        lines.append(((f"{glyph} ", tone), *fmt.text(f"{where}  {fields_of(drift)}  {drift.who}")))
    return lines


def _change_lines(group: DriftGroup, now: datetime) -> list[Line]:
    first = group.first
    place = f"{first.namespace}/{first.name}" if first.namespace else first.name
    lines = [
        pair("object", fmt.text(f"{first.kind} {place}", Tone.STRONG)),
        pair("bundle", fmt.text(first.bundle)),
        pair("clusters", fmt.text(", ".join(group.clusters))),
        pair("who", fmt.text(first.who)),
        pair("since", fmt.text(f"{fmt.age(first.changed_at or first.seen_at, now)} ago")),
        pair("policy", fmt.text(first.policy)),
        pair("state", fmt.marked(fmt.DRIFT_GLYPHS, group.states)),
    ]
    lines += [pair("note", fmt.text(note)) for note in _notes(group)]
    fields = first.paths or ("the whole object is gone",)
    lines += [(), heading("Fields"), *(fmt.text(path, Tone.WARN) for path in fields)]
    return lines


def _notes(group: DriftGroup) -> list[str]:
    return sorted({drift.note for drift in group.drifts if drift.note})


def event_line(event: EventView, now: datetime) -> Line:
    """One row of a timeline; the sentence says what kind it is."""
    where = "" if event.cluster in event.sentence else event.cluster
    return (
        (fmt.moment(event.at, now), Tone.MUTED),
        ("  ", Tone.PLAIN),
        *(fmt.text(f"{where}  ", Tone.STRONG) if where else ()),
        *fmt.text(event.sentence),
        *fmt.text(f"  {event.actor}", Tone.MUTED),
    )


def timeline(events: Iterable[EventView], now: datetime, *, empty: str) -> list[Line]:
    """Rows of the audit log, newest first."""
    newest = sorted(events, key=lambda event: event.seq, reverse=True)
    return [event_line(event, now) for event in newest] or [((empty, Tone.MUTED),)]


def why_lines(sentences: Sequence[str]) -> list[Line]:
    """The server's own explanation."""
    if not sentences:
        return [(("✓ ", Tone.GOOD), ("nothing to explain: all is well", Tone.PLAIN))]
    return [(("· ", Tone.MUTED), *fmt.text(sentence)) for sentence in sentences]


def commit_lines(commit: CommitView, store: FleetStore, now: datetime) -> list[Line]:
    """A commit and where it runs."""
    runs = [each for each in store.placements.values() if each.revision == commit.revision]
    wanted = [
        each for each in store.placements.values() if each.assigned_revision == commit.revision
    ]
    rollouts = [each for each in store.rollouts.values() if each.to_revision == commit.revision]
    lines = [
        pair("commit", fmt.text(commit.revision, Tone.STRONG)),
        pair("subject", fmt.text(commit.subject)),
        pair("author", fmt.text(f"{commit.author}, {fmt.age(commit.at, now)} ago")),
        pair("runs on", fmt.text(_spread(len(runs), {each.cluster for each in runs}))),
        pair("assigned", fmt.text(_spread(len(wanted), {each.cluster for each in wanted}))),
    ]
    for rollout in rollouts:
        phase = fmt.marked(fmt.PROGRESS_GLYPHS, rollout.phase)
        lines.append(pair("rollout", (*fmt.text(f"{rollout.id}  "), *phase)))
    if commit.revision == store.git.refused_revision:
        lines += [(), *problem_lines(store.git)]
    return lines


def _spread(placements: int, clusters: set[str]) -> str:
    if not placements:
        return "nothing"
    return f"{fmt.count(placements, 'placement')} on {fmt.count(len(clusters), 'cluster')}"


def problem_lines(git: GitView) -> list[Line]:
    """Why a commit is refused: file, line, field and words."""
    lines: list[Line] = [heading(f"Refused: {fmt.count(len(git.problems), 'problem')}")]
    for problem in git.problems:
        lines += [
            (
                *fmt.text(f"{problem.file}:{problem.line}", Tone.ACCENT),
                *fmt.text(f"  {problem.field}", Tone.MUTED),
            ),
            (("  ", Tone.PLAIN), *fmt.text(problem.message, Tone.BAD)),
        ]
    return lines
