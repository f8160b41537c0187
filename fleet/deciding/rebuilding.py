"""An empty store, and clusters that remember: the first commit waits until they were asked.

Pure.  Each cluster keeps a record of what it was told to hold (`clusters.bookkeeping.mirror`).
With it a lost database comes back without a single deletion: what is assigned where is known again,
and rollouts go on from there, paused.  In a new fleet no cluster remembers anything, and this is
over at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clusters.bookkeeping.mirror import MirroredRelease
from clusters.events import ClusterEvent, Disconnected, MirrorRead, ReconcilerCrashed
from clusters.model import BundleName, ClusterName, Digest, Manifest, Revision
from fleet.deciding.memo import Brake, read_memo
from fleet.model.release import Proposal
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState
from fleet.state.standing import EMPTY_DIGEST, RECALLED

QUIET = timedelta(seconds=5)
"""How long the first commit waits for the next cluster to say something."""
PATIENCE = timedelta(minutes=1)
"""How long it waits for all of them."""
PAUSE_REASON = (
    "the database was lost, and what was under way with it; look at the fleet, then resume"
)

Found = Mapping[BundleName, Mapping[ClusterName, MirroredRelease]]


@dataclass(slots=True, kw_only=True)
class Survey:
    """Which clusters have said what they remember, before the first commit is put in force."""

    proposal: Proposal
    until: datetime
    """When it ends in any case."""
    quiet_from: datetime
    """When a cluster was heard last."""
    heard: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    """Those of them whose record was read, or is known not to be there."""
    found: dict[BundleName, dict[ClusterName, MirroredRelease]] = field(default_factory=dict)
    ended: bool = False
    """Whether everybody was heard; what they remember may still be read in Git."""

    @classmethod
    def begin(cls, proposal: Proposal, now: datetime, *, before: Survey | None) -> Survey:
        """Ask the clusters of a commit; `before` is what was asked for the one before it."""
        survey = cls(proposal=proposal, until=now + PATIENCE, quiet_from=now)
        if before is not None:
            survey.heard, survey.read, survey.found = before.heard, before.read, before.found
        return survey

    def hear(self, event: ClusterEvent) -> None:
        """Take in what a cluster says, or that it says nothing."""
        self.quiet_from = max(self.quiet_from, event.at)
        match event:
            case MirrorRead():
                self.heard.add(event.cluster)
                self.read.add(event.cluster)
                for release in event.releases:
                    self.found.setdefault(release.bundle, {})[event.cluster] = release
            case Disconnected() | ReconcilerCrashed():
                self.heard.add(event.cluster)
            case _:
                pass

    def ends(self, now: datetime) -> bool:
        """Whether there is nothing more to wait for; True once."""
        clusters = set(self.proposal.inventory.clusters)
        heard = self.heard >= clusters
        late = now >= min(self.until, self.quiet_from + QUIET)
        # Most have looked and none remembers anything: the fleet is new.  Should one that is silent
        # remember something all the same, its apply set comes back when it is heard.
        new = not self.found and 2 * len(self.read & clusters) > len(clusters)
        if self.ended or not (heard or late or new):
            return False
        self.ended = True
        return True

    def holding(self, bundle: BundleName) -> Collection[ClusterName]:
        """The clusters that hold a bundle by their own word."""
        return list(self.found.get(bundle, {}))

    def revisions(self) -> set[Revision]:
        """The commits that must be read to know what they hold."""
        found: set[Revision] = set()
        for name, clusters in self.found.items():
            bundle = self.proposal.inventory.bundles.get(name)
            if bundle is None or not bundle.strategy or bundle.source.git:
                continue  # it takes the newest commit, or its revisions are of another repository
            newest = self.proposal.placements.get(name, {})
            for cluster, release in clusters.items():
                if release.digest != newest.get(cluster):
                    found.add(release.revision)
                if good := read_memo(release.memo).good:
                    found.add(Revision(good))
        return found


def joining(state: FleetState, proposal: Proposal, at: datetime) -> list[FleetFact]:
    """Facts that let the clusters of a commit be heard before it is in force."""
    joined = sorted(set(proposal.inventory.clusters) - set(state.clusters))
    return [facts.ClustersJoined(at=at, clusters=joined)] if joined else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What clusters hold, as far as it is still known what that is."""

    held: Mapping[BundleName, Mapping[ClusterName, tuple[Revision, Digest]]]
    contents: Mapping[Digest, tuple[Manifest, ...]]
    good: Mapping[BundleName, Mapping[ClusterName, tuple[Revision, Digest]]] = field(
        default_factory=dict
    )
    """What was good there before."""
    brakes: Mapping[str, Brake] = field(default_factory=dict)
    """`cluster/NAME` or `bundle/NAME` to its suspension."""
    holds: Mapping[BundleName, str] = field(default_factory=dict)
    """Bundle to why a release of it was on hold."""

    def pause_reason(self, bundle: BundleName) -> str:
        """Why a rollout of a bundle starts paused."""
        held = self.holds.get(bundle)
        return PAUSE_REASON + (f"; a release of it was on hold before: {held}" if held else "")

    def digests(self, bundle: BundleName) -> dict[ClusterName, Digest]:
        """What each cluster holds of a bundle."""
        return {cluster: digest for cluster, (_, digest) in self.held.get(bundle, {}).items()}


