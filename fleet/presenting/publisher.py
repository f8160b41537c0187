"""Keeps the read model: makes views of what changed, and puts them on the feed.

Holds the newest view of every entity, so that a snapshot costs no more than its serialisation, only
real differences are published, and a change of one cluster costs nothing for the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from fleet.model import Inventory
from fleet.presenting.feed import Feed
from fleet.presenting.narrating import event_view
from fleet.presenting.needs import needs
from fleet.presenting.rollouts import rollout_view
from fleet.presenting.views import (
    Picture,
    bundle_view,
    cluster_view,
    drift_view,
    git_view,
    placement_views,
)
from fleet.rollout.planner import Outcome
from fleet.rollout.state import Rollout
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.view import (
    BundleOnCluster,
    BundleView,
    Change,
    ClusterView,
    DriftView,
    EventView,
    FleetView,
    GitView,
    NeedView,
    RolloutView,
    View,
)

EVENTS_KEPT = 300
ROLLOUTS_EVERY = timedelta(seconds=0.25)
"""How often views of rollouts are made while there is more to do: an eye sees no more."""
_View = TypeVar("_View", bound=View)


class _Shelf(Generic[_View]):
    """The newest views of one kind of entity, and the changes since they were last collected."""

    def __init__(self, entity: str) -> None:
        self.entity = entity
        self.views: dict[str, _View] = {}
        self._changes: dict[str, Change] = {}

    def put(self, key: str, view: _View) -> bool:
        """Set a view; whether it differs from the one before."""
        if self.views.get(key) == view:
            return False
        self.views[key] = view
        self._changes[key] = Change(entity=self.entity, key=key, value=view)
        return True

    def drop(self, key: str) -> None:
        """Remove a view."""
        if self.views.pop(key, None) is not None:
            self._changes[key] = Change(entity=self.entity, key=key)

    def replace(self, views: Mapping[str, _View]) -> None:
        """Set exactly these views."""
        for key in [key for key in self.views if key not in views]:
            self.drop(key)
        for key, view in views.items():
            self.put(key, view)

    def collect(self) -> Iterator[Change]:
        """The changes since the last time."""
        changes, self._changes = self._changes, {}
        yield from changes.values()


class Publisher:
    """The newest views, and the feed of their changes."""

    def __init__(self, feed: Feed, *, fleet: str, version: str) -> None:
        self.feed = feed
        self._fleet = fleet
        self._version = version
        self._git = _Shelf[GitView]("git")
        self._clusters = _Shelf[ClusterView]("cluster")
        self._bundles = _Shelf[BundleView]("bundle")
        self._placements = _Shelf[BundleOnCluster]("placement")
        self._drift = _Shelf[DriftView]("drift")
        self._needs = _Shelf[NeedView]("need")
        self._rollouts = _Shelf[RolloutView]("rollout")
        self._shown: dict[str, tuple[Rollout, Outcome | None, Inventory]] = {}
        """What the rollout views were made of."""
        self._rollouts_seen_at = datetime.min.replace(tzinfo=UTC)
        self._by_bundle: dict[str, dict[str, BundleOnCluster]] = {}
        self._events: deque[EventView] = deque(maxlen=EVENTS_KEPT)

    @property
    def _shelves(self) -> tuple[_Shelf[Any], ...]:
        return (
            self._git,
            self._clusters,
            self._placements,
            self._bundles,
            self._drift,
            self._rollouts,
        )

    def remember(self, events: Iterable[EventView]) -> None:
        """Fill the tail of the audit log after a restart."""
        self._events.extend(events)

    def snapshot(self, now: datetime) -> FleetView:
        """Everything, as of now."""
        return FleetView(
            cursor=self.feed.cursor,
            at=now,
            fleet=self._fleet,
            version=self._version,
            git=self._git.views.get("git") or GitView(repository="", ref=""),
            clusters=list(self._clusters.views.values()),
            bundles=list(self._bundles.views.values()),
            placements=list(self._placements.views.values()),
            drift=list(self._drift.views.values()),
            rollouts=list(self._rollouts.views.values()),
            needs=list(self._needs.views.values()),
            events=list(self._events),
        )

    def publish_all(self, picture: Picture) -> None:
        """Make every view anew."""
        self._see_clusters(picture, {*picture.state.clusters, *self._clusters.views})
        self._finish(picture, drift=True)

    def publish(
        self,
        picture: Picture,
        happened: Sequence[FleetFact],
        seqs: Sequence[int],
        touched: set[str],
        *,
        busy: bool = False,
    ) -> None:
        """Make the views that facts and observations changed.

        `busy`: more has come in already; views of rollouts, which change with every cluster of
        them, may wait a moment.
        """
        for seq, fact in zip(seqs, happened, strict=True):
            self._events.append(event_view(seq, fact))
        told = (
            [
                Change(entity="event", key=str(view.seq), value=view)
                for view in list(self._events)[len(self._events) - len(happened) :]
            ]
            if happened
            else []
        )
        if any(isinstance(fact, _TOUCHES_ALL) for fact in happened):
            touched = {*picture.state.clusters, *self._clusters.views}
        else:
            touched = touched.union(*map(_clusters_of, happened))
        self._see_clusters(picture, touched)
        self._finish(
            picture,
            drift=any(isinstance(fact, _TOUCHES_DRIFT) for fact in happened),
            told=told,
            busy=busy,
        )

    def _finish(
        self,
        picture: Picture,
        *,
        drift: bool,
        told: Sequence[Change] = (),
        busy: bool = False,
    ) -> None:
        self._git.put("git", git_view(picture))
        if drift:
            self._drift.replace(
                {key: drift_view(key, one) for key, one in picture.state.drift.items()}
            )
        if not busy or picture.at - self._rollouts_seen_at >= ROLLOUTS_EVERY:
            self._rollouts_seen_at = picture.at
            self._see_rollouts(picture)
        changes = [change for shelf in self._shelves for change in shelf.collect()]
        if changes or told:
            failed = [v for v in self._placements.views.values() if v.state == "Failed"]
            self._needs.replace({need.id: need for need in needs(picture, failed)})
        self.feed.publish([*changes, *self._needs.collect(), *told])

    def _see_rollouts(self, picture: Picture) -> None:
        """Make the views of rollouts that moved, or whose waiting changed, anew."""
        rollouts = picture.state.travel.rollouts
        for name in [name for name in self._rollouts.views if name not in rollouts]:
            self._rollouts.drop(name)
            self._shown.pop(name, None)
        for name, rollout in rollouts.items():
            made_of = (rollout, picture.outcomes.get(name), picture.inventory)
            shown = self._shown.get(name)
            if shown is None or any(a is not b for a, b in zip(shown, made_of, strict=True)):
                self._shown[name] = made_of
                self._rollouts.put(name, rollout_view(picture, rollout))

    def _see_clusters(self, picture: Picture, names: Iterable[str]) -> None:
        stale: set[str] = set()
        for name in sorted(names):
            if name in picture.state.clusters:
                self._clusters.put(name, cluster_view(picture, name))
                stale |= self._see_placements(picture, name)
            else:
                self._clusters.drop(name)
                stale |= self._see_placements(None, name)
        for bundle in stale:
            placed = self._by_bundle.get(bundle, {})
            if placed:
                self._bundles.put(bundle, bundle_view(picture, bundle, placed.values()))
            else:
                self._bundles.drop(bundle)

    def _see_placements(self, picture: Picture | None, cluster: str) -> set[str]:
        """Bring the placements of a cluster up to date; return the bundles that changed."""
        now = {v.bundle: v for v in placement_views(picture, cluster)} if picture else {}
        changed: set[str] = set()
        for bundle, view in now.items():
            if self._placements.put(f"{cluster}/{bundle}", view):
                self._by_bundle.setdefault(bundle, {})[cluster] = view
                changed.add(bundle)
        for bundle, placed in self._by_bundle.items():
            if cluster in placed and bundle not in now:
                del placed[cluster]
                self._placements.drop(f"{cluster}/{bundle}")
                changed.add(bundle)
        return changed


_TOUCHES_ALL = (
    facts.CommitAccepted,
    facts.ClustersLeft,
    facts.ClustersJoined,
    facts.Suspended,
    facts.Resumed,
)
_TOUCHES_DRIFT = (
    facts.DriftSeen,
    facts.DriftEnded,
    facts.DriftAcknowledged,
    facts.FightSeen,
    facts.ClustersLeft,
)


def _clusters_of(fact: FleetFact) -> set[str]:
    if isinstance(fact, facts.ReleaseAssigned | facts.BundleWithdrawn | facts.PruneConfirmed):
        return set(fact.clusters)
    cluster = getattr(fact, "cluster", None)
    return {cluster} if isinstance(cluster, str) else set()
