"""What follows from what a person asks.  Pure: a command is checked, and becomes facts or a no."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fleet.deciding import rollout_commands
from fleet.deciding.agreeing import HASH_SHOWN, is_meant
from fleet.deciding.arguments import check_arguments
from fleet.deciding.refusal import CommandRefused
from fleet.model import Inventory
from fleet.state import facts
from fleet.state.deletions import list_hashes, waiting
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState
from fleet.view import CommandRequest
from fleet.view_deletions import hash_of_lists

_NAMELESS = frozenset({"fleet", "git"})
"""Targets of which there is one."""


def facts_of(
    state: FleetState, inventory: Inventory, request: CommandRequest, *, actor: str, at: datetime
) -> list[FleetFact]:
    """The facts that a command means.

    Raises:
        CommandRefused: why not.
    """
    check_arguments(request)
    if request.command in rollout_commands.COMMANDS:
        return rollout_commands.facts_of(state, inventory, request, actor=actor, at=at)
    rule = _RULES.get(request.command)
    if rule is None:
        known = ", ".join(sorted([*_RULES, *rollout_commands.COMMANDS]))
        raise CommandRefused(f"there is no command {request.command!r}; there is: {known}")
    return rule(state, request, actor, at)


def _existing(state: FleetState, target: str, *, kinds: tuple[str, ...]) -> tuple[str, str]:
    kind, _, name = target.partition("/")
    if kind not in kinds or (kind not in _NAMELESS and not name):
        allowed = " or ".join(k if k in _NAMELESS else f"{k}/NAME" for k in kinds)
        raise CommandRefused(f"{target!r} is no target for this; it takes {allowed}")
    if kind == "cluster" and name not in state.clusters:
        raise CommandRefused(f"there is no cluster {name!r} in the inventory")
    if kind == "bundle" and name not in state.assignments:
        raise CommandRefused(f"there is no bundle {name!r} on any cluster")
    return kind, name


def _suspend(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    _existing(state, request.target, kinds=("cluster", "bundle"))
    if not request.reason.strip():
        raise CommandRefused("say why (--reason): whoever finds it suspended will ask")
    if mark := state.suspended.get(request.target):
        raise CommandRefused(f"already suspended by {mark.actor}: {mark.reason}")
    return [facts.Suspended(at=at, actor=actor, target=request.target, reason=request.reason)]


def _resume(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    kind, name = _existing(state, request.target, kinds=("cluster", "bundle"))
    if kind == "cluster" and state.clusters[name].quarantined:
        return [facts.ClusterReleased(at=at, actor=actor, cluster=name)]
    if request.target not in state.suspended:
        raise CommandRefused(f"{request.target} is not suspended")
    return [facts.Resumed(at=at, actor=actor, target=request.target, reason=request.reason)]


def _reconcile(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    _existing(state, request.target, kinds=("cluster", "bundle", "fleet", "git"))
    return [facts.ReconcileAsked(at=at, actor=actor, target=request.target, reason=request.reason)]


def _confirm_prune(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    _, name = _existing(state, request.target, kinds=("bundle",))
    chosen = [str(cluster) for cluster in request.arguments.get("clusters") or ()]
    waits = waiting(state.assignments[name], chosen)
    if not waits:
        raise CommandRefused(f"no deletion of bundle {name} waits for confirmation")
    if calm := sorted(set(chosen) - waits.keys()):
        raise CommandRefused(f"no deletion of bundle {name} waits on {calm[0]}; leave it out")
    named = hash_of_lists(list_hashes(waits))
    read = str(request.arguments.get("listHash") or "")
    if not read:
        raise CommandRefused(
            "a confirmation is for the list that was read: send its name as listHash "
            f"(`flotilla get needs -o json` has it, as `deletions`), or use `flotilla "
            f"confirm-prune {name}`, which shows the list and asks"
        )
    if not is_meant(read, named):
        raise CommandRefused(
            f"{read[:HASH_SHOWN]!r} is not the list of deletions of bundle {name} that waits now "
            f"({named[:HASH_SHOWN]}): it has changed since, or is for other clusters; read it "
            f"again with `flotilla confirm-prune {name}`"
        )
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for cluster, wait in waits.items():
        alike.setdefault((wait.digest, tuple(wait.objects)), []).append(cluster)
    return [
        facts.PruneConfirmed(
            at=at,
            actor=actor,
            bundle=name,
            digest=digest,
            clusters=clusters,
            reason=request.reason,
            objects=objects,
            list_hash=named,
        )
        for (digest, objects), clusters in alike.items()
    ]


def _confirm_shrink(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    held = state.shrink
    kind, _, given = request.target.partition("/")
    if held is None:
        raise CommandRefused("no commit waits for its loss of clusters to be confirmed")
    if kind != "commit" or not given or not held.revision.startswith(given):
        raise CommandRefused(
            f"the commit that waits is {held.revision[:12]} «{held.subject}»; confirm that one, "
            "after reading what it takes away"
        )
    if not request.reason.strip():
        raise CommandRefused("say why so many clusters go (--reason)")
    return [
        facts.ShrinkConfirmed(at=at, actor=actor, revision=held.revision, reason=request.reason)
    ]


def _acknowledge(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    drift = _open_drift(state, request.target)
    if not request.reason.strip():
        raise CommandRefused("say what you know of it (--reason)")
    return [facts.DriftAcknowledged(at=at, actor=actor, drift=drift, note=request.reason)]


def _correct(
    state: FleetState, request: CommandRequest, actor: str, at: datetime
) -> list[FleetFact]:
    drift = _open_drift(state, request.target)
    seen = state.drift[drift].seen
    for target in (f"cluster/{seen.cluster}", f"bundle/{seen.bundle}"):
        if mark := state.suspended.get(target):
            raise CommandRefused(
                f"{target} is suspended by {mark.actor} ({mark.reason}); resume it first"
            )
    cluster = state.clusters.get(seen.cluster)
    if cluster is None or not cluster.connected:
        raise CommandRefused(f"cluster {seen.cluster} does not answer now; nothing can be put back")
    return [
        facts.ReconcileAsked(at=at, actor=actor, target=f"drift/{drift}", reason=request.reason)
    ]


def _open_drift(state: FleetState, target: str) -> str:
    kind, _, name = target.partition("/")
    entry = state.drift.get(name) if kind == "drift" else None
    if entry is None or entry.ended is not None:
        raise CommandRefused(f"there is no open drift {name!r}")
    return name


_RULES: dict[str, Callable[[FleetState, CommandRequest, str, datetime], list[FleetFact]]] = {
    "suspend": _suspend,
    "resume": _resume,
    "reconcile": _reconcile,
    "confirmPrune": _confirm_prune,
    "confirmShrink": _confirm_shrink,
    "acknowledgeDrift": _acknowledge,
    "correctDrift": _correct,
}
