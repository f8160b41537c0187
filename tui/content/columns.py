"""Columns of the tables that show clusters and bundles: one place, several views.

`now` is a function, because a column outlives the moment it was made in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from fleet.view import BundleOnCluster, ClusterState, ClusterView, NeedView, RolloutView
from tui.content.rows import Column, RowModel
from tui.model.queries import badness, is_production
from tui.text import format as fmt
from tui.text.format import Line, Tone

Now = Callable[[], datetime]
_NEVER = datetime.min.replace(tzinfo=UTC)
_UNSEEN = frozenset({ClusterState.OFFLINE, ClusterState.PENDING, ClusterState.QUARANTINED})


def state_cell(state: str) -> Line:
    """Glyph, word and tone of a cluster's state."""
    return fmt.marked(fmt.STATE_GLYPHS, state)


def _name(cluster: ClusterView) -> Line:
    return fmt.text(cluster.name, Tone.PROD if is_production(cluster.labels) else Tone.STRONG)


def _ready(cluster: ClusterView) -> Line:
    if cluster.state in _UNSEEN:
        return (("?", Tone.OFF),)
    if not cluster.bundles_total:
        return (("-", Tone.OFF),)
    whole = cluster.bundles_ready == cluster.bundles_total
    tone = Tone.PLAIN if whole else Tone.WARN
    return ((f"{cluster.bundles_ready}/{cluster.bundles_total}", tone),)


def _drift(cluster: ClusterView) -> Line:
    if cluster.state in _UNSEEN:
        return (("?", Tone.OFF),)
    return ((str(cluster.drifted), Tone.WARN if cluster.drifted else Tone.MUTED),)


def _label(key: str) -> Callable[[ClusterView], Line]:
    return lambda cluster: fmt.text(cluster.labels.get(key, "-"))


def _latency(cluster: ClusterView) -> Line:
    if cluster.latency_ms is None:
        return (("-", Tone.MUTED),)
    return ((f"{cluster.latency_ms:.0f}ms", Tone.MUTED),)


_IDENTITY: list[Column[ClusterView]] = [
    Column(
        "state",
        "state",
        13,
        lambda row: state_cell(row.state),
        sort=lambda row: badness(row.state),
        descending=True,
        priority=0,
    ),
    Column("name", "name", 18, _name, sort=lambda row: row.name, priority=0),
    Column("env", "env", 7, _label("env"), sort=lambda row: row.labels.get("env", ""), priority=4),
    Column(
        "region",
        "region",
        11,
        _label("region"),
        sort=lambda row: row.labels.get("region", ""),
        priority=7,
    ),
]
_CONDITION: list[Column[ClusterView]] = [
    Column(
        "version",
        "k8s",
        7,
        lambda row: fmt.text(row.version or "?", Tone.MUTED),
        sort=lambda row: row.version,
        priority=8,
    ),
    Column(
        "bundles",
        "bundles",
        7,
        _ready,
        sort=lambda row: row.bundles_ready - row.bundles_total,
        right=True,
        priority=3,
    ),
    Column(
        "drift",
        "drift",
        5,
        _drift,
        sort=lambda row: row.drifted,
        descending=True,
        right=True,
        priority=5,
    ),
    Column(
        "revision",
        "revision",
        8,
        lambda row: fmt.text(fmt.short_revision(row.revision), Tone.MUTED),
        sort=lambda row: row.revision,
        priority=6,
    ),
    Column(
        "latency",
        "api",
        6,
        _latency,
        sort=lambda row: row.latency_ms or 0.0,
        descending=True,
        right=True,
        priority=9,
    ),
]
_WHY: list[Column[ClusterView]] = [
    Column(
        "why",
        "why",
        30,
        lambda row: fmt.text(row.why),
        sort=lambda row: row.why,
        grow=1,
        priority=1,
    ),
]


def cluster_columns(now: Now) -> list[Column[ClusterView]]:
    """All columns a table of clusters can have, in their usual order."""
    seen: Column[ClusterView] = Column(
        "seen",
        "seen",
        4,
        lambda row: fmt.text(fmt.age(row.last_seen, now()), Tone.MUTED),
        sort=lambda row: row.last_seen or _NEVER,
        right=True,
        priority=5,
    )
    return [*_IDENTITY, *_CONDITION, seen, *_WHY]


