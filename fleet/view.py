"""The read model: what the API serves, and what the TUI and the CLI show.

Plain values, made by the coordinator from its state and read by clients without any of its code.
Every entity has a key; a change replaces the whole entity (`Change`), so a client that missed
nothing needs no merge logic, and one that missed something asks for a new snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from fleet.view_deletions import DeletionsView as DeletionsView
from fleet.view_plans import RolloutPlanView as RolloutPlanView
from fleet.view_plans import StagePlanView as StagePlanView
from fleet.view_plans import View as View

API_VERSION = "flotilla.dev/view/v1"


class ClusterState(StrEnum):
    """One word for a cluster, from calm to alarming.  Exactly one applies: the worst."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    SUSPENDED = "Suspended"
    PENDING = "Pending"
    DRIFTED = "Drifted"
    FAILED = "Failed"
    OFFLINE = "Offline"
    QUARANTINED = "Quarantined"


class ProblemView(View, frozen=True, kw_only=True):
    """One thing that is wrong in Git: where, and in words."""

    file: str
    line: int
    field: str
    message: str


class GitView(View, frozen=True, kw_only=True):
    """The fleet repository as last seen."""

    repository: str
    ref: str
    revision: str = ""
    """The commit in force: the newest one without problems."""
    subject: str = ""
    author: str = ""
    committed_at: datetime | None = None
    fetched_at: datetime | None = None
    refused_revision: str = ""
    """A newer commit that is refused whole, or empty."""
    problems: Sequence[ProblemView] = ()
    error: str = ""
    """Why the repository cannot be read at present, or empty."""
    forced: bool = False
    """Whether the last change of the ref was a force-push."""


class BundleOnCluster(View, frozen=True, kw_only=True):
    """One bundle on one cluster."""

    cluster: str
    bundle: str
    state: ClusterState
    health: str
    """One of Healthy, Suspended, Progressing, Missing, Degraded, Unknown."""
    revision: str
    """The commit whose content is applied."""
    assigned_revision: str
    """The commit whose content should be applied."""
    digest: str
    assigned_digest: str
    objects: int
    applied: int
    """Objects that are as desired, of `objects`."""
    drifted: int = 0
    message: str = ""
    """What is wrong or awaited, in one sentence; empty when all is well."""
    since: datetime | None = None


class ClusterView(View, frozen=True, kw_only=True):
    """One cluster of the fleet."""

    name: str
    labels: Mapping[str, str]
    state: ClusterState
    health: str
    version: str = ""
    """Kubernetes version of its API server, empty while unknown."""
    bundles_ready: int = 0
    bundles_total: int = 0
    objects: int = 0
    drifted: int = 0
    revision: str = ""
    last_seen: datetime | None = None
    why: str = ""
    """What a person should know first, in one sentence; empty when all is well."""
    suspended: str = ""
    """Reason and person, when suspended."""
    latency_ms: float | None = None
    silence: str = ""
    """Why nothing is heard of it: no answer, asked rarely (the circuit breaker leaves it alone), or
    another server writes; empty while it answers."""


class BundleView(View, frozen=True, kw_only=True):
    """One bundle of the fleet."""

    name: str
    source: str
    strategy: str
    revision: str
    clusters_total: int
    clusters_ready: int
    suspended: str = ""
    message: str = ""
    policy: Sequence[str] = ()
    """How it treats its objects, where that is not as usual."""


class FieldChange(View, frozen=True, kw_only=True):
    """One field that differs.  Values of Secrets are never shown: `masked`."""

    path: str
    desired: Any = None
    live: Any = None
    masked: bool = False


class DriftView(View, frozen=True, kw_only=True):
    """One object that differs from what was applied, or did until it was corrected."""

    id: str
    cluster: str
    bundle: str
    group: str
    kind: str
    namespace: str
    name: str
    paths: Sequence[str]
    """Changed fields, as dotted paths; empty when the whole object is gone."""
    who: str
    """Field manager and operation that holds the changed fields now, or `unknown`."""
    seen_at: datetime
    changed_at: datetime | None = None
    policy: str = "correct"
    state: str = "open"
    """open, corrected, acknowledged, or fighting."""
    same_as: str = ""
    """Equal for identical changes on several clusters: the key to group by."""
    note: str = ""


class GateView(View, frozen=True, kw_only=True):
    """One gate of one stage."""

    name: str
    kind: str
    state: str
    """open, waiting, failed, or inconclusive."""
    sentence: str
    until: datetime | None = None
    progress: float | None = None
    approvals: Sequence[str] = ()
    approvals_needed: int = 0


class RolloutClusterView(View, frozen=True, kw_only=True):
    """One cluster inside a rollout."""

    name: str
    stage: str
    state: str
    since: datetime | None = None
    note: str = ""


class StageView(View, frozen=True, kw_only=True):
    """One stage of a rollout."""

    name: str
    state: str
    """pending, waiting, running, soaking, complete, halted."""
    total: int
    good: int = 0
    in_flight: int = 0
    failed: int = 0
    deferred: int = 0
    unchanged: int = 0
    max_concurrency: int = 1
    at_once: str = ""
    """How many of them can really be in flight, and why no more; in words."""
    max_failures: int = 0
    bound: str = ""
    """Worst case in words: how many clusters can break before it stops."""
    gates_before: Sequence[GateView] = ()
    gates_during: Sequence[GateView] = ()
    gates_after: Sequence[GateView] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None


