"""What a person asks of a rollout: checked by the rollout's own rules, with the person's roles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from clusters.model import ClusterName, Digest
from fleet.deciding.agreeing import is_meant
from fleet.deciding.refusal import CommandMoot, CommandRefused
from fleet.deciding.travelling import fact_of, queued
from fleet.model import GateName, Inventory, StageName, WindowName
from fleet.rollout import requests
from fleet.rollout.commands import BYPASS_MAX, Already, Authority, Refused, check
from fleet.rollout.requests import Request
from fleet.rollout.state import GateRun, GateVerdict, Phase, Rollout, StageRun
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState
from fleet.view import CommandRequest

Build = Callable[[Rollout, CommandRequest, str, tuple[str, ...], datetime], Request]


def facts_of(
    state: FleetState, inventory: Inventory, request: CommandRequest, *, actor: str, at: datetime
) -> list[FleetFact]:
    """The facts that a command to a rollout means.

    Raises:
        CommandRefused: why not.
        CommandMoot: it is so already.
    """
    rollout = _meant(state, request)
    bundle = rollout.plan.release.bundle
    roles = tuple(
        sorted(role for role, people in inventory.settings.roles.items() if actor in people)
    )
    if request.command == "rollback":
        request = _with_targets(state, rollout, request)
    asked = COMMANDS[request.command](rollout, request, actor, roles, at)
    authority = Authority(
        roles=frozenset(roles),
        windows=tuple(inventory.windows.values()),
        people=inventory.settings.people,
    )
    verdict = check(rollout, asked, authority)
    if isinstance(verdict, Refused):
        raise CommandRefused(verdict.message)
    if isinstance(verdict, Already):
        raise CommandMoot(verdict.message)
    found: list[FleetFact] = [fact_of(rollout.id, bundle, verdict.event)]
    if isinstance(verdict.event, requests.HoldReleased):
        found += _travels_again(state, rollout, at)
    return found


def _meant(state: FleetState, request: CommandRequest) -> Rollout:
    """The rollout that is named; for a bundle, the newest one that changed anything.

    To go to a certain commit, the newest whose release is still there: what went back is not.
    """
    kind, _, name = request.target.partition("/")
    if kind == "bundle" and request.command == "rollback":
        changed = [r for r in state.travel.of(name) if r.first_assigned_at is not None]
        if not changed:
            raise CommandRefused(f"no rollout of bundle {name!r} has changed anything yet")
        if str(request.arguments.get("to") or LAST_GOOD) == LAST_GOOD:
            return changed[-1]
        standing = [r for r in changed if r.phase is not Phase.ROLLED_BACK]
        if not standing:
            raise CommandRefused(
                f"every rollout of bundle {name!r} that is known went back already, and clusters "
                "hold what was there before; commit what they are to have"
            )
        return standing[-1]
    rollout = state.travel.rollouts.get(name) if kind == "rollout" else None
    if rollout is None:
        known = ", ".join(sorted(state.travel.rollouts)) or "none at all"
        raise CommandRefused(f"there is no rollout {request.target!r}; there is: {known}")
    return rollout


def _travels_again(state: FleetState, rollout: Rollout, at: datetime) -> list[FleetFact]:
    """A released hold lets the loop apply the content again, if Git still wants it."""
    release = rollout.plan.release
    newest = state.newest.get(release.bundle, {})
    wanted = any(newest.get(name) == digest for name, digest in release.digests.items())
    if not wanted or state.travel.waiting.get(release.bundle):
        return []
    if state.travel.of(release.bundle)[-1].id != rollout.id:
        return []
    return [queued(release, at)]


# --- the way back --------------------------------------------------------------------------------

LAST_GOOD = "last-good"


def _with_targets(state: FleetState, rollout: Rollout, request: CommandRequest) -> CommandRequest:
    """Find the content to go back to: by default, what was last good on each cluster."""
    release = rollout.plan.release
    for newer in _newer(state, rollout):
        if newer.first_assigned_at is not None and newer.phase is not Phase.ROLLED_BACK:
            raise CommandRefused(
                f"rollout {newer.id} came after {rollout.id} and has changed clusters; "
                f"roll that one back, or say --to {release.revision[:8]}"
            )
    wanted = str(request.arguments.get("to") or LAST_GOOD)
    if wanted == LAST_GOOD:
        return request
    if len(wanted) >= 4 and release.revision.startswith(wanted):
        raise CommandRefused(f"release {wanted} is what rollout {rollout.id} brought already")
    earlier = _release_at(state, rollout, wanted)
    held = state.travel.held.get(release.bundle, {})
    if bad := [digest for digest in earlier.values() if digest in held]:
        raise CommandRefused(f"release {wanted} is on hold itself: {held[Digest(bad[0])]}")
    return msgspec.structs.replace(request, arguments={**request.arguments, "targets": earlier})


def _newer(state: FleetState, rollout: Rollout) -> list[Rollout]:
    rollouts = state.travel.of(rollout.plan.release.bundle)
    return rollouts[[r.id for r in rollouts].index(rollout.id) + 1 :]


def _release_at(state: FleetState, rollout: Rollout, wanted: str) -> dict[str, str]:
    """The stored contents of an earlier release, by cluster."""
    release = rollout.plan.release
    others = [
        r.plan.release
        for r in reversed(state.travel.of(release.bundle))
        if r.plan.release.revision != release.revision
    ]
    for each in others:
        if len(wanted) >= 4 and each.revision.startswith(wanted):
            return {str(name): str(digest) for name, digest in each.digests.items()}
    good = {
        name: entry
        for name, entry in state.assignments.get(release.bundle, {}).items()
        if len(wanted) >= 4 and entry.good_revision.startswith(wanted) and entry.good_digest
    }
    if good:
        return {name: entry.good_digest for name, entry in good.items()}
    known = dict.fromkeys(each.revision[:8] for each in others)
    raise CommandRefused(
        f"the contents of release {wanted} of {release.bundle} are not kept; "
        f"there is: {', '.join([LAST_GOOD, *known])}"
    )


def _rollback(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del roles
    clusters = _clusters(request)
    stage = str(request.arguments.get("stage") or "")
    scope = requests.UndoScope.ROLLOUT
    if clusters:
        scope = requests.UndoScope.CLUSTER
        if unknown := [name for name in clusters if name not in rollout.clusters]:
            raise CommandRefused(f"rollout {rollout.id} has no cluster {unknown[0]}")
    elif stage:
        scope = requests.UndoScope.STAGE
        if stage not in [run.name for run in rollout.stages]:
            raise CommandRefused(f"rollout {rollout.id} has no stage {stage}")
    targets = request.arguments.get("targets") or {}
    return requests.RollbackRequested(
        at=at,
        actor=actor,
        reason=request.reason,
        scope=scope,
        stage=StageName(stage) if stage else None,
        clusters=clusters,
        targets={ClusterName(name): Digest(digest) for name, digest in targets.items()},
    )


# --- gates ---------------------------------------------------------------------------------------


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
    plan = rollout.plan.plan_hash
    read = str(request.arguments.get("planHash") or "")
    if not read:
        raise CommandRefused(
            "an approval is for the plan that was read: send its name as planHash "
            f"(`flotilla get rollouts -o json` has it), or use `flotilla approve {rollout.id}`, "
            "which shows the plan and asks"
        )
    return requests.Approved(
        at=at,
        actor=actor,
        reason=request.reason,
        stage=run.name,
        gate=gate.gate,
        position=gate.position,
        roles=roles,
        plan_hash=plan if is_meant(read, plan) else Digest(read),
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


def _bypass(
    rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
) -> Request:
    del rollout, roles
    window = str(request.arguments.get("window") or "")
    if not window:
        raise CommandRefused("name the window to bypass (--window)")
    length_s = float(request.arguments.get("forS") or 3600.0)
    # What is far too long stays too long, and is refused as that; a time has an end of its own.
    length_s = max(0.0, min(length_s, 2 * BYPASS_MAX.total_seconds()))
    return requests.WindowBypassed(
        at=at,
        actor=actor,
        reason=request.reason,
        window=WindowName(window),
        until=at + timedelta(seconds=length_s),
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


def _decide(*, take: bool) -> Build:
    def build(
        rollout: Rollout, request: CommandRequest, actor: str, roles: tuple[str, ...], at: datetime
    ) -> Request:
        del roles
        asked = [name for name, entry in rollout.clusters.items() if entry.contested]
        chosen = _clusters(request) or asked
        contests = {
            name: rollout.clusters[name].contested if name in rollout.clusters else ()
            for name in chosen
        }
        return requests.TakeoverDecided(
            at=at, actor=actor, reason=request.reason, take=take, contests=contests
        )

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
    "takeOver": _decide(take=True),
    "leaveField": _decide(take=False),
    "bypassWindow": _bypass,
    "releaseHold": _plain(requests.HoldReleased),
}
