"""How releases come into rollouts, and clusters into and out of them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet import events as facts
from fleet.events import FleetFact, RolloutEvent
from fleet.model import Bundle, Inventory
from fleet.release import Proposal
from fleet.rollout.codec import to_data
from fleet.rollout.events import ClusterLeft, CoordinatorStarted, Event
from fleet.rollout.joining import joining
from fleet.rollout.model import Release
from fleet.rollout.planning import Baseline, PlanRefused
from fleet.rollout.record import event_record
from fleet.standing import EMPTY_DIGEST
from fleet.state import FleetState
from fleet.travel import Travel


def release_of(proposal: Proposal, bundle: Bundle, revision: Revision) -> Release:
    """The release that a proposal makes of a bundle."""
    assert bundle.strategy is not None
    return Release(
        bundle=bundle.name,
        revision=revision,
        strategy=proposal.inventory.strategies[bundle.strategy],
        digests=dict(proposal.placements[bundle.name]),
        author=proposal.head.author,
        committed_at=proposal.head.committed_at,
        subject=proposal.head.subject,
        rollback=bundle.rollback,
        hotfix=bundle.hotfix,
    )


def queued(release: Release, at: datetime) -> FleetFact:
    """The fact that a release waits for its rollout."""
    return facts.ReleaseQueued(
        at=at,
        bundle=release.bundle,
        revision=release.revision,
        release=to_data(release, Release),
    )


def fact_of(rollout: str, bundle: str, event: Event) -> RolloutEvent:
    """The stored form of a rollout's event."""
    actor = getattr(event, "actor", None) or facts.SYSTEM
    return RolloutEvent(
        at=event.at,
        actor=actor,
        rollout=rollout,
        bundle=bundle,
        name=type(event).__name__,
        event=event_record(event),
    )


def join(
    state: FleetState,
    inventory: Inventory,
    release: Release,
    clusters: Iterable[ClusterName],
    at: datetime,
) -> Iterator[FleetFact]:
    """New clusters go to the newest rollout of the bundle, which brings them to its release."""
    rollout = state.travel.of(release.bundle)[-1]
    for name in clusters:
        try:
            event = joining(
                rollout,
                release,
                inventory.clusters[name],
                inventory,
                at=at,
                baseline=baseline(state, release.bundle),
            )
        except PlanRefused as error:
            yield facts.ReleaseDropped(
                at=at,
                bundle=release.bundle,
                revision=release.revision,
                reason=f"{name} cannot join: {'; '.join(error.problems)}",
            )
            continue
        yield fact_of(rollout.id, release.bundle, event)


def leave(
    travel: Travel, bundle: str, clusters: Iterable[str], at: datetime
) -> Iterator[FleetFact]:
    """Clusters that a bundle is withdrawn from leave its rollouts."""
    names = [ClusterName(name) for name in clusters]
    for rollout in travel.of(bundle):
        if not rollout.ended:
            for name in names:
                if name in rollout.clusters:
                    yield fact_of(rollout.id, bundle, ClusterLeft(at=at, cluster=name))


def baseline(state: FleetState, bundle: str) -> Baseline:
    """Where the clusters of a bundle stand: what is assigned, and what stages have completed."""
    assigned = {
        ClusterName(name): Digest(entry.digest)
        for name, entry in state.assignments.get(bundle, {}).items()
        if entry.digest != EMPTY_DIGEST
    }
    completed = {
        (run.name, seat.cluster): seat.digest
        for rollout in state.travel.of(bundle)
        for run in rollout.stages
        if run.completed_at is not None
        for seat in run.plan.seats
    }
    return Baseline(assigned=assigned, completed=completed)


def last_good(state: FleetState, bundle: BundleName) -> dict[ClusterName, Digest]:
    """The newest content that was good on each cluster."""
    return {
        ClusterName(name): Digest(entry.good_digest)
        for name, entry in state.assignments.get(bundle, {}).items()
        if entry.good_digest
    }


def restart(state: FleetState, at: datetime) -> list[FleetFact]:
    """What every open rollout must know after a restart: how long nobody watched."""
    return [
        fact_of(
            rollout.id,
            rollout.plan.release.bundle,
            CoordinatorStarted(at=at, alive_until=state.alive_at),
        )
        for rollout in state.travel.open()
    ]


def rollout_id(state: FleetState, bundle: str) -> str:
    """A new id, short enough to be typed: the bundle's name and a number."""
    numbers = [
        int(known.rpartition("-")[2])
        for known in state.travel.rollouts
        if known.rpartition("-")[0] == bundle and known.rpartition("-")[2].isdigit()
    ]
    return f"{bundle}-{max(numbers, default=0) + 1}"
