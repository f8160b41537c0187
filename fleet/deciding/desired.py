"""What one cluster should hold, from what is assigned to it and what its bundles declare.  Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clusters.model import (
    BundleName,
    BundlePolicy,
    ClusterName,
    DesiredBundle,
    DesiredState,
    Digest,
    DriftPolicy,
    DriftRule,
    Manifest,
    ObjectRef,
    Revision,
    Target,
)
from fleet.deciding.dependencies import behind
from fleet.deciding.memo import memo_of
from fleet.model import Bundle, Inventory
from fleet.state.fleet import FleetState
from fleet.state.standing import Assignment, Mark

Lookup = Callable[[str], tuple[Manifest, ...] | None]


def desired_state(
    state: FleetState,
    inventory: Inventory,
    cluster: ClusterName,
    lookup: Lookup,
    *,
    generation: int,
) -> DesiredState:
    """Build the desired state of a cluster.

    A bundle whose content cannot be looked up is left out, so that nothing of it is touched.
    """
    bundles: dict[BundleName, DesiredBundle] = {}
    for name, placed in state.assignments.items():
        entry = placed.get(cluster)
        manifests = lookup(entry.digest) if entry else None
        if entry is None or manifests is None:
            continue
        bundle = BundleName(name)
        mark = state.suspended.get(f"bundle/{name}")
        declared = inventory.bundles.get(bundle)
        revision = Revision(entry.revision)
        awaits = behind(declared, revision, cluster, state, inventory) if declared else None
        made = _bundle(bundle, entry, manifests, declared, mark, awaits)
        bundles[bundle] = replace(made, memo=memo_of(state, cluster, name, entry))
    mark = state.suspended.get(f"cluster/{cluster}")
    return DesiredState(
        generation=generation,
        bundles=bundles,
        suspended=f"suspended by {mark.actor}: {mark.reason}" if mark else None,
    )


def _bundle(
    name: BundleName,
    entry: Assignment,
    manifests: tuple[Manifest, ...],
    declared: Bundle | None,
    mark: Mark | None,
    awaits: str | None,
) -> DesiredBundle:
    return DesiredBundle(
        name=name,
        digest=Digest(entry.digest),
        revision=Revision(entry.revision),
        manifests=manifests,
        policy=_policy(declared.policy if declared else BundlePolicy(), entry),
        health=declared.health if declared else (),
        depends_on=tuple(d.bundle for d in declared.depends_on) if declared else (),
        awaits=awaits,
        prune_confirmed=frozenset(map(ObjectRef.parse, entry.confirmed_prunes)),
        uninstall=entry.uninstall,
        prune_later=entry.prune_later,
        prune_hold=entry.prune_hold,
        asks=declared is not None and declared.strategy is not None,
        takes=frozenset(entry.takes),
        suspended=f"suspended by {mark.actor}: {mark.reason}" if mark else None,
    )


def _policy(declared: BundlePolicy, entry: Assignment) -> BundlePolicy:
    """What a bundle declares, and what a person left to others of this content."""
    if not entry.leaves:
        return declared
    left = tuple(
        DriftRule(
            target=Target(
                group=contest.ref.group,
                kind=contest.ref.kind,
                namespace=contest.ref.namespace,
                name=contest.ref.name,
            ),
            drift=DriftPolicy.IGNORE,
            fields=(contest.field,),
        )
        for contest in entry.leaves
    )
    return replace(declared, rules=(*declared.rules, *left))
