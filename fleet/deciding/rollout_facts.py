"""What a rollout has to know of the fleet around it when it decides.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from clusters.model import BundleName, ClusterName, Digest, Health, Revision
from fleet.deciding.dependencies import behind
from fleet.model import Bundle, HealthCheck, Identities, Inventory, PruneGuard
from fleet.rollout.facts import Facts
from fleet.rollout.guards import Changing, FleetLimits, Leases
from fleet.rollout.joining import taint_blocking
from fleet.rollout.state import Rollout
from fleet.rollout.supersede import ahead_of
from fleet.rollout.surroundings import changing
from fleet.rollout.windows import Calendar
from fleet.state.fleet import FleetState
from fleet.state.observed import Observed
from fleet.state.standing import Assignment


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """The fleet at one moment, for all rollouts that decide in it."""

    state: FleetState
    observed: Observed
    inventory: Inventory
    calendar: Calendar
    frozen: str = ""
    """Why nothing may start anywhere."""
    _limits: FleetLimits = field(init=False)
    _people: Identities = field(init=False)
    _changing: Changing | None = field(init=False, default=None)
    _drifting: dict[tuple[str, str], str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Resolve what is the same for all."""
        guards = self.inventory.settings.guards
        self._limits = FleetLimits.of(guards, clusters=len(self.inventory.clusters))
        self._people = self.inventory.settings.people
        self.frozen = self.frozen or _crashed(self.state)

    def moved(self) -> None:
        """A rollout has changed: what changes on the clusters is counted anew."""
        self._changing = None

    def of(self, rollout: Rollout) -> Facts:
        """What one rollout has to know."""
        bundle = rollout.plan.release.bundle
        travel = self.state.travel
        others = travel.of(bundle)
        placed = self.state.assignments.get(bundle, {})
        return Facts(
            calendar=self.calendar,
            limits=self._limits,
            changing=self._all_changing(),
            leases=Leases(rollouts=others, floor=travel.floors.get(bundle, {})),
            held=frozenset(travel.held.get(bundle, ())),
            last_good=_LastGood(placed),
            blocked=_Blocked(
                rollout.clusters, self._blocker(rollout, self.inventory.bundles.get(bundle), placed)
            ),
            health=self._health(rollout) if asks_for_health(rollout) else {},
            ahead=ahead_of(rollout, others),
            people=self._people,
            said=_Lazy(lambda: self._said(rollout)),
            leftovers=_Lazy(lambda: self._leftovers(rollout, placed)),
            prune_held=_prune_held(placed) if rollout.prune is not None else frozenset(),
            prune_guard=self._prune_guard(bundle),
            frozen=self.frozen,
        )

    def _prune_guard(self, bundle: BundleName) -> PruneGuard:
        guard = self.inventory.settings.guards.prune
        declared = self.inventory.bundles.get(bundle)
        own = declared.policy.prune_max if declared else None
        return guard if own is None else replace(guard, max_objects=own)

    def _all_changing(self) -> Changing:
        if self._limits == FleetLimits():
            return Changing()  # nobody counts
        if self._changing is None:
            self._changing = changing(self.state.travel.open())
        return self._changing

    def _health(self, rollout: Rollout) -> dict[ClusterName, dict[BundleName, Health]]:
        return {
            name: {
                BundleName(bundle): seen.health
                for bundle, seen in self.observed.bundles.get(name, {}).items()
            }
            for name in rollout.clusters
        }

    def _blocker(
        self, rollout: Rollout, bundle: Bundle | None, placed: Mapping[str, Assignment]
    ) -> Callable[[ClusterName], str]:
        """Tell of one cluster what forbids a start there; empty: nothing."""
        whole = self.state.suspended.get(f"bundle/{rollout.plan.release.bundle}")
        revision = rollout.plan.release.revision
        stages = {run.name for run in rollout.stages if run.plan.stage.drift_blocks}

        def reason(name: ClusterName) -> str:
            known = self.state.clusters.get(name)
            if known is None:
                return "it is not in the inventory any more"
            if known.quarantined:
                return "quarantined, because its reconciler crashed"
            if mark := whole or self.state.suspended.get(f"cluster/{name}"):
                return f"suspended by {mark.actor}: {mark.reason}"
            if bundle is None:
                return ""
            found = self._unready(name, bundle, revision, is_new=name not in placed)
            if not found and (bundle.drift_blocks or rollout.clusters[name].seat.stage in stages):
                return self._open_drift().get((name, bundle.name), "")
            return found

        return reason

    def _said(self, rollout: Rollout) -> dict[ClusterName, str]:
        """What clusters say last of why they are not healthy."""
        words = (
            (n, self.observed.bundle(n, rollout.plan.release.bundle)) for n in rollout.clusters
        )
        return {name: seen.message for name, seen in words if seen is not None}

    def _leftovers(
        self, rollout: Rollout, placed: Mapping[str, Assignment]
    ) -> dict[ClusterName, int]:
        """What clusters with this release, or withdrawn ones, still have of earlier content."""
        release = rollout.plan.release
        bundle = self.inventory.bundles.get(release.bundle)
        if bundle is not None and not bundle.policy.prune:
            return {}
        found = {}
        for name, entry in placed.items():
            cluster = ClusterName(name)
            seen = self.observed.bundle(name, release.bundle)
            mine = entry.withdrawn or entry.digest == release.digests.get(cluster)
            if mine and seen is not None and seen.digest == entry.digest and seen.leftover:
                found[cluster] = seen.leftover
        return found

    def _open_drift(self) -> Mapping[tuple[str, str], str]:
        """What drifts, by cluster and bundle, where that may keep a release away."""
        if self._drifting is None:
            self._drifting = dict(_drifting(self.state))
        return self._drifting

    def _unready(
        self, name: ClusterName, bundle: Bundle, revision: Revision, *, is_new: bool
    ) -> str:
        """What the bundle's own document forbids on one cluster."""
        cluster = self.inventory.clusters.get(name)
        if is_new and cluster is not None and cluster.taints:
            reason = taint_blocking(cluster, bundle.placement.tolerations)
            if reason:
                return reason
        for needed in bundle.depends_on:
            if self.state.assignment(needed.bundle, name) is None:
                continue  # not placed here: nothing to wait for
            seen = self.observed.bundle(name, needed.bundle)
            if seen is None or seen.health is not Health.HEALTHY:
                stands = seen.health if seen is not None else "not heard of yet"
                return f"bundle {needed.bundle}, which it depends on, is {stands} there"
        return behind(bundle, revision, name, self.state, self.inventory) or ""


