"""Questions about the fleet whose answers are shown: pure functions over the store's values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleet.view import (
    BundleOnCluster,
    BundleView,
    ClusterState,
    ClusterView,
    DriftView,
    GateView,
    NeedView,
    RolloutView,
    StageView,
)
from tui.model.store import FleetStore

BADNESS = {state: position for position, state in enumerate(ClusterState)}
"""ClusterState is declared from calm to alarming."""
FINISHED = frozenset(
    {"complete", "completed", "succeeded", "done", "failed", "aborted", "cancelled", "superseded",
     "rolledback", "rejected"}
)  # fmt: skip
_NEED_ORDER = (
    "refused", "quarantine", "failure", "halted", "confirm", "approval", "drift", "offline",
    "suspended",
)  # fmt: skip
_ENVIRONMENT_LABELS = ("env", "environment", "stage", "tier")
_PRODUCTION = frozenset({"prod", "production", "prd", "live"})
GROUP_LABELS = ("env", "region", "tier")


def badness(state: str) -> int:
    """How alarming a state is; an unknown word is the most alarming."""
    try:
        return BADNESS[ClusterState(state)]
    except ValueError:
        return len(BADNESS)


def is_production(labels: Mapping[str, str]) -> bool:
    """Whether a cluster carries production by its labels: it looks different and asks more."""
    return any(labels.get(key, "").lower() in _PRODUCTION for key in _ENVIRONMENT_LABELS)


def in_flight(store: FleetStore) -> list[RolloutView]:
    """Rollouts that are not finished, oldest first."""
    running = [rollout for rollout in store.rollouts.values() if not is_finished(rollout)]
    return sorted(running, key=lambda rollout: rollout.started_at)


def is_finished(rollout: RolloutView) -> bool:
    """Whether nothing will happen to this rollout any more."""
    return rollout.finished_at is not None or _word(rollout.phase) in FINISHED


def is_paused(rollout: RolloutView) -> bool:
    """Whether a person stopped this rollout for now."""
    return _word(rollout.phase) == "paused"


def _word(phase: str) -> str:
    return phase.replace("-", "").replace("_", "").lower()


def sorted_needs(needs: Iterable[NeedView]) -> list[NeedView]:
    """What needs a person: the most urgent kind first, then the longest waiting."""
    order = {kind: position for position, kind in enumerate(_NEED_ORDER)}
    return sorted(
        needs,
        key=lambda need: (
            order.get(need.kind, 0),
            need.since.timestamp() if need.since else 0.0,
            need.id,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatGroup:
    """Clusters that share a label's value."""

    name: str
    clusters: Sequence[ClusterView]

    @property
    def tally(self) -> list[tuple[ClusterState, int]]:
        """How many clusters are in each state, calm first."""
        counts = Counter(cluster.state for cluster in self.clusters)
        return sorted(counts.items(), key=lambda item: badness(item[0]))


def heat_groups(clusters: Iterable[ClusterView], label: str) -> list[HeatGroup]:
    """Group clusters by a label, in the order of their names; those without it come last."""
    groups: dict[str, list[ClusterView]] = {}
    for cluster in sorted(clusters, key=lambda each: each.name):
        groups.setdefault(cluster.labels.get(label, ""), []).append(cluster)
    ordered = sorted(groups.items(), key=lambda item: (item[0] == "", _env_order(item[0])))
    return [HeatGroup(name=name or f"no {label}", clusters=rows) for name, rows in ordered]


def _env_order(value: str) -> tuple[int, str]:
    """Dev before stage before prod, as changes travel; anything else by name."""
    order = {"dev": 0, "test": 1, "qa": 2, "stage": 3, "staging": 3, "stg": 3, "prod": 5}
    return order.get(value.lower(), 4), value


