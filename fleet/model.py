"""What the documents in Git declare: the fleet, its clusters, what runs on them, how it travels.

Pure values, already validated (`fleet.schema` reads them).  Durations are seconds as floats,
`Amount` is a count or a percentage whose rounding is decided where it is resolved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from clusters.model import BundleName, BundlePolicy, ClusterName
from fleet.selector import Selector

GroupName = NewType("GroupName", str)
StrategyName = NewType("StrategyName", str)
StageName = NewType("StageName", str)
GateName = NewType("GateName", str)
WindowName = NewType("WindowName", str)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in Git something is written: for messages, and for the person who mends it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Amount:
    """A count (`n`) or a percentage (`p%`) of something whose size is known later."""

    value: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.percent else f"{self.value:g}"

    def floor_of(self, total: int) -> int:
        """Resolve for failures and deferrals: rounded down, so 3% of 20 is 0."""
        return int(self.value * total / 100) if self.percent else int(self.value)

    def at_least_one_of(self, total: int) -> int:
        """Resolve for concurrency and ramps: rounded down, but never so low that nothing moves."""
        return max(1, self.floor_of(total))


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a cluster is reached.  Exactly one of the sources is set; never a credential itself."""

    context: str | None = None
    """Context name in the server's kubeconfig, or in `kubeconfig` where that is given."""
    kubeconfig: str | None = None
    """Path of a mounted kubeconfig file on the server."""
    secret_ref: str | None = None
    """Name of a secret that the server's secret directory holds as a kubeconfig file."""


class TaintEffect(StrEnum):
    """What an untolerated taint does."""

    NO_NEW_BUNDLES = "NoNewBundles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """Keeps bundles away that do not tolerate `key`."""

    key: str
    effect: TaintEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster of the inventory."""

    name: ClusterName
    place: Place
    connection: Connection
    labels: Labels = field(default_factory=dict)
    properties: Labels = field(default_factory=dict)
    taints: Sequence[Taint] = ()
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGroup:
    """A named selector, usable wherever a selector is."""

    name: GroupName
    place: Place
    select: Selector


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
class PatchTarget:
    """Which objects of a bundle a patch changes; an empty field matches everything."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change to rendered objects, for some clusters.  Exactly one of `merge` and `json6902`."""

    target: PatchTarget
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
    substitute: bool = True
    """Whether `${…}` is replaced in this bundle's files."""
    hotfix: bool = False
    """Whether the newest release may overtake a running one (a role is checked when it does)."""


class OnNewRelease(StrEnum):
    """What a newer release does to a rollout under way."""

    COALESCE = "coalesce"
    QUEUE = "queue"
    SUPERSEDE = "supersede"
    TRAIN = "train"


class Admission(StrEnum):
    """Whether clusters in flight count against the failure budget."""

    RESERVE = "reserve"
    OPTIMISTIC = "optimistic"


class OnBreach(StrEnum):
    """What happens when more clusters failed than the budget allows."""

    HALT = "halt"
    ROLLBACK_CLUSTER = "rollbackCluster"
    ROLLBACK_STAGE = "rollbackStage"
    ROLLBACK_RUN = "rollbackRun"