def cluster_model(now: Now, chosen: Sequence[str] = ()) -> RowModel[ClusterView]:
    """A table of clusters, worst first; `chosen` picks and orders its columns."""
    columns = cluster_columns(now)
    if chosen:
        known = {column.id: column for column in columns}
        columns = [known[name] for name in chosen if name in known] or columns
    ids = [column.id for column in columns]
    return RowModel(
        columns,
        search=_cluster_text,
        labels=lambda row: row.labels,
        fault=lambda row: row.state is not ClusterState.READY,
        cause=lambda row: f"{row.state}|{row.why}",
        sort="state" if "state" in ids else ids[0],
    )


def _cluster_text(row: ClusterView) -> str:
    labels = " ".join(f"{key}={value}" for key, value in row.labels.items())
    return f"{row.name} {row.state} {row.version} {row.revision} {row.silence} {row.why} {labels}"


def need_model(now: Now) -> RowModel[NeedView]:
    """The queue of what needs a person; rows are given in their order."""
    columns: list[Column[NeedView]] = [
        Column("kind", "what", 12, lambda row: fmt.marked(fmt.NEED_GLYPHS, row.kind), priority=0),
        Column(
            "subject",
            "subject",
            20,
            lambda row: fmt.text(row.subject, Tone.STRONG),
            grow=1,
            priority=0,
        ),
        Column("sentence", "sentence", 20, lambda row: fmt.text(row.sentence), grow=2, priority=0),
        Column(
            "since",
            "since",
            4,
            lambda row: fmt.text(fmt.age(row.since, now()), Tone.MUTED),
            right=True,
            priority=2,
        ),
    ]
    return RowModel(columns, search=lambda row: f"{row.kind} {row.subject} {row.sentence}")


def placement_model(
    now: Now, *, first: str, labels_of: Callable[[BundleOnCluster], Mapping[str, str]]
) -> RowModel[BundleOnCluster]:
    """Bundles on clusters; `first` (`cluster` or `bundle`) is the column that differs."""
    columns: list[Column[BundleOnCluster]] = [
        Column(
            "state",
            "state",
            13,
            lambda row: state_cell(row.state),
            sort=lambda row: badness(row.state),
            descending=True,
            priority=0,
        ),
        Column(
            "name",
            first,
            22,
            lambda row: fmt.text(getattr(row, first), Tone.STRONG),
            sort=lambda row: getattr(row, first),
            priority=0,
        ),
        Column(
            "health",
            "health",
            13,
            lambda row: fmt.marked(fmt.HEALTH_GLYPHS, row.health),
            sort=lambda row: row.health,
            priority=3,
        ),
        Column("revision", "runs", 16, revision_cell, priority=2),
        Column(
            "objects",
            "objects",
            7,
            lambda row: ((f"{row.applied}/{row.objects}", Tone.PLAIN),),
            right=True,
            priority=4,
        ),
        Column(
            "since",
            "since",
            5,
            lambda row: fmt.text(fmt.age(row.since, now()), Tone.MUTED),
            sort=lambda row: row.since or _NEVER,
            right=True,
            priority=5,
        ),
        Column("message", "message", 20, lambda row: fmt.text(row.message), grow=1, priority=1),
    ]
    return RowModel(
        columns,
        search=lambda row: f"{row.cluster} {row.bundle} {row.state} {row.health} {row.message}",
        labels=labels_of,
        fault=lambda row: row.state is not ClusterState.READY,
        cause=lambda row: f"{row.state}|{row.message}",
        sort="state",
    )


def revision_cell(row: BundleOnCluster) -> Line:
    """What runs, and what should where that differs."""
    now_runs = fmt.short_revision(row.revision)
    if row.revision == row.assigned_revision:
        return ((now_runs, Tone.PLAIN),)
    return (
        (now_runs, Tone.PLAIN),
        (" → " + fmt.short_revision(row.assigned_revision), Tone.ACTIVE),
    )


def stage_strip(rollout: RolloutView) -> Line:
    """All stages of a rollout in one line: `✓ dev ↻ stage · prod`."""
    parts = [
        (fmt.glyph_of(fmt.PROGRESS_GLYPHS, stage.state), *fmt.text(f"{stage.name}"))
        for stage in rollout.stages
    ]
    return fmt.join(parts, (" ", Tone.PLAIN))


def done_cell(row: RolloutView) -> Line:
    """Clusters done of all clusters of a rollout."""
    done = sum(stage.good + stage.unchanged for stage in row.stages)
    total = sum(stage.total for stage in row.stages)
    return ((f"{done}/{total}" if total else "-", Tone.PLAIN),)
