"""What happened to the fleet: the facts that the audit log keeps, and that the state is a fold of.

Pure values.  Each is stored as one row (its tag is the row's `kind`); after a restart the same
rows, folded in the same order by `state`, give the same state.  What is only observed (health at
this moment, latency) is not a fact: it is reported anew by the clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from fleet.state.cluster_facts import ApplySetRecalled as ApplySetRecalled
from fleet.state.cluster_facts import AuditDisagreed as AuditDisagreed
from fleet.state.cluster_facts import AuditPassed as AuditPassed
from fleet.state.cluster_facts import ClusterConnected as ClusterConnected
from fleet.state.cluster_facts import ClusterLost as ClusterLost
from fleet.state.cluster_facts import ClusterQuarantined as ClusterQuarantined
from fleet.state.cluster_facts import ClusterRebuilt as ClusterRebuilt
from fleet.state.cluster_facts import ClusterReleased as ClusterReleased
from fleet.state.cluster_facts import ClusterReplaced as ClusterReplaced
from fleet.state.cluster_facts import MirrorChanged as MirrorChanged
from fleet.state.fact import SYSTEM as SYSTEM
from fleet.state.fact import Fact as Fact
from fleet.state.fact import LogPruned as LogPruned
from fleet.state.fact import ReleaseDropped as ReleaseDropped
from fleet.state.fact import ReleaseQueued as ReleaseQueued
from fleet.state.fact import RolloutEvent as RolloutEvent
from fleet.state.fact import Watched as Watched
from fleet.view import ProblemView

# --- Git -----------------------------------------------------------------------------------------


class CommitAccepted(Fact, frozen=True, kw_only=True):
    """A commit of the fleet repository is in force."""

    repository: str
    ref: str
    revision: str
    subject: str
    author: str
    committed_at: datetime
    forced: bool = False
    """The ref was moved by force: what was in force before is not among its ancestors."""
    warnings: Sequence[ProblemView] = ()


class CommitRefused(Fact, frozen=True, kw_only=True):
    """A commit has errors; the one before it stays in force."""

    repository: str
    revision: str
    subject: str
    author: str
    problems: Sequence[ProblemView]


class ShrinkHeld(Fact, frozen=True, kw_only=True):
    """A commit would take away more clusters than the guard allows; it waits for a person."""

    revision: str
    subject: str
    author: str
    reasons: Sequence[str]


class ShrinkConfirmed(Fact, frozen=True, kw_only=True):
    """A person confirmed that a commit may take away so many clusters."""

    revision: str
    reason: str = ""


class SourceFailed(Fact, frozen=True, kw_only=True):
    """A repository cannot be read; what was read last stays in force."""

    repository: str
    error: str


class SourceRecovered(Fact, frozen=True, kw_only=True):
    """A repository can be read again."""

    repository: str


# --- inventory and releases ----------------------------------------------------------------------


class ClustersJoined(Fact, frozen=True, kw_only=True):
    """Clusters are in the inventory now."""

    clusters: Sequence[str]


class ClustersLeft(Fact, frozen=True, kw_only=True):
    """Clusters left the inventory: they are no longer managed; nothing on them is deleted."""

    clusters: Sequence[str]


class ReleaseCreated(Fact, frozen=True, kw_only=True):
    """A commit renders a bundle differently on at least one cluster."""

    bundle: str
    revision: str
    subject: str
    author: str
    strategy: str = ""
    digests: Mapping[str, Sequence[str]]
    """Digest to the clusters for which it was rendered."""


class ReleaseAssigned(Fact, frozen=True, kw_only=True):
    """From now on these clusters should hold this content of a bundle."""

    bundle: str
    revision: str
    digests: Mapping[str, Sequence[str]]
    """Digest to the clusters that should hold it."""
    cause: str = ""
    """Why: `new release`, `placed`, or the rollout that says so."""
    good: Mapping[str, Sequence[str]] = {}
    """Cluster to commit and digest of what was good there before, where that was recalled."""

    @property
    def clusters(self) -> list[str]:
        """All clusters that it is about."""
        return sorted(name for names in self.digests.values() for name in names)


class BundleWithdrawn(Fact, frozen=True, kw_only=True):
    """From now on these clusters should hold nothing of a bundle; deleting needs confirmation."""

    bundle: str
    revision: str
    clusters: Sequence[str]


class PlacementEnded(Fact, frozen=True, kw_only=True):
    """A withdrawn bundle is gone from a cluster."""

    bundle: str
    cluster: str


# --- clusters ------------------------------------------------------------------------------------


class ObjectsWritten(Fact, frozen=True, kw_only=True):
    """Objects of a bundle were applied."""

    cluster: str
    bundle: str
    digest: str
    created: int
    changed: int


class Converged(Fact, frozen=True, kw_only=True):
    """A bundle is applied and healthy on a cluster, for the first time at this content."""

    cluster: str
    bundle: str
    digest: str
    revision: str


class Degraded(Fact, frozen=True, kw_only=True):
    """A bundle that had converged is not healthy any more."""

    cluster: str
    bundle: str
    digest: str
    message: str


class Recovered(Fact, frozen=True, kw_only=True):
    """A degraded bundle is healthy again."""

    cluster: str
    bundle: str
    digest: str


class ObjectRefused(Fact, frozen=True, kw_only=True):
    """A cluster refuses an object."""

    cluster: str
    bundle: str
    object: str
    reason: str


class PruneWaits(Fact, frozen=True, kw_only=True):
    """Objects left Git and are kept on a cluster until a person confirms."""

    cluster: str
    bundle: str
    digest: str
    objects: Sequence[str]
    reason: str


class PruneConfirmed(Fact, frozen=True, kw_only=True):
    """A person confirmed that objects which left a bundle at this content may be deleted."""

    bundle: str
    digest: str
    clusters: Sequence[str]
    reason: str = ""
    objects: Sequence[str] = ()
    """What may go: on each of the clusters the same."""
    list_hash: str = ""
    """Names all that was read before it was confirmed."""


class ObjectsPruned(Fact, frozen=True, kw_only=True):
    """Objects that left Git are gone from a cluster."""

    cluster: str
    bundle: str
    objects: Sequence[str]


# --- drift ---------------------------------------------------------------------------------------


class ObjectNoted(Fact, frozen=True, kw_only=True):
    """Something out of the ordinary was done to one object: adopted, replaced or detached."""

    cluster: str
    bundle: str
    object: str
    what: str
    words: str = ""


class DriftSeen(Fact, frozen=True, kw_only=True):
    """Somebody changed an object."""

    cluster: str
    bundle: str
    group: str
    object_kind: str
    namespace: str
    name: str
    paths: Sequence[str]
    manager: str
    changed_at: datetime | None = None
    policy: str = "correct"


class DriftEnded(Fact, frozen=True, kw_only=True):
    """The object is again as it was applied."""

    cluster: str
    bundle: str
    group: str
    object_kind: str
    namespace: str
    name: str
    corrected: bool
    """Whether we put it back (or somebody else did)."""


class DriftAcknowledged(Fact, frozen=True, kw_only=True):
    """A person knows of a drift."""

    drift: str
    note: str


class FightSeen(Fact, frozen=True, kw_only=True):
    """Another controller changes an object back as often as it is corrected."""

    cluster: str
    bundle: str
    object: str
    manager: str
    corrections: int
    until: datetime


# --- people --------------------------------------------------------------------------------------


class Suspended(Fact, frozen=True, kw_only=True):
    """A person stopped changes to a cluster or a bundle."""

    target: str
    """`cluster/NAME` or `bundle/NAME`."""
    reason: str


class Resumed(Fact, frozen=True, kw_only=True):
    """A person allowed changes again."""

    target: str
    reason: str = ""


class ReconcileAsked(Fact, frozen=True, kw_only=True):
    """A person asked to look now."""

    target: str
    reason: str = ""


FleetFact = (
    CommitAccepted
    | CommitRefused
    | ShrinkHeld
    | ShrinkConfirmed
    | SourceFailed
    | SourceRecovered
    | ClustersJoined
    | ClustersLeft
    | ReleaseCreated
    | ReleaseAssigned
    | BundleWithdrawn
    | PlacementEnded
    | ClusterConnected
    | ClusterReplaced
    | ClusterRebuilt
    | ApplySetRecalled
    | MirrorChanged
    | AuditDisagreed
    | AuditPassed
    | ClusterLost
    | ClusterQuarantined
    | ClusterReleased
    | ObjectsWritten
    | Converged
    | Degraded
    | Recovered
    | ObjectRefused
    | PruneWaits
    | PruneConfirmed
    | ObjectsPruned
    | ObjectNoted
    | DriftSeen
    | DriftEnded
    | DriftAcknowledged
    | FightSeen
    | Suspended
    | Resumed
    | ReconcileAsked
    | ReleaseQueued
    | ReleaseDropped
    | Watched
    | LogPruned
    | RolloutEvent
)


def to_row(fact: FleetFact) -> tuple[str, dict[str, Any]]:
    """Split a fact into the row's kind and its data."""
    data: dict[str, Any] = msgspec.to_builtins(fact)
    kind = data.pop("kind")
    data.pop("at")
    data.pop("actor", None)
    return str(kind), data


def from_row(kind: str, at: datetime, actor: str, data: Mapping[str, Any]) -> FleetFact:
    """The fact that a row holds.

    Raises:
        ValueError: no fact of this version of the program.
    """
    fact: FleetFact = msgspec.convert(
        {**data, "kind": kind, "at": at, "actor": actor}, type=FleetFact
    )
    return fact
