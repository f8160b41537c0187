"""Brings the reconcilers in line with the state: who runs, and what each should hold.

Level-triggered: a cluster is handed its desired state only where that differs from what it was
handed before, so doing it again does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from clusters.model import ClusterName, DesiredState, Manifest, ObjectRef
from fleet.control.supervisor import Supervisor
from fleet.deciding.desired import desired_state
from fleet.model import Inventory
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState


class Dispatcher:
    """Hands out desired states.

    Args:
        supervisor: the running reconcilers.
        lookup: gives the manifests of a digest.
        look: asks the source to look now.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        *,
        lookup: Callable[[str], tuple[Manifest, ...] | None],
        look: Callable[[], None],
    ) -> None:
        self._supervisor = supervisor
        self._lookup = lookup
        self._look = look
        self._sent: dict[ClusterName, DesiredState] = {}
        self._generation = 0

    @property
    def sent(self) -> Mapping[ClusterName, DesiredState]:
        """What each cluster was told to hold."""
        return self._sent

    async def take_inventory(self, state: FleetState, inventory: Inventory) -> list[ClusterName]:
        """Run a reconciler for each cluster; return those that are no longer managed."""
        gone = [name for name in self._sent if name not in inventory.clusters]
        for name in gone:
            del self._sent[name]
        settings = inventory.settings
        started = await self._supervisor.adjust(
            {
                name: cluster
                for name, cluster in inventory.clusters.items()
                if not (name in state.clusters and state.clusters[name].quarantined)
            },
            settings=(settings.name, settings.guards.prune, settings.exec_allowed),
        )
        for name in started:
            self._sent.pop(name, None)
        self._hand_out(inventory.clusters, state, inventory)
        return gone

    async def follow(
        self, happened: Sequence[FleetFact], state: FleetState, inventory: Inventory
    ) -> None:
        """Do what facts mean for the reconcilers."""
        for fact in happened:
            if isinstance(fact, facts.ClusterReleased):
                self._sent.pop(ClusterName(fact.cluster), None)
                await self.take_inventory(state, inventory)
        changed = {name for fact in happened for name in _affected(fact, state)}
        self._hand_out([name for name in inventory.clusters if name in changed], state, inventory)
        for fact in happened:
            if isinstance(fact, facts.ReconcileAsked):
                self._poke(fact.target, state)

    def _hand_out(
        self, names: Iterable[ClusterName], state: FleetState, inventory: Inventory
    ) -> None:
        for name in names:
            desired = desired_state(
                state, inventory, name, self._lookup, generation=self._generation + 1
            )
            if _same(self._sent.get(name), desired):
                continue
            self._generation += 1
            self._sent[name] = desired
            self._supervisor.assign(name, desired)

    def _poke(self, target: str, state: FleetState) -> None:
        kind, _, name = target.partition("/")
        if kind in ("fleet", "bundle", "git"):
            self._look()
        clusters: Iterable[str]
        match kind:
            case "fleet":
                clusters = list(self._supervisor.running)
            case "cluster":
                clusters = [name]
            case "bundle":
                clusters = list(state.assignments.get(name, {}))
            case "drift" if (drift := state.drift.get(name)) is not None:
                seen = drift.seen
                ref = ObjectRef(seen.group, seen.object_kind, seen.namespace, seen.name)
                self._supervisor.correct(ClusterName(seen.cluster), ref)
                return
            case _:
                return
        for cluster in clusters:
            self._supervisor.poke(ClusterName(cluster))


def _affected(fact: FleetFact, state: FleetState) -> Iterable[str]:
    """The clusters whose desired state a fact may change."""
    match fact:
        case facts.ReleaseAssigned() | facts.BundleWithdrawn() | facts.PruneConfirmed():
            return fact.clusters
        case facts.PlacementEnded():
            return [fact.cluster]
        case facts.RolloutEvent():
            cluster = fact.event.get("event", {}).get("cluster")
            if fact.name in ("PruneDecided", "RolloutEnded", "HoldPlaced", "HoldReleased"):
                return list(state.assignments.get(fact.bundle, {}))
            if fact.name == "TakeoverDecided":
                return list(fact.event["event"]["contests"])
            return [cluster] if fact.name == "ClusterAssigned" and cluster else []
        case facts.Suspended() | facts.Resumed():
            kind, _, name = fact.target.partition("/")
            return [name] if kind == "cluster" else list(state.assignments.get(name, {}))
        case _:
            return []


def _same(before: DesiredState | None, now: DesiredState) -> bool:
    return (
        before is not None and before.bundles == now.bundles and before.suspended == now.suspended
    )
