"""What a commit means for the fleet: which content each bundle has on each cluster, what changed.

Pure.  A rendering is named by its digest, so a commit that renders a cluster as before costs that
cluster nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clusters.model import BundleName, ClusterName, Digest, Manifest, ObjectRef, Revision
from fleet.model import Inventory, Person
from fleet.model.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitHead:
    """Who made a commit, and when."""

    revision: Revision
    subject: str
    author: str
    committed_at: datetime
    email: str = ""
    """Of the author."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastGood:
    """The commits at which a bundle was last good: what came after them is new."""

    source: frozenset[Revision] = frozenset()
    """Of the repository that its files are in."""
    fleet: frozenset[Revision] = frozenset()
    """Of the fleet repository, which has its documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A commit, read, checked and rendered as a whole; nothing is in force by it yet."""

    head: CommitHead
    forced: bool
    inventory: Inventory
    warnings: tuple[Problem, ...]
    contents: Mapping[Digest, tuple[Manifest, ...]]
    """Manifests by the digest of the rendering."""
    placements: Mapping[BundleName, Mapping[ClusterName, Digest]]
    """The digest of each bundle on each cluster it is placed on."""
    sources: Mapping[BundleName, Revision] = field(default_factory=dict)
    """The commit that a bundle's files come from, where it is not the fleet repository's own."""
    authors: Mapping[BundleName, tuple[Person, ...]] = field(default_factory=dict)
    """Who wrote what is new of a bundle since it was last good; only where something is new."""

    def authors_of(self, bundle: BundleName) -> tuple[Person, ...]:
        """Who wrote what is new of a bundle; at least the author of the commit."""
        alone = (Person(name=self.head.author, email=self.head.email),)
        return self.authors.get(bundle) or alone


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleChange:
    """What a proposal changes for one bundle."""

    bundle: BundleName
    revision: Revision
    changed: Mapping[Digest, tuple[ClusterName, ...]]
    """New content, and the clusters that had other content of the bundle before."""
    joined: Mapping[Digest, tuple[ClusterName, ...]]
    """Content for clusters that had nothing of the bundle before."""
    withdrawn: tuple[ClusterName, ...]
    """Clusters on which the bundle should be no more."""

    @property
    def joined_names(self) -> tuple[ClusterName, ...]:
        """The clusters that had nothing of the bundle before."""
        return tuple(sorted(name for names in self.joined.values() for name in names))

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.changed or self.joined or self.withdrawn)


Current = Mapping[str, Mapping[str, str]]
"""Bundle to cluster to the digest that is the newest for it; withdrawn placements left out."""


def changes(proposal: Proposal, current: Current) -> list[BundleChange]:
    """Compare a proposal with what is current, bundle by bundle; unchanged bundles left out."""
    found = []
    for name in sorted({*proposal.placements, *map(BundleName, current)}):
        now = proposal.placements.get(name, {})
        before = current.get(name, {})
        change = BundleChange(
            bundle=name,
            revision=proposal.sources.get(name, proposal.head.revision),
            changed=_by_digest(
                (cluster, digest)
                for cluster, digest in now.items()
                if cluster in before and before[cluster] != digest
            ),
            joined=_by_digest(
                (cluster, digest) for cluster, digest in now.items() if cluster not in before
            ),
            withdrawn=tuple(sorted(ClusterName(c) for c in before if c not in now)),
        )
        if not change.is_empty:
            found.append(change)
    return found


def _by_digest(
    pairs: Iterable[tuple[ClusterName, Digest]],
) -> dict[Digest, tuple[ClusterName, ...]]:
    grouped: dict[Digest, list[ClusterName]] = {}
    for cluster, digest in sorted(pairs):
        grouped.setdefault(digest, []).append(cluster)
    return {digest: tuple(clusters) for digest, clusters in grouped.items()}


def double_claims(
    inventory: Inventory,
    contents: Mapping[Digest, tuple[Manifest, ...]],
    placements: Mapping[BundleName, Mapping[ClusterName, Digest]],
) -> list[Problem]:
    """Objects that two bundles would put on the same cluster: neither could keep them."""
    problems: list[Problem] = []
    seen: set[tuple[BundleName, BundleName, ObjectRef]] = set()
    refs = {
        digest: frozenset(manifest.ref for manifest in manifests)
        for digest, manifests in contents.items()
    }
    checked: set[tuple[Digest, Digest]] = set()
    for cluster, placed in _by_cluster(placements).items():
        for index, (first, first_digest) in enumerate(placed):
            for second, second_digest in placed[index + 1 :]:
                if (first_digest, second_digest) in checked:
                    continue
                checked.add((first_digest, second_digest))
                for ref in sorted(refs[first_digest] & refs[second_digest]):
                    if (first, second, ref) not in seen:
                        seen.add((first, second, ref))
                        problems.append(_claim_problem(inventory, first, second, ref, cluster))
    return problems


def _by_cluster(
    placements: Mapping[BundleName, Mapping[ClusterName, Digest]],
) -> dict[ClusterName, list[tuple[BundleName, Digest]]]:
    placed: dict[ClusterName, list[tuple[BundleName, Digest]]] = {}
    for bundle in sorted(placements):
        for cluster, digest in placements[bundle].items():
            placed.setdefault(cluster, []).append((bundle, digest))
    return placed


def _claim_problem(
    inventory: Inventory,
    first: BundleName,
    second: BundleName,
    ref: ObjectRef,
    cluster: ClusterName,
) -> Problem:
    place = inventory.bundles[second].place
    other = inventory.bundles[first].place
    return Problem(
        file=place.file,
        line=place.line,
        field="spec.source",
        message=(
            f"{ref} on cluster {cluster} belongs to bundle {first} ({other}) as well; "
            "take it out of one of them, or place them on different clusters"
        ),
    )