class RolloutView(View, frozen=True, kw_only=True):
    """One release on its way across the fleet."""

    id: str
    bundle: str
    phase: str
    from_revision: str
    to_revision: str
    subject: str
    author: str
    strategy: str
    plan_hash: str
    started_at: datetime
    finished_at: datetime | None = None
    stages: Sequence[StageView] = ()
    clusters: Sequence[RolloutClusterView] = ()
    waiting_on: Sequence[str] = ()
    """One sentence for each thing the rollout waits for."""
    notes: Sequence[str] = ()
    """What else somebody who looks at it should know."""
    changes: Sequence[str] = ()
    """What it changes, one line for each kind of change."""


class NeedView(View, frozen=True, kw_only=True):
    """Something that needs a person."""

    id: str
    kind: str
    """approval, failure, drift, offline, suspended, refused, quarantine, confirm, halted."""
    subject: str
    sentence: str
    since: datetime | None = None
    command: str = ""
    """The command line that answers it."""
    deletions: DeletionsView | None = None
    """What would be deleted, where that is what waits for a person."""


class EventView(View, frozen=True, kw_only=True):
    """One row of the audit log."""

    seq: int
    at: datetime
    actor: str
    kind: str
    cluster: str = ""
    bundle: str = ""
    sentence: str = ""
    data: Mapping[str, Any] = {}


class CommitView(View, frozen=True, kw_only=True):
    """One commit of the fleet repository."""

    revision: str
    subject: str
    author: str
    at: datetime
    state: str = ""
    """in force, refused, superseded, or empty when not looked at."""


class FleetView(View, frozen=True, kw_only=True):
    """All of it at one moment."""

    api_version: str = API_VERSION
    cursor: str
    """Where the change stream continues after this snapshot."""
    at: datetime
    fleet: str
    version: str
    git: GitView
    clusters: Sequence[ClusterView] = ()
    bundles: Sequence[BundleView] = ()
    placements: Sequence[BundleOnCluster] = ()
    drift: Sequence[DriftView] = ()
    rollouts: Sequence[RolloutView] = ()
    needs: Sequence[NeedView] = ()
    events: Sequence[EventView] = ()
    """The newest rows of the audit log, oldest first."""


class Change(View, frozen=True, kw_only=True):
    """One entity was replaced (`value`) or is gone (`value` is None)."""

    entity: str
    """git, cluster, bundle, placement, drift, rollout, need or event."""
    key: str
    """The entity's name or id; for a placement `cluster/bundle`."""
    value: Any = None


class ObjectView(View, frozen=True, kw_only=True):
    """One object of the apply set of one cluster: a row of the resource tree."""

    bundle: str
    group: str
    kind: str
    namespace: str
    name: str
    health: str
    message: str = ""
    drifted: bool = False
    state: str = "applied"
    """applied, pending, failed, waiting, pruning, or kept."""


class ObjectDetail(View, frozen=True, kw_only=True):
    """One object on one cluster, live beside desired.  Secret values are masked."""

    cluster: str
    object: ObjectView
    live_yaml: str
    desired_yaml: str
    changes: Sequence[FieldChange] = ()
    managers: Sequence[str] = ()
    last_changed_by: str = ""


class CommandRequest(View, frozen=True, kw_only=True):
    """What a person asks for."""

    command: str
    """reconcile, suspend, resume, approve, reject, pause, resumeRollout, abort, retry, skip,
    promote, rollback, hold, releaseHold, correctDrift, acknowledgeDrift, confirmPrune."""
    target: str
    """cluster/NAME, bundle/NAME, rollout/ID, drift/ID or fleet."""
    reason: str = ""
    arguments: Mapping[str, Any] = {}
    actor: str = ""
    """Only believed from the local socket; over TCP the token says who it is."""


class CommandResult(View, frozen=True, kw_only=True):
    """What became of it."""

    accepted: bool
    message: str
    seq: int | None = None
    """The audit row that records it."""


class ObjectPlan(View, frozen=True, kw_only=True):
    """What would happen to one object."""

    action: str
    """create, change, delete, detach (it stays, without us), keep (it left Git, and is not deleted
    or not without confirmation) or refuse (it is there and not ours)."""
    object: str
    changes: Sequence[FieldChange] = ()
    note: str = ""
    """Why, where that is not plain."""


class ClusterPlan(View, frozen=True, kw_only=True):
    """What would happen to one bundle on one cluster."""

    cluster: str
    bundle: str
    objects: Sequence[ObjectPlan] = ()
    error: str = ""
    """Why the cluster could not be asked, or empty."""


class PlanView(View, frozen=True, kw_only=True):
    """What a revision would change if it were in force."""

    revision: str
    subject: str
    author: str
    problems: Sequence[ProblemView] = ()
    warnings: Sequence[ProblemView] = ()
    joined: Sequence[str] = ()
    """Clusters that would join the inventory."""
    left: Sequence[str] = ()
    """Clusters that would leave it."""
    clusters: Sequence[ClusterPlan] = ()
    rollouts: Sequence[RolloutPlanView] = ()
    """How each bundle that changes would travel."""
    held_back: Sequence[str] = ()
    """Why the revision would wait for a person's confirmation before anything of it happens."""
