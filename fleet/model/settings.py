"""The fleet itself: settings, guards, and everything that one commit declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from clusters.model import BundleName, ClusterName
from fleet.model.bundles import Bundle
from fleet.model.clusters import Cluster, ClusterGroup
from fleet.model.gates import Gate
from fleet.model.people import Identities
from fleet.model.places import Amount, GateName, GroupName, Place, StrategyName, WindowName
from fleet.model.strategies import Strategy
from fleet.model.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneGuard:
    """Most objects that one change may delete without a person's confirmation."""

    max_objects: int = 50
    """Of one bundle on one cluster."""
    max_percent: float = 30.0
    """Of one bundle on one cluster."""
    max_clusters: int | None = None
    """On which one rollout deletes anything; None: no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkGuard:
    """How much smaller an inventory or a placement may become without a person's confirmation."""

    max: Amount = Amount(5, percent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """Limits that hold for the whole fleet, whatever a strategy says."""

    max_clusters_changing: Amount | None = None
    max_bundles_changing_per_cluster: int | None = None
    prune: PruneGuard = PruneGuard()
    inventory_shrink: ShrinkGuard = ShrinkGuard()


class ForgeKind(StrEnum):
    """Whose API a forge speaks."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """Where pull requests for the fleet repository are opened."""

    kind: ForgeKind
    url: str
    """Root of its API."""
    repository: str
    """`owner/name`."""
    secret_ref: str
    """Name of its token in the server's secret directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """The `Fleet` document: at most one in a repository."""

    name: str = "fleet"
    place: Place | None = None
    guards: Guards = Guards()
    exec_allowed: Sequence[str] = ()
    """Absolute paths of credential plugins that kubeconfigs may run."""
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Role name to the people (or tokens' names) who hold it."""
    forge: Forge | None = None
    identities: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Person (or token's name) to the names and addresses under which they commit."""

    @property
    def people(self) -> Identities:
        """Everybody whom the fleet knows, as Git names them."""
        return Identities.of(self.roles, self.identities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Everything one commit declares, valid as a whole."""

    settings: FleetSettings = FleetSettings()
    clusters: Mapping[ClusterName, Cluster] = field(default_factory=dict)
    groups: Mapping[GroupName, ClusterGroup] = field(default_factory=dict)
    bundles: Mapping[BundleName, Bundle] = field(default_factory=dict)
    strategies: Mapping[StrategyName, Strategy] = field(default_factory=dict)
    gates: Mapping[GateName, Gate] = field(default_factory=dict)
    windows: Mapping[WindowName, Window] = field(default_factory=dict)
