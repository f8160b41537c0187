"""What ran where and when, read back from the audit log: rollouts, stays on clusters, figures.

Pure.  Older rollouts than the state keeps are made again from their stored events.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clusters.model import BundleName
from fleet.rollout.events import Event, RolloutStarted
from fleet.rollout.history import figures, promotions, stays
from fleet.rollout.model import RolloutId
from fleet.rollout.planner import begin, evolve
from fleet.rollout.record import read_event
from fleet.rollout.state import Rollout
from fleet.state.facts import RolloutEvent
from fleet.view_history import FiguresView, HistoryView, PromotionView, StayView


def history_of(
    facts: Iterable[RolloutEvent], *, bundle: str, since: datetime, until: datetime
) -> HistoryView:
    """Tell the history of a bundle, or of all (then without what ran on single clusters).

    Args:
        facts: every stored event of rollouts, oldest first.
        bundle: whose; empty: of all.
        since: begin of the period that figures are of.
        until: its end.
    """
    rollouts, runs = _replayed(facts)
    lines = [
        PromotionView(
            rollout=line.rollout,
            bundle=line.bundle,
            revision=line.revision,
            author=line.author,
            subject=line.subject,
            phase=line.phase.value,
            started_at=line.started_at,
            ended_at=line.ended_at,
            good=line.good,
            size=line.size,
            breached_at=line.breached_at,
            stopped=line.stopped,
        )
        for line in promotions(rollouts)
    ]
    counted = figures(rollouts, since=since, until=until)
    return HistoryView(
        rollouts=lines,
        stays=_stays(bundle, rollouts, runs) if bundle else [],
        figures=FiguresView(
            since=since,
            until=until,
            rollouts=counted.rollouts,
            per_day=counted.per_day,
            lead_time_s=counted.lead_time_s,
            failure_rate=counted.failure_rate,
            restore_s=counted.restore_s,
        ),
    )


def _replayed(
    facts: Iterable[RolloutEvent],
) -> tuple[list[Rollout], list[tuple[RolloutId, list[Event]]]]:
    """Make rollouts again.  A name may be used anew after its bundle did without a strategy."""
    rollouts: list[Rollout] = []
    runs: list[tuple[RolloutId, list[Event]]] = []
    newest: dict[str, int] = {}
    for fact in facts:
        event = read_event(fact.event)
        if isinstance(event, RolloutStarted):
            newest[fact.rollout] = len(rollouts)
            rollouts.append(begin(event))
            runs.append((event.id, [event]))
        elif (index := newest.get(fact.rollout)) is not None:
            rollouts[index] = evolve(rollouts[index], event)
            runs[index][1].append(event)
    return rollouts, runs


def _stays(
    bundle: str, rollouts: Iterable[Rollout], runs: Iterable[tuple[RolloutId, list[Event]]]
) -> list[StayView]:
    known = list(rollouts)
    revisions = {
        (name, digest): rollout.plan.release.revision
        for rollout in reversed(known)
        for name, digest in rollout.plan.release.digests.items()
    }
    return [
        StayView(
            cluster=stay.cluster,
            rollout=stay.rollout,
            purpose=stay.purpose.value,
            revision=revisions.get((stay.cluster, stay.digest), "") if stay.digest else "",
            digest=stay.digest or "",
            since=stay.since,
            healthy_at=stay.healthy_at,
            until=stay.until,
        )
        for stay in stays(BundleName(bundle), runs)
    ]
