"""Numbers over time, for looking rather than reading.

`Trends` samples the store while the TUI runs; the rest is computed from rows that carry their own
times, so that it is true from the first frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet.view import ClusterState, EventView, RolloutView
from tui.model.store import FleetStore

SAMPLES_MAX = 240
SAMPLE_EVERY_S = 5.0
_ILL = frozenset({ClusterState.FAILED, ClusterState.QUARANTINED, ClusterState.OFFLINE})
_ERRORS = frozenset(
    {
        "ClusterLost",
        "ClusterQuarantined",
        "CommitRefused",
        "Degraded",
        "FightSeen",
        "ObjectRefused",
        "SourceFailed",
    }
)
_APPLIED = frozenset({"ObjectsWritten", "ObjectsPruned", "Converged", "ReleaseAssigned"})


@dataclass(slots=True)
class Trends:
    """What was seen since this client started, one sample every few seconds."""

    ready: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))
    """Share of clusters that are ready, 0 to 1."""
    ill: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))
    latency_ms: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))
    """Median over the clusters that answer."""
    sampled_at: datetime | None = None

    def sample(self, store: FleetStore, now: datetime) -> bool:
        """Take a sample when one is due; say whether it was."""
        due = self.sampled_at is None or (now - self.sampled_at).total_seconds() >= SAMPLE_EVERY_S
        if not due or not store.clusters:
            return False
        self.sampled_at = now
        clusters = store.clusters.values()
        ready = sum(each.state is ClusterState.READY for each in clusters)
        self.ready.append(ready / len(clusters))
        self.ill.append(float(sum(each.state in _ILL for each in clusters)))
        known = sorted(each.latency_ms for each in clusters if each.latency_ms is not None)
        self.latency_ms.append(known[len(known) // 2] if known else 0.0)
        return True


def per_bucket(
    events: Iterable[EventView], *, now: datetime, bucket: timedelta, buckets: int
) -> list[float]:
    """How many events fell into each of the last `buckets` spans, oldest first."""
    counts = [0.0] * buckets
    for event in events:
        position = int((now - event.at) / bucket)
        if 0 <= position < buckets:
            counts[buckets - 1 - position] += 1
    return counts


def is_error(event: EventView) -> bool:
    """Whether an audit row tells of something that went wrong."""
    return event.kind in _ERRORS


def is_applied(event: EventView) -> bool:
    """Whether an audit row belongs to the way of a release onto a cluster."""
    return event.kind in _APPLIED


def burn_up(rollout: RolloutView, *, now: datetime, points: int) -> list[float]:
    """Clusters done over the life of a rollout, 0 to all, at `points` moments."""
    done = sorted(
        cluster.since
        for cluster in rollout.clusters
        if cluster.since is not None and cluster.state.lower() in {"good", "unchanged"}
    )
    end = rollout.finished_at or now
    span = max((end - rollout.started_at).total_seconds(), 1.0)
    values = []
    for point in range(points):
        moment = rollout.started_at + timedelta(seconds=span * (point + 1) / points)
        values.append(float(sum(each <= moment for each in done)))
    return values


def times_to_healthy_s(events: Iterable[EventView]) -> list[tuple[datetime, float]]:
    """How long each placement took from its last write to healthy: when, and seconds.

    A write and what follows belong together by cluster, bundle and digest.
    """
    written: dict[tuple[str, str, str], datetime] = {}
    took: list[tuple[datetime, float]] = []
    for event in sorted(events, key=lambda each: each.seq):
        key = (event.cluster, event.bundle, str(event.data.get("digest", "")))
        if event.kind == "ObjectsWritten":
            written[key] = event.at
        elif event.kind == "Converged" and (start := written.pop(key, None)) is not None:
            took.append((event.at, max(0.0, (event.at - start).total_seconds())))
    return took


def median_per_bucket(
    values: Iterable[tuple[datetime, float]], *, now: datetime, bucket: timedelta, buckets: int
) -> list[float | None]:
    """The median of what fell into each of the last `buckets` spans, oldest first."""
    found: list[list[float]] = [[] for _ in range(buckets)]
    for at, value in values:
        position = int((now - at) / bucket)
        if 0 <= position < buckets:
            found[buckets - 1 - position].append(value)
    return [sorted(each)[len(each) // 2] if each else None for each in found]