NOTHING = Recalled(held={}, contents={})


def recall(found: Found, proposal: Proposal, older: Mapping[Revision, Proposal]) -> Recalled:
    """Say what clusters hold, from their records and the commits that those name.

    Digests of Secrets are keyed, and the key may be lost with the database: what a commit renders
    to now counts, not the digest in the record.
    """
    held: dict[BundleName, dict[ClusterName, tuple[Revision, Digest]]] = {}
    contents: dict[Digest, tuple[Manifest, ...]] = {}
    goods: dict[BundleName, dict[ClusterName, tuple[Revision, Digest]]] = {}
    for name, clusters in found.items():
        for cluster, release in clusters.items():
            if cluster not in proposal.inventory.clusters or release.digest == EMPTY_DIGEST:
                continue
            digest = release.digest
            then = older.get(release.revision)
            now = proposal.placements.get(name, {}).get(cluster)
            if then is not None and digest != now:
                digest = then.placements.get(name, {}).get(cluster, digest)
                contents.update(
                    (each, then.contents[each]) for each in (digest,) if each in then.contents
                )
            held.setdefault(name, {})[cluster] = (release.revision, digest)
            if good := _good_of(release, cluster, older, contents):
                goods.setdefault(name, {})[cluster] = good
    brakes, holds = _brakes(found, proposal)
    return Recalled(held=held, contents=contents, good=goods, brakes=brakes, holds=holds)


def _good_of(
    release: MirroredRelease,
    cluster: ClusterName,
    older: Mapping[Revision, Proposal],
    contents: dict[Digest, tuple[Manifest, ...]],
) -> tuple[Revision, Digest] | None:
    """What was good on a cluster, if the commit that its record names can be read."""
    revision = Revision(read_memo(release.memo).good)
    then = older.get(revision)
    digest = then.placements.get(release.bundle, {}).get(cluster) if then else None
    if then is None or digest is None or digest not in then.contents:
        return None
    contents[digest] = then.contents[digest]
    return revision, digest


def _brakes(found: Found, proposal: Proposal) -> tuple[dict[str, Brake], dict[BundleName, str]]:
    brakes: dict[str, Brake] = {}
    holds: dict[BundleName, str] = {}
    for name, clusters in sorted(found.items()):
        for cluster, release in sorted(clusters.items()):
            memo = read_memo(release.memo)
            if cluster not in proposal.inventory.clusters:
                continue
            if memo.cluster:
                brakes[f"cluster/{cluster}"] = memo.cluster
            if memo.bundle and name in proposal.inventory.bundles:
                brakes[f"bundle/{name}"] = memo.bundle
            if memo.held:
                holds[name] = memo.held
    return brakes, holds


def assigned_again(recalled: Recalled, proposal: Proposal, at: datetime) -> Iterator[FleetFact]:
    """Facts that say what is assigned, where that is not simply the newest commit.

    What is recalled of a bundle that Git does not place there any more is withdrawn in the usual
    way: it is assigned first, so that it can be.
    """
    for target, brake in sorted(recalled.brakes.items()):
        reason = f"{brake.reason} ({RECALLED})"
        yield facts.Suspended(at=at, actor=brake.actor, target=target, reason=reason)
    for name, clusters in sorted(recalled.held.items()):
        declared = proposal.inventory.bundles.get(name)
        placed = proposal.placements.get(name, {})
        gone = sorted(cluster for cluster in clusters if cluster not in placed)
        known = clusters if declared and declared.strategy else {c: clusters[c] for c in gone}
        for revision in sorted({revision for revision, _ in known.values()}):
            digests: dict[str, list[str]] = {}
            for cluster, (of, digest) in sorted(known.items()):
                if of == revision:
                    digests.setdefault(digest, []).append(cluster)
            good = recalled.good.get(name, {})
            names = {cluster for given in digests.values() for cluster in given}
            yield facts.ReleaseAssigned(
                at=at,
                bundle=name,
                revision=revision,
                digests=digests,
                cause=RECALLED,
                good={cluster: good[ClusterName(cluster)] for cluster in names & good.keys()},
            )
        if gone:
            yield facts.BundleWithdrawn(
                at=at, bundle=name, revision=proposal.head.revision, clusters=gone
            )