class UnreachableMode(StrEnum):
    """What a stage does when more clusters are unreachable than allowed."""

    DEFER = "defer"
    FAIL = "fail"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachablePolicy:
    """How clusters without contact are treated; they are never counted as failed."""

    mode: UnreachableMode = UnreachableMode.DEFER
    grace_s: float = 120.0
    max: Amount = Amount(10, percent=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """At most `max_per_domain` clusters in flight that share a value of the label `by`."""

    by: str
    max_per_domain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageGates:
    """Gates asked before a stage starts, while it runs, and after its last cluster."""

    before: Sequence[GateName] = ()
    during: Sequence[GateName] = ()
    after: Sequence[GateName] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An ordered group of clusters that is promoted as one."""

    name: StageName
    place: Place
    select: Selector | None = None
    groups: Sequence[GroupName] = ()
    order: Sequence[str] = ()
    """Sort keys: `name`, `random` (seeded by the rollout's id) or `label:KEY`."""
    ramp: Sequence[Amount] = ()
    max_concurrency: Amount = Amount(1)
    max_failures: Amount = Amount(0)
    admission: Admission = Admission.RESERVE
    spread: Spread | None = None
    progress_deadline_s: float = 600.0
    retries: int = 0
    soak_s: float = 0.0
    soak_holds_slot: bool = True
    unreachable: UnreachablePolicy = UnreachablePolicy()
    on_breach: OnBreach = OnBreach.HALT
    gates: StageGates = StageGates()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a release travels across the fleet."""

    name: StrategyName
    place: Place
    stages: Sequence[Stage]
    on_new_release: OnNewRelease = OnNewRelease.COALESCE
    max_trains: int = 2
    max_failures: Amount | None = None
    """Failure budget of the whole rollout, beside those of the stages."""


class GateScope(StrEnum):
    """What one evaluation of a gate speaks of."""

    CLUSTER = "cluster"
    STAGE = "stage"


class ApprovalBinding(StrEnum):
    """What an approval is for: it lapses when that changes."""

    PLAN = "plan"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCheck:
    """People must agree."""

    count: int = 1
    roles: Sequence[str] = ()
    not_author: bool = True
    expires_s: float = 86_400.0
    bind: ApprovalBinding = ApprovalBinding.PLAN


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakCheck:
    """The stage must have been healthy for a while."""

    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """Every cluster of the stage must be healthy, whatever bundle is asked about."""

    bundles: Sequence[BundleName] = ()
    """Bundles that are looked at; empty: all on the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCheck:
    """The named windows must be open."""

    windows: Sequence[WindowName]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusCheck:
    """A query against a Prometheus server.

    `success` and `failure` compare `value` with a number (`value < 0.01`); neither is inconclusive.
    """

    url: str
    query: str
    success: str
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck:
    """A GET whose status must be one of `expect_status`."""

    url: str
    expect_status: Sequence[int] = (200,)
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCheck:
    """A Job, applied to each cluster, that must complete."""

    manifest: Mapping[str, Any]
    timeout_s: float = 600.0


GateCheck = (
    ApprovalCheck | SoakCheck | HealthCheck | WindowCheck | PrometheusCheck | HttpCheck | JobCheck
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """How often a measuring gate may disappoint before it says no."""

    failures: int = 0
    inconclusive: int = 0
    consecutive_errors: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A named condition between or inside stages."""

    name: GateName
    place: Place
    check: GateCheck
    scope: GateScope = GateScope.STAGE
    interval_s: float = 30.0
    limits: GateLimits = GateLimits()


class WindowKind(StrEnum):
    """Whether changes are let in or kept out while the window is open."""

    ALLOW = "allow"
    DENY = "deny"


class Overrun(StrEnum):
    """What happens to work in flight when a window closes."""

    FINISH = "finish"
    STOP_BETWEEN_RETRIES = "stop-between-retries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which changes are allowed or denied.

    Either one span (`start` to `end`, wall-clock times of the timezone) or a recurrence (`rrule` or
    `cron`) whose every occurrence lasts `duration_s`.
    """

    name: WindowName
    place: Place
    kind: WindowKind
    select: Selector | None = None
    timezone: str = "cluster"
    """IANA name, or `cluster` for the timezone of each cluster."""
    start: datetime | None = None
    end: datetime | None = None
    rrule: str | None = None
    cron: str | None = None
    duration_s: float | None = None
    overrun: Overrun = Overrun.FINISH
    bypass_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneGuard:
    """Most objects that one change may delete without a person's confirmation."""

    max_objects: int = 50
    max_percent: float = 30.0
    max_clusters: int = 3


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
