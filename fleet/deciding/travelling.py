"""How releases come into rollouts, and clusters into and out of them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from clusters.model import ClusterName, Digest, Revision
from fleet.model import Bundle, FleetSettings, Inventory
from fleet.model.release import LastGood, Proposal
from fleet.rollout.codec import to_data
from fleet.rollout.events import Event
from fleet.rollout.folding import under_way
from fleet.rollout.joining import joining
from fleet.rollout.member_events import ClusterLeft, CoordinatorStarted
from fleet.rollout.model import Release
from fleet.rollout.planner import evolve
from fleet.rollout.planning import Baseline, PlanRefused
from fleet.rollout.record import event_record
from fleet.rollout.requests import Aborted
from fleet.rollout.supersede import HOTFIX_ROLE
from fleet.state import facts
from fleet.state.facts import FleetFact, RolloutEvent
from fleet.state.fleet import FleetState
from fleet.state.standing import EMPTY_DIGEST
from fleet.state.travel import Travel

WATCHED_EVERY_S = 60.0
"""Most observed soak that a crash can cost."""


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
        sequential=bundle.sequential,
        fleet_revision=proposal.head.revision,
        authors=proposal.authors_of(bundle.name),
    )


def last_good(
    state: FleetState, bundle: str, digests: Mapping[ClusterName, Digest]
) -> LastGood | None:
    """Name the commits at which a bundle was last good; None: `digests` are nothing new.

    Only where `digests` bring something else: what stays as it is was looked at when it came.
    """
    if bundle not in state.travel.stranded and state.newest.get(bundle, {}) == digests:
        return None
    placed = state.assignments.get(bundle, {})
    good = {name: entry for name, entry in placed.items() if entry.good_revision}
    changed = [e for name, e in good.items() if digests.get(ClusterName(name)) != e.good_digest]
    known = changed or list(good.values())
    return LastGood(
        source=frozenset(Revision(entry.good_revision) for entry in known),
        fleet=frozenset(Revision(entry.good_fleet_revision) for entry in known),
    )


def good_revision(state: FleetState, bundle: str, *, besides: str) -> str:
    """The commit that most clusters with a bundle have as their last good one; "" for none."""
    placed = state.assignments.get(bundle, {}).values()
    known = [entry.good_revision for entry in placed if entry.good_revision not in ("", besides)]
    return max(sorted(set(known)), key=known.count, default="")


def hotfix_authors(releases: Iterable[Release], settings: FleetSettings) -> frozenset[str]:
    """Name the authors of `releases` who hold the role for hotfixes, told by name and address."""
    holders, people = frozenset(settings.roles.get(HOTFIX_ROLE, ())), settings.people
    found = set()
    for release in releases:
        author = [person for person in release.people if person.name == release.author]
        if author and all(people.actors(person) & holders for person in author):
            found.add(release.author)
    return frozenset(found)


def queued(release: Release, at: datetime, *, pause: str = "") -> FleetFact:
    """The fact that a release waits for its rollout, which starts paused where `pause` says why."""
    return facts.ReleaseQueued(
        at=at,
        bundle=release.bundle,
        revision=release.revision,
        release=to_data(release, Release),
        pause=pause,
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
    """New clusters go to the newest rollout of the bundle, which brings them to its release.

    Where another release waits already, they go with that one.
    """
    if state.travel.waiting.get(release.bundle):
        yield queued(release, at)
        return
    rollout = state.travel.taking_in(release.bundle)
    if rollout is None:
        # Not stranded: trying the same content again would bring what went wrong elsewhere.
        names = ", ".join(clusters)
        yield facts.ReleaseDropped(
            at=at,
            bundle=release.bundle,
            revision=release.revision,
            reason=f"{names} joined, but the last rollout of the bundle went back or was given up; "
            "the next release brings it to them",
        )
        return
    carried = rollout.plan.release
    for name in clusters:
        digests = {**carried.digests, name: release.digests[name]}
        try:
            event = joining(
                rollout,
                replace(carried, digests=digests),
                inventory.clusters[name],
                inventory,
                at=at,
                baseline=baseline(state, release.bundle),
            )
        except PlanRefused as error:
            yield _stranded(release, f"{name} cannot join: {'; '.join(error.problems)}", at)
            continue
        yield fact_of(rollout.id, release.bundle, event)
        # The next one joins the plan that this one is in.
        rollout = evolve(rollout, event)
        carried = rollout.plan.release


def _stranded(release: Release, reason: str, at: datetime) -> FleetFact:
    return facts.ReleaseDropped(
        at=at, bundle=release.bundle, revision=release.revision, reason=reason, stranded=True
    )


def leave(
    travel: Travel, bundle: str, clusters: Iterable[str], at: datetime
) -> Iterator[FleetFact]:
    """Clusters that a bundle is withdrawn from leave its rollouts."""
    names = [ClusterName(name) for name in clusters]
    for rollout in travel.open():
        if rollout.plan.release.bundle == bundle:
            for name in names:
                entry = rollout.clusters.get(name)
                if entry is not None and not entry.leaving:
                    yield fact_of(rollout.id, bundle, ClusterLeft(at=at, cluster=name))


def disband(travel: Travel, bundle: str, at: datetime) -> Iterator[FleetFact]:
    """End what is under way of a bundle that does not travel in stages any more."""
    for rollout in travel.of(bundle):
        if not rollout.ended:
            reason = "the bundle has no strategy any more, its releases go everywhere at once"
            yield fact_of(rollout.id, bundle, Aborted(at=at, actor=facts.SYSTEM, reason=reason))


def still_wanted(release: Release, state: FleetState) -> Release:
    """The release for those clusters that are still to have the bundle: some may have left."""
    wanted = state.newest.get(release.bundle, {})
    kept = {name: digest for name, digest in release.digests.items() if name in wanted}
    return release if len(kept) == len(release.digests) else replace(release, digests=kept)


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


def starting_baseline(state: FleetState, release: Release) -> Baseline:
    """Where the clusters of a release stand when its rollout starts.

    After the loss of the database nobody knows how far it had come: what clusters hold of it
    already travels, and soaks, once more.
    """
    known = baseline(state, release.bundle)
    if release.bundle not in state.travel.pausing:
        return known
    before = {c: d for c, d in known.assigned.items() if d != release.digests.get(c)}
    return Baseline(assigned=before, completed=known.completed)


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


def watched(state: FleetState, at: datetime) -> facts.Watched | None:
    """The fact that rollouts were watched, if that must be stored now.

    A restart counts only time up to the newest fact as observed: without one for a while, a long
    quiet soak would have to begin again.
    """
    quiet = at - (state.alive_at or at) >= timedelta(seconds=WATCHED_EVERY_S)
    if quiet and any(under_way(rollout) for rollout in state.travel.open()):
        return facts.Watched(at=at)
    return None


def rollout_id(state: FleetState, bundle: str) -> str:
    """A new id, short enough to be typed: the bundle's name and a number."""
    numbers = [
        int(known.rpartition("-")[2])
        for known in state.travel.rollouts
        if known.rpartition("-")[0] == bundle and known.rpartition("-")[2].isdigit()
    ]
    return f"{bundle}-{max(numbers, default=0) + 1}"
