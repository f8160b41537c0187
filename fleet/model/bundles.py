"""Bundles: what is deployed together, from where, to which clusters, with which changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clusters.model import BundleName, BundlePolicy, ClusterName, HealthRule, Target
from fleet.model.places import Amount, GroupName, Place, StrategyName
from fleet.model.selector import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where manifests are: a path in the fleet repository, or in another one at a ref."""

    path: str
    git: str | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesLayer:
    """One layer of values; later layers win.  Exactly one of `file` and `inline` is set."""

    file: str | None = None
    """Path below the bundle's source; `${cluster.name}` and `${cluster.labels.x}` are replaced."""
    inline: Mapping[str, Any] | None = None
    when: Selector | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change to rendered objects, for some clusters.  Exactly one of `merge` and `json6902`."""

    target: Target
    place: Place
    clusters: Sequence[ClusterName] = ()
    when: Selector | None = None
    merge: Mapping[str, Any] | None = None
    json6902: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Which clusters a bundle goes to: selector or group or names, without the excluded."""

    select: Selector | None = None
    groups: Sequence[GroupName] = ()
    clusters: Sequence[ClusterName] = ()
    exclude: Sequence[ClusterName] = ()
    tolerations: Sequence[str] = ()


class DependencyScope(StrEnum):
    """Where a dependency must be healthy."""

    SAME_CLUSTER = "sameCluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Another bundle that must be applied and healthy first."""

    bundle: BundleName
    scope: DependencyScope = DependencyScope.SAME_CLUSTER


class RollbackMode(StrEnum):
    """Who brings the last good release back after a breach."""

    AUTO = "auto"
    MANUAL = "manual"
    NEVER = "never"


class WithoutLastGood(StrEnum):
    """What a rollback does on a cluster that never had a good release of the bundle."""

    LEAVE = "leave"
    UNINSTALL = "uninstall"


class WriteBack(StrEnum):
    """Whether a rollback is also proposed to Git, where the bad release still stands."""

    NONE = "none"
    PULL_REQUEST = "pull-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPolicy:
    """How a bundle returns to its last good release."""

    mode: RollbackMode = RollbackMode.AUTO
    without_last_good: WithoutLastGood = WithoutLastGood.LEAVE
    max_concurrency: Amount = Amount(100, percent=True)
    write_back: WriteBack = WriteBack.NONE
    respects_windows: bool = False
    """Whether closed windows keep a way back out, as they do a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is deployed together."""

    name: BundleName
    place: Place
    source: Source
    placement: Placement
    namespace: str | None = None
    """Namespace for namespaced objects that name none."""
    values: Sequence[ValuesLayer] = ()
    patches: Sequence[Patch] = ()
    depends_on: Sequence[Dependency] = ()
    strategy: StrategyName | None = None
    rollback: RollbackPolicy = RollbackPolicy()
    policy: BundlePolicy = BundlePolicy()
    drift_blocks: bool = False
    """Whether a release waits, on each cluster, until nothing of the bundle drifts there."""
    health: Sequence[HealthRule] = ()
    """How it judges kinds itself."""
    substitute: bool = True
    """Whether `${…}` is replaced in this bundle's files."""
    sequential: bool = False
    """Whether a cluster that missed releases gets them one after the other."""
    hotfix: bool = False
    """Whether the newest release may overtake a running one (a role is checked when it does)."""