_Value = TypeVar("_Value")


class _Lazy(Mapping[ClusterName, _Value]):
    """What is looked up only where a decision asks for it, which few do."""

    def __init__(self, find: Callable[[], Mapping[ClusterName, _Value]]) -> None:
        self._find = find

    @cached_property
    def _found(self) -> Mapping[ClusterName, _Value]:
        return self._find()

    def __getitem__(self, cluster: ClusterName) -> _Value:
        return self._found[cluster]

    def __iter__(self) -> Iterator[ClusterName]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class _Blocked(Mapping[ClusterName, str]):
    """Why clusters must not be started: looked up for those whose turn it is, and no others."""

    def __init__(
        self, clusters: Mapping[ClusterName, object], reason: Callable[[ClusterName], str]
    ) -> None:
        self._clusters = clusters
        self._reason = reason

    def __getitem__(self, cluster: ClusterName) -> str:
        found = self._reason(cluster) if cluster in self._clusters else ""
        if not found:
            raise KeyError(cluster)
        return found

    def __iter__(self) -> Iterator[ClusterName]:
        return (name for name in self._clusters if self._reason(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _LastGood(Mapping[ClusterName, Digest]):
    """The newest content that was good on each cluster, read when it is asked for."""

    def __init__(self, placed: Mapping[str, Assignment]) -> None:
        self._placed = placed

    def __getitem__(self, cluster: ClusterName) -> Digest:
        digest = self._placed[cluster].good_digest
        if not digest:
            raise KeyError(cluster)
        return Digest(digest)

    def __iter__(self) -> Iterator[ClusterName]:
        return (ClusterName(name) for name, entry in self._placed.items() if entry.good_digest)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _prune_held(placed: Mapping[str, Assignment]) -> frozenset[ClusterName]:
    return frozenset(ClusterName(name) for name, entry in placed.items() if entry.prune_waits)


def asks_for_health(rollout: Rollout) -> bool:
    """Whether a gate of it looks at the health of clusters."""
    return any(isinstance(gate.check, HealthCheck) for gate in rollout.plan.gates.values())


def depends_on_others(rollout: Rollout, bundles: Mapping[BundleName, Bundle]) -> bool:
    """Whether what happens to other bundles may let it go on."""
    bundle = bundles.get(rollout.plan.release.bundle)
    needed: Sequence[object] = bundle.depends_on if bundle is not None else ()
    return bool(needed) or asks_for_health(rollout)


def _drifting(state: FleetState) -> Iterator[tuple[tuple[str, str], str]]:
    """Drift that nobody has resolved: neither put back nor acknowledged."""
    for key, drift in state.drift.items():
        if drift.ended is None and not drift.note:
            seen = drift.seen
            what = ", ".join(seen.paths) or "the whole object"
            whose = seen.manager or "somebody"
            yield (
                (seen.cluster, seen.bundle),
                (
                    f"{seen.object_kind}/{seen.name} was changed by {whose} ({what}) and drift "
                    f"blocks a start; put it back (flotilla reconcile drift/{key}), or "
                    "acknowledge it"
                ),
            )


def _crashed(state: FleetState) -> str:
    crashed = sorted(name for name, entry in state.clusters.items() if entry.quarantined)
    return f"the reconciler of {crashed[0]} crashed: look at that first" if crashed else ""