def group_labels(clusters: Iterable[ClusterView]) -> list[str]:
    """Labels worth grouping by: the usual ones first, then others that split the fleet a little."""
    values: dict[str, set[str]] = {}
    for cluster in clusters:
        for key, value in cluster.labels.items():
            values.setdefault(key, set()).add(value)
    usual = [key for key in GROUP_LABELS if key in values]
    others = sorted(key for key, seen in values.items() if key not in usual and len(seen) <= 24)
    return usual + others or ["env"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A gate that waits for people."""

    rollout: RolloutView
    stage: StageView
    gate: GateView

    @property
    def key(self) -> str:
        """Names this gate of this stage of this rollout."""
        return f"{self.rollout.id}/{self.stage.name}/{self.gate.name}"

    @property
    def missing(self) -> int:
        """How many people are still needed."""
        return max(0, self.gate.approvals_needed - len(self.gate.approvals))


def approvals(rollouts: Iterable[RolloutView]) -> list[Approval]:
    """Open approval gates of unfinished rollouts, longest waiting first."""
    found = [
        Approval(rollout=rollout, stage=stage, gate=gate)
        for rollout in rollouts
        if not is_finished(rollout)
        for stage in rollout.stages
        if _word(stage.state) not in {"pending", "complete", "completed"}
        for gate in (*stage.gates_before, *stage.gates_during, *stage.gates_after)
        if gate.kind == "approval" and gate.state != "open"
    ]
    missing = [each for each in found if each.missing or not each.gate.approvals_needed]
    return sorted(missing, key=lambda each: (each.rollout.started_at, each.key))


def placements_of_bundle(store: FleetStore, bundle: str) -> list[BundleOnCluster]:
    """One bundle everywhere, worst first."""
    rows = [each for each in store.placements.values() if each.bundle == bundle]
    return sorted(rows, key=lambda each: (-badness(each.state), each.cluster))


def placements_of_cluster(store: FleetStore, cluster: str) -> list[BundleOnCluster]:
    """All bundles of one cluster, worst first."""
    rows = [each for each in store.placements.values() if each.cluster == cluster]
    return sorted(rows, key=lambda each: (-badness(each.state), each.bundle))


def subject_of_need(store: FleetStore, need: NeedView) -> object | None:
    """Find what a need speaks of.

    Its id is `what/NAME`, or `failure/CLUSTER/BUNDLE`, or `suspended/KIND/NAME`; None when it is
    about something that has no view of its own, such as the repository.
    """
    kind, _, rest = need.id.partition("/")
    match kind:
        case "failure":
            return store.placements.get(rest)
        case "offline" | "quarantine" | "audit":
            return store.clusters.get(rest)
        case "confirm" | "stranded":
            return store.bundles.get(rest)
        case "drift":
            return store.drift.get(rest)
        case "suspended":
            return subject_of(store, rest)
        case _:
            return _rollout_named(store, rest) or subject_of(store, need.subject)


def needs_of_rollout(store: FleetStore, rollout: str) -> list[NeedView]:
    """What a person has to decide about a rollout, gates aside: they are told with their stage."""
    kinds = ("hold", "halted", "paused", "stuck", "takeover")
    heads = tuple(f"{kind}/{rollout}" for kind in kinds)
    return [
        need
        for key, need in sorted(store.needs.items())
        if key in heads or key.startswith(tuple(f"{head}/" for head in heads))
    ]


def _rollout_named(store: FleetStore, words: str) -> RolloutView | None:
    """The rollout whose id `words` are, or begin with before a slash (`ID/STAGE/GATE`)."""
    parts = words.split("/")
    names = ("/".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((store.rollouts[name] for name in names if name in store.rollouts), None)


def subject_of(store: FleetStore, subject: str) -> object | None:
    """Find what `cluster/NAME`, `bundle/NAME`, `rollout/ID` or `drift/ID` speaks of."""
    kind, _, name = subject.partition("/")
    tables: dict[str, Mapping[str, object]] = {
        "cluster": store.clusters,
        "bundle": store.bundles,
        "rollout": store.rollouts,
        "drift": store.drift,
    }
    return tables.get(kind, {}).get(name)


def name_of(subject: object) -> object:
    """`cluster/NAME` for a cluster, and so on, which outlives its values; else the subject."""
    match subject:
        case ClusterView(name=name):
            return f"cluster/{name}"
        case BundleView(name=name):
            return f"bundle/{name}"
        case RolloutView(id=name):
            return f"rollout/{name}"
        case DriftView(id=name):
            return f"drift/{name}"
        case Approval(rollout=rollout):
            return f"rollout/{rollout.id}"
        case _:
            return subject


def runs_of(placements: Iterable[BundleOnCluster]) -> Counter[str]:
    """How many placements run each commit."""
    return Counter(each.revision for each in placements)
