"""What the documents of a commit must be to each other: pure checks of a whole inventory.

`references` finds names that lead nowhere and circles; `coverage` finds clusters that a strategy
forgets or takes twice; `suspicions` finds what is allowed and probably not meant.
`fleet.source.documents` gives each finding its line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from clusters.model import BundleName, ClusterName
from fleet.model import (
    ApprovalCheck,
    Bundle,
    Gate,
    HealthCheck,
    Inventory,
    Place,
    Stage,
    Strategy,
    WindowCheck,
)
from fleet.model.placement import Placer
from fleet.model.selector import Selector
from fleet.schema.document import Path

Names = Mapping[str, Collection[str]]
"""By kind, every name that a document claims, also of documents that are wrong otherwise."""

_LISTED_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something between documents that is wrong or doubtful."""

    place: Place
    """Of the document (not of the field: `path` says which)."""
    path: Path
    message: str
    found: str | None = None
    allowed: str | None = None


def references(inventory: Inventory, names: Names) -> Iterator[Finding]:
    """Find references to what does not exist, and bundles that wait for each other."""
    for bundle in inventory.bundles.values():
        yield from _references_of_bundle(bundle, names)
    for strategy in inventory.strategies.values():
        yield from _references_of_strategy(strategy, names)
    for gate in inventory.gates.values():
        yield from _references_of_gate(gate, names)
    yield from _circles(inventory)


def _references_of_bundle(bundle: Bundle, names: Names) -> Iterator[Finding]:
    placement = bundle.placement
    if bundle.strategy is not None:
        yield from _dangling(
            bundle.place, ("spec", "strategyRef"), "Strategy", bundle.strategy, names
        )
    for field, kind, listed in (
        ("groups", "ClusterGroup", placement.groups),
        ("clusters", "Cluster", placement.clusters),
        ("exclude", "Cluster", placement.exclude),
    ):
        path: Path = ("spec", "placement", field)
        yield from _dangling_in_list(bundle.place, path, kind, listed, names)
    for index, patch in enumerate(bundle.patches):
        path = ("spec", "patches", index, "clusters")
        yield from _dangling_in_list(bundle.place, path, "Cluster", patch.clusters, names)
    for index, dependency in enumerate(bundle.depends_on):
        path = ("spec", "dependsOn", index, "bundle")
        yield from _dangling(bundle.place, path, "Bundle", dependency.bundle, names)


def _references_of_strategy(strategy: Strategy, names: Names) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, stage in enumerate(strategy.stages):
        path: Path = ("spec", "stages", index)
        if stage.name in seen:
            yield Finding(
                place=strategy.place,
                path=(*path, "name"),
                message="two stages of a strategy have the same name",
                found=repr(str(stage.name)),
            )
        seen.add(stage.name)
        yield from _dangling_in_list(
            strategy.place, (*path, "groups"), "ClusterGroup", stage.groups, names
        )
        for when in ("before", "during", "after"):
            gates = getattr(stage.gates, when)
            here = (*path, "gates", when)
            yield from _dangling_in_list(strategy.place, here, "Gate", gates, names)


def _references_of_gate(gate: Gate, names: Names) -> Iterator[Finding]:
    match gate.check:
        case WindowCheck(windows=windows):
            for window in windows:
                yield from _dangling(gate.place, ("spec", "window"), "Window", window, names)
        case HealthCheck(bundles=bundles):
            path = ("spec", "health", "bundles")
            yield from _dangling_in_list(gate.place, path, "Bundle", bundles, names)
        case _:
            pass


def _dangling_in_list(
    place: Place, path: Path, kind: str, wanted: Sequence[str], names: Names
) -> Iterator[Finding]:
    for index, name in enumerate(wanted):
        yield from _dangling(place, (*path, index), kind, name, names)


def _dangling(place: Place, path: Path, kind: str, name: str, names: Names) -> Iterator[Finding]:
    known = sorted(names.get(kind, ()))
    if name not in known:
        near = get_close_matches(name, known, n=1)
        yield Finding(
            place=place,
            path=path,
            message=f"there is no {kind} of this name"
            + (f", did you mean {near[0]!r}?" if near else ""),
            found=repr(str(name)),
            allowed=_listed(known) if known else f"none; no {kind} is declared",
        )


def _circles(inventory: Inventory) -> Iterator[Finding]:
    graph = {
        bundle.name: {one.bundle for one in bundle.depends_on if one.bundle in inventory.bundles}
        for bundle in inventory.bundles.values()
    }
    while circle := _circle(graph):
        # Named from its first bundle on, so that the message does not depend on any order.
        start = circle.index(min(circle))
        turned = [*circle[start:], *circle[:start], circle[start]]
        first = inventory.bundles[turned[0]]
        position = [one.bundle for one in first.depends_on].index(turned[1])
        yield Finding(
            place=first.place,
            path=("spec", "dependsOn", position),
            message="bundles wait for each other: " + " → ".join(turned),
            allowed="dependencies without a circle",
        )
        graph[turned[0]].discard(turned[1])


