"""What needs a person now: the queue on the first screen, and in `flotilla get needs`.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fleet.presenting.holds import hold_reason
from fleet.presenting.rollouts import gates_of
from fleet.presenting.views import Picture, silence_words
from fleet.rollout.progress import ClusterState
from fleet.rollout.report import WAYS_ON, names, sentence
from fleet.rollout.state import HoldState, Phase, Rollout, StageRun
from fleet.rollout.waiting import ForTakeover
from fleet.state.deletions import deletions_view, waiting
from fleet.state.fact import SYSTEM
from fleet.view import BundleOnCluster, NeedView

_DRIFT_SHOWN = "report"


def needs(picture: Picture, failed: Iterable[BundleOnCluster]) -> list[NeedView]:
    """Everything that waits for somebody, most pressing first.

    Args:
        picture: the fleet.
        failed: the placements that are in state Failed.
    """
    return [
        *_refused_commit(picture),
        *_unreadable_source(picture),
        *_shrinking(picture),
        *_stranded(picture),
        *_quarantined(picture),
        *_disagreements(picture),
        *_rollouts(picture),
        *_failed(failed),
        *_offline(picture),
        *_confirmations(picture),
        *_drift(picture),
        *_suspended(picture),
    ]


def _refused_commit(picture: Picture) -> Iterator[NeedView]:
    refused = picture.state.refused
    if refused:
        count = len(refused.problems)
        first = refused.problems[0] if refused.problems else None
        where = f", first {first.file}:{first.line}" if first else ""
        yield NeedView(
            id="refused",
            kind="refused",
            subject=refused.revision[:8],
            sentence=(
                f"commit by {refused.author} has {count} problem{'s' if count != 1 else ''}"
                f"{where}; not in force"
            ),
            since=refused.at,
            command="flotilla why fleet",
        )


def _unreadable_source(picture: Picture) -> Iterator[NeedView]:
    for repository, error in picture.state.source_errors.items():
        yield NeedView(id=f"source/{repository}", kind="failure", subject="Git", sentence=error)


def _quarantined(picture: Picture) -> Iterator[NeedView]:
    for name, entry in sorted(picture.state.clusters.items()):
        if entry.quarantined:
            yield NeedView(
                id=f"quarantine/{name}",
                kind="quarantine",
                subject=name,
                sentence=f"its reconciler crashed: {entry.quarantined}",
                since=entry.since,
                command=f"flotilla resume cluster {name}",
            )


def _disagreements(picture: Picture) -> Iterator[NeedView]:
    for name, entry in sorted(picture.state.clusters.items()):
        if found := list(entry.disagreements.values()):
            first = found[0]
            what = ", ".join(first.paths) or "all of it"
            yield NeedView(
                id=f"audit/{name}",
                kind="failure",
                subject=f"audit of {name}",
                sentence=(
                    f"{first.object} differs at {what} and no watch had told "
                    f"({len(found)} found): other drift may be missed as well; please report this"
                ),
                since=first.at,
                command=f"flotilla diff {name}",
            )


def _failed(failed: Iterable[BundleOnCluster]) -> Iterator[NeedView]:
    for view in failed:
        yield NeedView(
            id=f"failure/{view.cluster}/{view.bundle}",
            kind="failure",
            subject=f"{view.bundle} @ {view.cluster}",
            sentence=view.message,
            since=view.since,
            command=f"flotilla tree {view.cluster} --bundle {view.bundle}",
        )


def _shrinking(picture: Picture) -> Iterator[NeedView]:
    if held := picture.state.shrink:
        yield NeedView(
            id="shrink",
            kind="confirm",
            subject=held.revision[:8],
            sentence=f"commit by {held.author} is not in force: {'; '.join(held.reasons)}",
            since=held.at,
            command=f'flotilla confirm-shrink {held.revision[:12]} -r "…"',
        )


def _stranded(picture: Picture) -> Iterator[NeedView]:
    for bundle, stranded in sorted(picture.state.travel.stranded.items()):
        yield NeedView(
            id=f"stranded/{bundle}",
            kind="refused",
            subject=f"{bundle} {stranded.revision[:8]}",
            sentence=f"the release cannot travel: {stranded.reason}",
            since=stranded.at,
            command=f"flotilla why bundle {bundle}",
        )


def _rollouts(picture: Picture) -> Iterator[NeedView]:
    travel = picture.state.travel
    newest = {rollout.plan.release.bundle: rollout.id for rollout in travel.rollouts.values()}
    for rollout in travel.rollouts.values():
        if not rollout.ended:
            yield from _under_way(picture, rollout)
        elif newest[rollout.plan.release.bundle] == rollout.id:
            yield from _after(rollout)


def _under_way(picture: Picture, rollout: Rollout) -> Iterator[NeedView]:
    release = rollout.plan.release
    subject = f"{release.bundle} {release.revision[:8]}"
    if rollout.phase is Phase.HALTED and rollout.stop is not None:
        yield NeedView(
            id=f"halted/{rollout.id}",
            kind="halted",
            subject=f"{subject} in {rollout.stop.stage or 'no stage'}",
            sentence=f"{rollout.stop.reason}; {WAYS_ON}",
            since=rollout.breached_at or rollout.started_at,
            command=f"flotilla why rollout {rollout.id}",
        )
    elif rollout.pause is not None and rollout.pause.actor == SYSTEM:
        yield NeedView(
            id=f"paused/{rollout.id}",
            kind="halted",
            subject=subject,
            sentence=f"paused: {rollout.pause.reason}",
            since=rollout.pause.at,
            command=f"flotilla rollout resume {rollout.id}",
        )
    elif rollout.stop is None and rollout.current < len(rollout.stages):
        yield from _gates(picture, rollout, rollout.stages[rollout.current], subject)
        yield from _takeovers(picture, rollout, subject)


def _takeovers(picture: Picture, rollout: Rollout, subject: str) -> Iterator[NeedView]:
    """Fields that others hold and the release changes: somebody has to say whose they are."""
    outcome = picture.outcomes.get(rollout.id)
    for reason in outcome.waiting_on if outcome is not None else ():
        if isinstance(reason, ForTakeover):
            yield NeedView(
                id=f"takeover/{rollout.id}/{reason.clusters[0]}",
                kind="approval",
                subject=f"{subject} @ {names(reason.clusters)}",
                sentence=sentence(reason, picture.at),
                since=rollout.clusters[reason.clusters[0]].since,
                command=f'flotilla rollout take-over {rollout.id} -c {reason.clusters[0]} -r "…"',
            )


def _after(rollout: Rollout) -> Iterator[NeedView]:
    """What is left to do after the newest rollout of a bundle: a hold, clusters that are stuck."""
    subject = f"{rollout.plan.release.bundle} {rollout.plan.release.revision[:8]}"
    stuck = [e for e in rollout.clusters.values() if e.state is ClusterState.NEEDS_HUMAN]
    if stuck:
        yield NeedView(
            id=f"stuck/{rollout.id}",
            kind="failure",
            subject=f"{subject} @ {names([e.name for e in stuck])}",
            sentence=f"the way back failed: {stuck[0].trouble}",
            since=stuck[0].since,
            command=f"flotilla why rollout {rollout.id}",
        )
    if rollout.hold is HoldState.PLACED and rollout.phase is Phase.ROLLED_BACK:
        yield NeedView(
            id=f"hold/{rollout.id}",
            kind="halted",
            subject=f"{subject} on hold",
            sentence=hold_reason(rollout),
            since=rollout.ended_at,
            command=f'flotilla rollout release-hold {rollout.id} -r "…"',
        )


def _gates(picture: Picture, rollout: Rollout, run: StageRun, subject: str) -> Iterator[NeedView]:
    """The gates of the current stage that wait for people.  Not asked yet: nobody is needed."""
    asked = {gate.gate for gate in run.gates.values()}
    for gate in gates_of(rollout, run, picture.at):
        satisfied = 0 < gate.approvals_needed <= len(gate.approvals)
        for_people = gate.kind == "approval" and gate.state == "waiting" and not satisfied
        if gate.name in asked and (for_people or gate.state == "inconclusive"):
            answer = (
                f"approve {rollout.id}" if for_people else f'rollout pass-gate {rollout.id} -r "…"'
            )
            yield NeedView(
                id=f"approval/{rollout.id}/{run.name}/{gate.name}",
                kind="approval",
                subject=f"{subject} → {run.name}",
                sentence=f"{gate.name}: {gate.sentence}",
                since=rollout.started_at,
                command=f"flotilla {answer}",
            )


def _offline(picture: Picture) -> Iterator[NeedView]:
    for name, entry in sorted(picture.state.clusters.items()):
        contact = picture.observed.contact(name)
        if contact.known and not contact.connected and not entry.quarantined:
            yield NeedView(
                id=f"offline/{name}",
                kind="offline",
                subject=name,
                sentence=silence_words(contact),
                since=contact.last_seen or entry.since,
                command=f"flotilla why cluster {name}",
            )


def _confirmations(picture: Picture) -> Iterator[NeedView]:
    for bundle, placed in sorted(picture.state.assignments.items()):
        if waits := waiting(placed):
            count = sum(len(wait.objects) for wait in waits.values())
            first = next(iter(waits.values()))
            yield NeedView(
                id=f"confirm/{bundle}",
                kind="confirm",
                subject=bundle,
                sentence=(
                    f"{count} object{'s' if count != 1 else ''} on {len(waits)} "
                    f"cluster{'s' if len(waits) != 1 else ''} left Git and stay: {first.reason}"
                ),
                since=min(wait.at for wait in waits.values()),
                command=f"flotilla confirm-prune {bundle}",
                deletions=deletions_view(bundle, waits),
            )


def _drift(picture: Picture) -> Iterator[NeedView]:
    for key, drift in sorted(picture.state.drift.items()):
        reported = drift.seen.policy == _DRIFT_SHOWN or drift.fighting
        if drift.ended is None and reported and not drift.note:
            seen = drift.seen
            what = ", ".join(seen.paths) or "the whole object is gone"
            yield NeedView(
                id=f"drift/{key}",
                kind="drift",
                subject=f"{seen.object_kind}/{seen.name} @ {seen.cluster}",
                sentence=f"{what} by {seen.manager or 'unknown'}",
                since=seen.at,
                command=f"flotilla diff {seen.cluster}",
            )


def _suspended(picture: Picture) -> Iterator[NeedView]:
    for target, mark in sorted(picture.state.suspended.items()):
        kind, _, name = target.partition("/")
        yield NeedView(
            id=f"suspended/{target}",
            kind="suspended",
            subject=name,
            sentence=f"suspended by {mark.actor}: {mark.reason}",
            since=mark.at,
            command=f"flotilla resume {kind} {name}",
        )
