"""What follows from a commit of the fleet repository.  Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime

from clusters.model import BundleName, ClusterName
from fleet.deciding import travelling
from fleet.deciding.rebuilding import NOTHING, Recalled, assigned_again
from fleet.model import Bundle, ShrinkGuard
from fleet.model.problems import Problem
from fleet.model.release import BundleChange, CommitHead, Proposal, changes
from fleet.rollout.guards import shrinks_too_much
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState
from fleet.view import ProblemView


def problem_views(problems: Iterable[Problem]) -> list[ProblemView]:
    """Problems as they are stored and shown."""
    return [
        ProblemView(file=p.file, line=p.line, field=p.field, message=_message(p)) for p in problems
    ]


def _message(problem: Problem) -> str:
    # The whole sentence without its place, which has fields of its own.
    text = str(problem)
    return text[text.index(problem.message) :]


def accept(
    state: FleetState,
    proposal: Proposal,
    *,
    repository: str,
    ref: str,
    at: datetime,
    recalled: Recalled = NOTHING,
) -> list[FleetFact]:
    """Facts that put a proposal in force: releases without a strategy are assigned at once.

    Args:
        state: the fleet before it.
        proposal: the commit.
        repository: URL of the fleet repository.
        ref: what of it is followed.
        at: now.
        recalled: what clusters hold by their own word, after the loss of the database.
    """
    head = proposal.head
    # Every repository that this commit names was read; others are no longer of interest.
    found: list[FleetFact] = [
        facts.SourceRecovered(at=at, repository=name) for name in state.source_errors
    ]
    # Also where the branch went back to what is in force: nothing else waits, or is refused, then.
    others = state.refused or state.shrink
    if state.commit is None or state.commit.revision != head.revision or others:
        found.append(
            facts.CommitAccepted(
                at=at,
                repository=repository,
                ref=ref,
                revision=head.revision,
                subject=head.subject,
                author=head.author,
                committed_at=head.committed_at,
                forced=proposal.forced,
                warnings=problem_views(proposal.warnings),
            )
        )
    known, wanted = set(state.clusters), set(proposal.inventory.clusters)
    if left := sorted(known - wanted):
        for bundle in {r.plan.release.bundle for r in state.travel.open()}:
            found.extend(travelling.leave(state.travel, bundle, left, at))
        found.append(facts.ClustersLeft(at=at, clusters=left))
    if joined := sorted(wanted - known):
        found.append(facts.ClustersJoined(at=at, clusters=joined))
    found.extend(assigned_again(recalled, proposal, at))
    gone = frozenset(left)
    changed = changes(proposal, current_digests(state, without=gone))
    for change in changed:
        found.extend(_release(state, proposal, change, recalled, at))
    found.extend(_try_again(state, proposal, {change.bundle for change in changed}, at))
    return found


def _try_again(
    state: FleetState, proposal: Proposal, changed: Container[str], at: datetime
) -> Iterator[FleetFact]:
    """A release that could not travel may now: a strategy or a label may be what was mended."""
    for name in state.travel.stranded:
        bundle = proposal.inventory.bundles.get(BundleName(name))
        if bundle is not None and bundle.strategy and name not in changed:
            revision = proposal.sources.get(bundle.name, proposal.head.revision)
            yield travelling.queued(travelling.release_of(proposal, bundle, revision), at)


def shrinking(state: FleetState, proposal: Proposal, guard: ShrinkGuard) -> list[str]:
    """Say what a proposal takes away beyond what the guard allows; empty: nothing, or confirmed.

    A bundle that is gone from Git is not counted: somebody removed its document, and what it
    deletes on the clusters has to be confirmed anyway.

    Args:
        state: the fleet before it.
        proposal: what it would be.
        guard: of the inventory in force, so that a commit cannot loosen its own.
    """
    if state.shrink_confirmed == proposal.head.revision:
        return []
    known = set(state.clusters)
    staying = known & set(proposal.inventory.clusters)
    found = [_said("the inventory", shrinks_too_much(len(known), len(staying), guard))]
    for name in sorted(state.newest.keys() & set(map(str, proposal.inventory.bundles))):
        before = state.newest[name].keys() & staying
        after = before & set(proposal.placements.get(BundleName(name), {}))
        found.append(_said(f"bundle {name}", shrinks_too_much(len(before), len(after), guard)))
    return [reason for reason in found if reason]


def _said(whose: str, problem: str) -> str:
    return f"{whose}: {problem}" if problem else ""


def keep_back(
    state: FleetState,
    proposal: Proposal,
    reasons: Sequence[str],
    *,
    repository: str,
    at: datetime,
) -> list[FleetFact]:
    """Facts that record a commit which waits for a confirmation; none when that is known."""
    head = proposal.head
    found: list[FleetFact] = [*source_recovered(state, repository, at=at)]
    if state.shrink is None or state.shrink.revision != head.revision:
        found.append(
            facts.ShrinkHeld(
                at=at,
                revision=head.revision,
                subject=head.subject,
                author=head.author,
                reasons=list(reasons),
            )
        )
    return found


def current_digests(
    state: FleetState, *, without: frozenset[str] = frozenset()
) -> dict[str, dict[str, str]]:
    """The newest digest of each bundle for each cluster, which may still be on its way there."""
    return {
        bundle: {name: digest for name, digest in newest.items() if name not in without}
        for bundle, newest in state.newest.items()
    }


def _release(
    state: FleetState,
    proposal: Proposal,
    change: BundleChange,
    recalled: Recalled,
    at: datetime,
) -> Iterator[FleetFact]:
    bundle = proposal.inventory.bundles.get(change.bundle)
    if bundle and (change.changed or change.joined):
        yield facts.ReleaseCreated(
            at=at,
            bundle=change.bundle,
            revision=change.revision,
            subject=proposal.head.subject,
            author=proposal.head.author,
            strategy=bundle.strategy or "",
            digests=_digests(proposal, change),
        )
        if bundle.strategy and recalled.digests(bundle.name):
            yield from _go_on(proposal, bundle, change, recalled, at)
        else:
            yield from _send(state, proposal, bundle, change, at)
    if change.withdrawn:
        yield facts.BundleWithdrawn(
            at=at, bundle=change.bundle, revision=change.revision, clusters=change.withdrawn
        )
        yield from travelling.leave(state.travel, change.bundle, change.withdrawn, at)


def _go_on(
    proposal: Proposal,
    bundle: Bundle,
    change: BundleChange,
    recalled: Recalled,
    at: datetime,
) -> Iterator[FleetFact]:
    """After the loss of the database: a rollout for what is not everywhere yet, paused."""
    release = travelling.release_of(proposal, bundle, change.revision)
    held = recalled.digests(bundle.name)
    if any(held.get(cluster) != digest for cluster, digest in release.digests.items()):
        yield travelling.queued(release, at, pause=recalled.pause_reason(bundle.name))


def _send(
    state: FleetState, proposal: Proposal, bundle: Bundle, change: BundleChange, at: datetime
) -> Iterator[FleetFact]:
    """Give a release its way: by a rollout where the bundle has a strategy, else at once."""
    if bundle.strategy:
        release = travelling.release_of(proposal, bundle, change.revision)
        if change.changed or not state.travel.of(bundle.name):
            yield travelling.queued(release, at)
            return
        yield from travelling.join(state, proposal.inventory, release, change.joined_names, at)
        return
    yield from travelling.disband(state.travel, bundle.name, at)
    held = state.travel.held.get(bundle.name, {})
    for given, cause in ((change.changed, "new release"), (change.joined, "placed")):
        digests = {digest: names for digest, names in given.items() if digest not in held}
        if digests:
            yield facts.ReleaseAssigned(
                at=at,
                bundle=change.bundle,
                revision=change.revision,
                digests={str(digest): names for digest, names in digests.items()},
                cause=cause,
            )


def _digests(proposal: Proposal, change: BundleChange) -> dict[str, list[ClusterName]]:
    grouped: dict[str, list[ClusterName]] = {}
    for cluster, digest in sorted(proposal.placements.get(change.bundle, {}).items()):
        grouped.setdefault(digest, []).append(cluster)
    return grouped


def refuse(
    state: FleetState,
    head: CommitHead,
    problems: Iterable[Problem],
    *,
    repository: str,
    at: datetime,
) -> list[FleetFact]:
    """Facts that record a commit with errors; nothing at all when that is already known."""
    views = problem_views(problems)
    found: list[FleetFact] = [*source_recovered(state, repository, at=at)]
    known = state.refused
    if known and known.revision == head.revision and list(known.problems) == views:
        return found
    found.append(
        facts.CommitRefused(
            at=at,
            repository=repository,
            revision=head.revision,
            subject=head.subject,
            author=head.author,
            problems=views,
        )
    )
    return found


def source_failed(
    state: FleetState, repository: str, error: str, *, at: datetime
) -> list[FleetFact]:
    """Facts that record an unreadable repository, once for each new reason."""
    if state.source_errors.get(repository) == error:
        return []
    return [facts.SourceFailed(at=at, repository=repository, error=error)]


def source_recovered(state: FleetState, repository: str, *, at: datetime) -> list[FleetFact]:
    """Facts that record that a repository can be read again, if it could not."""
    if repository not in state.source_errors:
        return []
    return [facts.SourceRecovered(at=at, repository=repository)]