def _circle(graph: Mapping[BundleName, Collection[BundleName]]) -> list[BundleName]:
    """Give the bundles of one circle, each waiting for the next; none: an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[BundleName] = error.args[1][:-1]
        return found[::-1]
    return []


def coverage(inventory: Inventory) -> Iterator[Finding]:
    """Find clusters that two stages of a strategy take, and placed ones that none takes.

    All references of the inventory must lead somewhere.
    """
    placer = Placer(inventory)
    for strategy in inventory.strategies.values():
        repeated = placer.divided(strategy, inventory.clusters).repeated
        for stages in sorted(set(repeated.values())):
            names = [cluster for cluster, found in repeated.items() if found == stages]
            yield Finding(
                place=strategy.place,
                path=("spec", "stages", _position(strategy, stages[-1])),
                message=f"the stages {' and '.join(stages)} both select {_listed(names)}",
                allowed="every cluster in exactly one stage",
            )
    for bundle in inventory.bundles.values():
        if bundle.strategy is None:
            continue
        travels = inventory.strategies[bundle.strategy]
        if unplaced := placer.divided(travels, placer.placed(bundle)).unplaced:
            yield Finding(
                place=bundle.place,
                path=("spec", "strategyRef"),
                message=f"goes to {_listed(unplaced)}, which no stage of {travels.name} "
                f"({travels.place}) selects",
                allowed="a stage for every cluster that the bundle goes to",
            )


def _position(strategy: Strategy, stage: str) -> int:
    return next(index for index, one in enumerate(strategy.stages) if one.name == stage)


def suspicions(inventory: Inventory) -> Iterator[Finding]:
    """Find what is allowed and probably not meant: mostly selectors that match nothing."""
    placer = Placer(inventory)
    for group in inventory.groups.values():
        yield from _empty(placer, group.place, group.select, ("spec", "select"))
    for window in inventory.windows.values():
        yield from _empty(placer, window.place, window.select, ("spec", "select"))
    for strategy in inventory.strategies.values():
        for index, stage in enumerate(strategy.stages):
            yield from _empty_stage(placer, strategy, stage, index)
    placed = {name: placer.placed(one) for name, one in inventory.bundles.items()}
    for bundle in inventory.bundles.values():
        if not placed[bundle.name]:
            yield Finding(
                place=bundle.place,
                path=("spec", "placement"),
                message="matches no cluster, so this bundle goes nowhere",
            )
        for index, layer in enumerate(bundle.values):
            path = ("spec", "values", index, "when")
            yield from _empty(placer, bundle.place, layer.when, path)
        for index, patch in enumerate(bundle.patches):
            path = ("spec", "patches", index, "when")
            yield from _empty(placer, bundle.place, patch.when, path)
        yield from _unmet(bundle, placed)
    yield from _unheld_roles(inventory)


def _unheld_roles(inventory: Inventory) -> Iterator[Finding]:
    """Find roles that the Fleet document, which lists roles, gives to nobody."""
    held = inventory.settings.roles
    if not held:
        return
    asked: list[tuple[Place, Path, str]] = [
        (gate.place, ("spec", "approval", "roles", index), role)
        for gate in inventory.gates.values()
        if isinstance(gate.check, ApprovalCheck)
        for index, role in enumerate(gate.check.roles)
    ] + [
        (window.place, ("spec", "bypassRole"), window.bypass_role)
        for window in inventory.windows.values()
        if window.bypass_role is not None
    ]
    for place, path, role in asked:
        if not held.get(role):
            yield Finding(
                place=place,
                path=path,
                message="nobody has this role",
                found=repr(role),
                allowed=_listed(sorted(held)),
            )


def _empty(placer: Placer, place: Place, select: Selector | None, path: Path) -> Iterator[Finding]:
    if select is not None and not placer.selected(select):
        yield Finding(place=place, path=path, message="matches no cluster", found=repr(str(select)))


def _empty_stage(placer: Placer, strategy: Strategy, stage: Stage, index: int) -> Iterator[Finding]:
    if not placer.selected(stage.select, stage.groups):
        yield Finding(
            place=strategy.place,
            path=("spec", "stages", index),
            message=f"the stage {stage.name} selects no cluster",
        )


def _unmet(
    bundle: Bundle, placed: Mapping[BundleName, tuple[ClusterName, ...]]
) -> Iterator[Finding]:
    for index, dependency in enumerate(bundle.depends_on):
        there = set(placed.get(dependency.bundle, ()))
        missing = [name for name in placed[bundle.name] if name not in there]
        if missing:
            yield Finding(
                place=bundle.place,
                path=("spec", "dependsOn", index),
                message=f"waits on {_listed(missing)} for {dependency.bundle}, "
                "which does not go there",
            )


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(listed[:_LISTED_MAX])
    return shown + (f" and {len(listed) - _LISTED_MAX} more" if len(listed) > _LISTED_MAX else "")
