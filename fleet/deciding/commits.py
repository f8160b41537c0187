"""What follows from a commit of the fleet repository.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from clusters.model import ClusterName
from fleet import events as facts
from fleet.events import FleetFact
from fleet.release import BundleChange, CommitHead, Proposal, changes
from fleet.source.problems import Problem
from fleet.state import FleetState
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
    state: FleetState, proposal: Proposal, *, repository: str, ref: str, at: datetime
) -> list[FleetFact]:
    """Facts that put a proposal in force: every placed cluster gets the newest content."""
    head = proposal.head
    found: list[FleetFact] = [*source_recovered(state, repository, at=at)]
    if state.commit is None or state.commit.revision != head.revision or state.refused:
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
        found.append(facts.ClustersLeft(at=at, clusters=left))
    if joined := sorted(wanted - known):
        found.append(facts.ClustersJoined(at=at, clusters=joined))
    gone = frozenset(left)
    for change in changes(proposal, current_digests(state, without=gone)):
        found.extend(_release(proposal, change, at))
    return found


def current_digests(
    state: FleetState, *, without: frozenset[str] = frozenset()
) -> dict[str, dict[str, str]]:
    """The digest that each cluster should hold of each bundle, withdrawn placements left out."""
    return {
        bundle: {
            cluster: entry.digest
            for cluster, entry in placed.items()
            if not entry.withdrawn and cluster not in without
        }
        for bundle, placed in state.assignments.items()
    }


def _release(proposal: Proposal, change: BundleChange, at: datetime) -> Iterator[FleetFact]:
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
    for digests, cause in ((change.changed, "new release"), (change.joined, "placed")):
        for digest, clusters in digests.items():
            yield facts.ReleaseAssigned(
                at=at,
                bundle=change.bundle,
                digest=digest,
                revision=change.revision,
                clusters=clusters,
                cause=cause,
            )
    if change.withdrawn:
        yield facts.BundleWithdrawn(
            at=at, bundle=change.bundle, revision=change.revision, clusters=change.withdrawn
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
