"""What ran where and when, and the four figures that say how well a team delivers.

All of it follows from finished and open rollouts; nothing is counted separately.  The figures are
those of the DORA reports: how often a release reaches its last stage, how long a commit takes to
get there, how many rollouts fail, and how long until service is restored after one did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet.rollout.events import BecameHealthy, ClusterAssigned, Event, Purpose
from fleet.rollout.model import RolloutId
from fleet.rollout.progress import ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.state import Phase, Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One digest of a bundle on one cluster, from its assignment until the next one's."""

    cluster: ClusterName
    bundle: BundleName
    digest: Digest | None
    """None: the bundle was taken off the cluster."""
    rollout: RolloutId
    purpose: Purpose
    since: datetime
    healthy_at: datetime | None = None
    until: datetime | None = None
    """None: it is there now."""


def stays(bundle: BundleName, runs: Iterable[tuple[RolloutId, Iterable[Event]]]) -> list[Stay]:
    """List what ran where, from the stored events of a bundle's rollouts, oldest first."""
    facts = sorted(
        (
            (event.at, order, rollout, event)
            for rollout, events in runs
            for order, event in enumerate(events)
            if isinstance(event, ClusterAssigned | BecameHealthy)
        ),
        key=lambda fact: fact[:2],
    )
    done: list[Stay] = []
    now: dict[ClusterName, Stay] = {}
    for at, _, rollout, event in facts:
        held = now.get(event.cluster)
        if isinstance(event, BecameHealthy):
            if held is not None and held.digest == event.digest and held.healthy_at is None:
                now[event.cluster] = replace(held, healthy_at=at)
            continue
        if held is not None and held.digest == event.digest:
            continue  # a retry: the same content, given again
        if held is not None:
            done.append(replace(held, until=at))
        now[event.cluster] = Stay(
            cluster=event.cluster,
            bundle=bundle,
            digest=event.digest,
            rollout=rollout,
            purpose=event.purpose,
            since=at,
        )
    return sorted((*done, *now.values()), key=lambda stay: (stay.since, stay.cluster))


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One rollout as a line of history."""

    rollout: RolloutId
    bundle: BundleName
    revision: Revision
    author: str
    subject: str
    phase: Phase
    started_at: datetime
    ended_at: datetime | None
    good: int
    """Clusters that are healthy with it, soaked."""
    size: int
    """Clusters that it changes."""
    breached_at: datetime | None
    stopped: str
    """Why it stopped short; empty: it did not."""


def promotions(rollouts: Iterable[Rollout]) -> list[Promotion]:
    """List rollouts, newest first."""
    lines = [
        Promotion(
            rollout=each.id,
            bundle=each.plan.release.bundle,
            revision=each.plan.release.revision,
            author=each.plan.release.author,
            subject=each.plan.release.subject,
            phase=each.phase,
            started_at=each.started_at,
            ended_at=each.ended_at,
            good=sum(e.state is ClusterState.GOOD for e in each.clusters.values()),
            size=each.plan.size,
            breached_at=each.breached_at,
            stopped=each.stop.reason if each.stop is not None else "",
        )
        for each in rollouts
    ]
    return sorted(lines, key=lambda line: line.started_at, reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The four figures over one period.  None: nothing to count in it."""

    rollouts: int
    """Rollouts that came to an end, or broke, in the period."""
    per_day: float
    """Rollouts that reached their last stage, a day."""
    lead_time_s: float | None
    """Median from commit to the end of the rollout, of those that reached their last stage."""
    failure_rate: float | None
    """Share of rollouts that breached or were rolled back."""
    restore_s: float | None
    """Median from a breach to the end of its rollback or the next completed rollout."""


def figures(rollouts: Sequence[Rollout], *, since: datetime, until: datetime) -> Figures:
    """Compute the figures of the rollouts that ended, or broke, from `since` up to `until`.

    Raises:
        ValueError: the period is empty.
    """
    if until <= since:
        raise ValueError("a period for figures must end after it begins")
    counted = [
        each
        for each in rollouts
        if (moment := each.ended_at or each.breached_at) is not None and since <= moment < until
    ]
    counted = [each for each in counted if each.first_assigned_at is not None]
    completed = [each for each in counted if each.phase is Phase.COMPLETED]
    failed = [each for each in counted if _has_failed(each)]
    leads = [
        (each.ended_at - each.plan.release.committed_at).total_seconds()
        for each in completed
        if each.ended_at is not None
    ]
    restores = [
        restored.total_seconds()
        for each in failed
        if (restored := _restored_after(each, rollouts)) is not None
    ]
    days = (until - since) / timedelta(days=1)
    return Figures(
        rollouts=len(counted),
        per_day=len(completed) / days,
        lead_time_s=median(leads) if leads else None,
        failure_rate=len(failed) / len(counted) if counted else None,
        restore_s=median(restores) if restores else None,
    )


def _has_failed(rollout: Rollout) -> bool:
    return rollout.breached_at is not None or rollout.phase is Phase.ROLLED_BACK


def _restored_after(rollout: Rollout, rollouts: Sequence[Rollout]) -> timedelta | None:
    """Time from the breach until the bundle was well again; None: it is not, yet."""
    broke_at = rollout.breached_at or (rollout.stop.at if rollout.stop else None)
    if broke_at is None:
        return None
    ends = [
        each.ended_at
        for each in rollouts
        if each.plan.release.bundle == rollout.plan.release.bundle
        and each.ended_at is not None
        and each.ended_at >= broke_at
        and each.phase in (Phase.COMPLETED, Phase.ROLLED_BACK)
    ]
    return min(ends) - broke_at if ends else None
