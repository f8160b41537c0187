"""What a person asks of a rollout: checked by the rollout's own rules, with the person's roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from clusters.model import ClusterName, Digest
from fleet.deciding.refusal import CommandRefused
from fleet.deciding.travelling import fact_of
from fleet.events import FleetFact
from fleet.model import GateName, Inventory, StageName
from fleet.rollout import requests
from fleet.rollout.commands import Already, Authority, Granted, check
from fleet.rollout.requests import Request
from fleet.rollout.state import GateRun, GateVerdict, Rollout, StageRun
from fleet.state import FleetState
from fleet.view import CommandRequest

Build = Callable[[Rollout, CommandRequest, str, tuple[str, ...], datetime], Request]


def facts_of(
    state: FleetState, inventory: Inventory, request: CommandRequest, *, actor: str, at: datetime
) -> list[FleetFact]:
    """The facts that a command to a rollout means.

    Raises:
        CommandRefused: why not.
    """
    kind, _, name = request.target.partition("/")
    rollout = state.travel.rollouts.get(name) if kind == "rollout" else None
    if rollout is None:
        known = ", ".join(sorted(state.travel.rollouts)) or "none at all"
        raise CommandRefused(f"there is no rollout {request.target!r}; there is: {known}")
    roles = tuple(
        sorted(role for role, people in inventory.settings.roles.items() if actor in people)
    )
    asked = COMMANDS[request.command](rollout, request, actor, roles, at)
    authority = Authority(roles=frozenset(roles), windows=tuple(inventory.windows.values()))
    verdict = check(rollout, asked, authority)
    if isinstance(verdict, Granted):
        return [fact_of(rollout.id, rollout.plan.release.bundle, verdict.event)]
    if isinstance(verdict, Already):
        return []
    raise CommandRefused(verdict.message)


def _waiting_gate(rollout: Rollout, request: CommandRequest) -> tuple[StageRun, GateRun]:
    """The gate that is meant: the one named, or the only one that waits for people."""
    wanted_stage, wanted_gate = request.arguments.get("stage"), request.arguments.get("gate")
    found = [
        (run, gate)
        for run, gate in _gates(rollout.stages)
        if (not wanted_stage or run.name == wanted_stage)
        and (not wanted_gate or gate.gate == wanted_gate)
    ]
    if not found:
        raise CommandRefused(f"no gate of rollout {rollout.id} waits for anybody now")
    if len(found) > 1 and not wanted_gate:
        names = ", ".join(f"{run.name}/{gate.gate}" for run, gate in found)
        raise CommandRefused(f"several gates wait: {names}; say which (--gate)")
    return found[0]


def _gates(stages: Iterable[StageRun]) -> Iterable[tuple[StageRun, GateRun]]:
    for run in stages:
        for gate in run.gates.values():
            if gate.verdict in (GateVerdict.WAITING, GateVerdict.NEEDS_PERSON):
                yield run, gate


def _approve(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    run, gate = _waiting_gate(rollout, request)
    seen = request.arguments.get("planHash")
    return requests.Approved(
        at=at,
        actor=actor,
        reason=request.reason,
        stage=run.name,
        gate=gate.gate,
        position=gate.position,
        roles=roles,
        plan_hash=Digest(str(seen)) if seen else rollout.plan.plan_hash,
    )


def _reject(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    run, gate = _waiting_gate(rollout, request)
    return requests.Rejected(
        at=at,
        actor=actor,
        reason=request.reason,
        stage=run.name,
        gate=gate.gate,
        position=gate.position,
        roles=roles,
    )


def _pass_gate(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del roles
    run, gate = _waiting_gate(rollout, request)
    return requests.GatePassed(
        at=at,
        actor=actor,
        reason=request.reason,
        stage=run.name,
        gate=GateName(gate.gate),
        position=gate.position,
        cluster=gate.cluster,
    )


def _clusters(request: CommandRequest) -> tuple[ClusterName, ...]:
    given = request.arguments.get("clusters") or ()
    return tuple(ClusterName(str(name)) for name in given)


def _retry(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del roles
    failed = tuple(name for name, entry in rollout.clusters.items() if entry.counted)
    return requests.Retried(
        at=at, actor=actor, reason=request.reason, clusters=_clusters(request) or failed
    )


def _skip(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del roles
    chosen = _clusters(request)
    if len(chosen) != 1:
        raise CommandRefused(f"name one cluster of rollout {rollout.id} to leave out (--cluster)")
    excuse = bool(request.arguments.get("excuse"))
    return requests.Skipped(
        at=at, actor=actor, reason=request.reason, cluster=chosen[0], excuse=excuse
    )


def _promote(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del roles
    current = rollout.stages[min(rollout.current, len(rollout.stages) - 1)].name
    stage = StageName(str(request.arguments.get("stage") or current))
    return requests.PromotedNow(at=at, actor=actor, reason=request.reason, stage=stage)


def _rollback(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del rollout, roles
    return requests.RollbackRequested(
        at=at, actor=actor, reason=request.reason, clusters=_clusters(request)
    )


def _plain(
    kind: type[requests.Paused | requests.Resumed | requests.Aborted | requests.HoldReleased],
) -> Build:
    def build(
        rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
    ) -> Request:
        del rollout, roles
        return kind(at=at, actor=actor, reason=request.reason)

    return build


COMMANDS: dict[str, Build] = {
    "approve": _approve,
    "reject": _reject,
    "passGate": _pass_gate,
    "pause": _plain(requests.Paused),
    "resumeRollout": _plain(requests.Resumed),
    "abort": _plain(requests.Aborted),
    "retry": _retry,
    "skip": _skip,
    "promote": _promote,
    "rollback": _rollback,
    "releaseHold": _plain(requests.HoldReleased),
}
