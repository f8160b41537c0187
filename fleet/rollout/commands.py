"""Checks what a person asks of a rollout: the event that does it, or why it is refused.

Asking for what is already so is no error: it is answered without an event (`Already`).  Roles come
with the actor; who holds which is the fleet document's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from clusters.model import ClusterName
from fleet.model import ApprovalCheck, Identities, Window
from fleet.rollout.evolve_commands import RETRYABLE, SKIPPABLE
from fleet.rollout.folding import stage_of
from fleet.rollout.gates import lapse
from fleet.rollout.progress import ClusterState
from fleet.rollout.requests import (
    Aborted,
    Approved,
    GatePassed,
    GateRequest,
    HoldReleased,
    Paused,
    PromotedNow,
    Rejected,
    Request,
    Resumed,
    Retried,
    RollbackRequested,
    Skipped,
    TakeoverDecided,
    WindowBypassed,
)
from fleet.rollout.state import (
    Approval,
    GateRun,
    GateVerdict,
    HoldState,
    Phase,
    Rollout,
    StagePhase,
    StopCause,
    gate_key,
)

BYPASS_MAX = timedelta(days=7)
"""Longest time for which a window may be bypassed: an exception must not become the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Store and fold `event`."""

    event: Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Already:
    """Nothing to do: it is so already."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It may not be, and why; the message says what to do instead."""

    message: str


Verdict = Granted | Already | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What the asking person may do, beside what everybody may."""

    roles: frozenset[str] = frozenset()
    windows: Sequence[Window] = ()
    """The fleet's windows, for the roles that may bypass them."""
    people: Identities = Identities()
    """Whom the fleet knows, to tell the asking person from the authors."""


def check(  # noqa: PLR0911 - one return for each kind of request
    rollout: Rollout, request: Request, authority: Authority = Authority()
) -> Verdict:
    """Say whether `request` may be done now."""
    name = f"rollout {rollout.id}"
    match request:
        case Approved() | Rejected() | GatePassed():
            return _gate(rollout, request, authority)
        case Aborted():
            return _abort(rollout, request)
        case Paused() | Resumed():
            return _pause(rollout, request)
        case Retried():
            return _retry(rollout, request)
        case Skipped():
            return _skip(rollout, request)
        case PromotedNow():
            return _promote(rollout, request)
        case TakeoverDecided():
            return _takeover(rollout, request)
        case WindowBypassed():
            return _bypass(request, authority)
        case RollbackRequested():
            return _rollback(rollout, request)
        case HoldReleased():
            if rollout.hold is not HoldState.PLACED:
                return Already(message=f"{name} has no hold")
            return _with_reason(request, "releasing a hold")
        case _:
            assert_never(request)


def _with_reason(request: Request, what: str) -> Verdict:
    if not request.reason.strip():
        return Refused(message=f"{what} needs a reason: say why, for the audit log")
    return Granted(event=request)


def _over(rollout: Rollout) -> Refused:
    return Refused(
        message=f"rollout {rollout.id} is over ({rollout.phase}); nothing can be changed"
    )


# --- gates --------------------------------------------------------------------------------------


def _gate(rollout: Rollout, request: GateRequest, authority: Authority) -> Verdict:
    if rollout.ended:
        return _over(rollout)
    try:
        run = stage_of(rollout, request.stage)
    except KeyError:
        return Refused(message=f"rollout {rollout.id} has no stage {request.stage}")
    if request.gate not in getattr(run.plan.stage.gates, request.position.value):
        return Refused(
            message=f"stage {run.name} has no gate {request.gate} {request.position.value} it"
        )
    if run.phase is StagePhase.COMPLETED:
        return Already(message=f"stage {run.name} is completed")
    cluster = request.cluster if isinstance(request, GatePassed) else None
    key = gate_key(request.position, request.gate, cluster)
    held = run.gates.get(key) or GateRun(gate=request.gate, position=request.position)
    gate = rollout.plan.gates[request.gate]
    if isinstance(request, GatePassed):
        return _pass(request, held, asked=isinstance(gate.check, ApprovalCheck))
    if not isinstance(gate.check, ApprovalCheck):
        return Refused(
            message=f"gate {gate.name} does not ask people; it opens by itself, or `pass` it"
        )
    if isinstance(request, Approved):
        return _approve(rollout, request, gate.check, held, authority)
    return _reject(request, gate.check, held, authority)


def _approve(
    rollout: Rollout,
    request: Approved,
    check_: ApprovalCheck,
    held: GateRun,
    authority: Authority,
) -> Verdict:
    if set(request.roles) - authority.roles:
        return Refused(message=f"{request.actor} does not hold all roles that the approval names")
    given = Approval(
        actor=request.actor, roles=request.roles, plan_hash=request.plan_hash, at=request.at
    )
    people = authority.people
    if why := lapse(rollout, check_, given, request.at, people):
        return Refused(message=_refusal(rollout, why, check_, request, people))
    for each in held.approvals:
        if each.actor == request.actor and not lapse(rollout, check_, each, request.at, people):
            return Already(message=f"{request.actor} has approved {request.gate} already")
    return Granted(event=request)


def _refusal(
    rollout: Rollout, why: str, check_: ApprovalCheck, request: Approved, people: Identities
) -> str:
    authors = rollout.plan.release.people
    if check_.not_author and any(people.is_same(request.actor, each) for each in authors):
        return f"{why}, and gate {request.gate} wants somebody else; ask a colleague"
    if check_.not_author and people.why_not_apart(request.actor, authors):
        return f"gate {request.gate} wants somebody who is no author of the release: {why}"
    if check_.roles and not set(check_.roles) & set(request.roles):
        return f"{why}, which gate {request.gate} asks for; ask somebody who has one"
    if request.plan_hash != rollout.plan.plan_hash:
        return (
            f"this approval is for plan {request.plan_hash[:8]}, and rollout {rollout.id} now has "
            f"plan {rollout.plan.plan_hash[:8]}; read the new plan and approve that"
        )
    return why


def _reject(
    request: Rejected, check_: ApprovalCheck, held: GateRun, authority: Authority
) -> Verdict:
    if check_.roles and not set(check_.roles) & authority.roles:
        return Refused(
            message=f"{request.actor} has none of the roles {', '.join(check_.roles)}, "
            f"which gate {request.gate} asks for; pause the rollout instead"
        )
    if held.rejected_by:
        return Already(message=f"{held.rejected_by} has rejected {request.gate} already")
    return _with_reason(request, "rejecting")


def _pass(request: GatePassed, held: GateRun, *, asked: bool) -> Verdict:
    if asked:
        return Refused(message=f"gate {request.gate} asks for approvals: approve it instead")
    if held.verdict is GateVerdict.OPEN:
        return Already(message=f"gate {request.gate} is open")
    return _with_reason(request, "passing a gate")


# --- the run ------------------------------------------------------------------------------------


def _abort(rollout: Rollout, request: Aborted) -> Verdict:
    if rollout.phase is Phase.ABORTED:
        return Already(message=f"rollout {rollout.id} is aborted")
    if rollout.ended or rollout.phase is Phase.ROLLING_BACK:
        return _over(rollout)
    if rollout.stop is not None and rollout.stop.cause is StopCause.ABORT:
        return Already(message=f"rollout {rollout.id} ends as soon as nothing is in flight")
    return _with_reason(request, "aborting")


def _pause(rollout: Rollout, request: Paused | Resumed) -> Verdict:
    if rollout.ended:
        return _over(rollout)
    if isinstance(request, Paused):
        if rollout.pause is not None:
            return Already(message=f"{rollout.pause.actor} has paused rollout {rollout.id} already")
        return Granted(event=request)
    if rollout.pause is None and rollout.phase is not Phase.HALTED:
        return Already(message=f"rollout {rollout.id} is not paused")
    return Granted(event=request)


def _retry(rollout: Rollout, request: Retried) -> Verdict:
    # A completed rollout still brings its release to those that join or come back.
    over = rollout.ended and rollout.phase is not Phase.COMPLETED
    if over or rollout.phase is Phase.ROLLING_BACK:
        return _over(rollout)
    if not request.clusters:
        return Refused(message="name the clusters to retry")
    for name in request.clusters:
        entry = rollout.clusters.get(name)
        if entry is None:
            return _unknown(rollout, name)
        if entry.state not in RETRYABLE and not entry.broken:
            return Refused(message=f"{name} is {entry.state}; only what failed can be retried")
    if all(rollout.clusters[name].broken for name in request.clusters):
        return Already(message="they are being retried")
    return Granted(event=request)


def _skip(rollout: Rollout, request: Skipped) -> Verdict:
    if rollout.ended or rollout.phase is Phase.ROLLING_BACK:
        return _over(rollout)
    entry = rollout.clusters.get(request.cluster)
    if entry is None:
        return _unknown(rollout, request.cluster)
    if entry.state is ClusterState.SKIPPED:
        return Already(message=f"{request.cluster} is skipped")
    if entry.state not in SKIPPABLE:
        return Refused(message=f"{request.cluster} is {entry.state}; there is nothing to skip")
    return _with_reason(request, "skipping a cluster")


def _unknown(rollout: Rollout, name: ClusterName) -> Refused:
    return Refused(message=f"rollout {rollout.id} has no cluster {name}")


def _promote(rollout: Rollout, request: PromotedNow) -> Verdict:
    if rollout.ended:
        return _over(rollout)
    try:
        run = stage_of(rollout, request.stage)
    except KeyError:
        return Refused(message=f"rollout {rollout.id} has no stage {request.stage}")
    if run.promoted_by or run.phase is StagePhase.COMPLETED:
        return Already(message=f"stage {run.name} does not wait for soaks or measurements")
    return _with_reason(request, "promoting at once")


def _takeover(rollout: Rollout, request: TakeoverDecided) -> Verdict:
    if rollout.ended:
        return _over(rollout)
    for name, contests in request.contests.items():
        entry = rollout.clusters.get(name)
        if entry is None:
            return _unknown(rollout, name)
        if set(contests) - set(entry.contested) or not contests:
            return Refused(message=f"no field on {name} is contested; there is nothing to decide")
    if not request.contests:
        return Refused(message=f"rollout {rollout.id} waits for no takeover on any cluster")
    return _with_reason(request, "taking a field" if request.take else "leaving a field to others")


def _bypass(request: WindowBypassed, authority: Authority) -> Verdict:
    window = next((each for each in authority.windows if each.name == request.window), None)
    if window is None:
        return Refused(message=f"there is no window {request.window}")
    role = window.bypass_role
    if role is None:
        return Refused(
            message=f"window {window.name} names no bypassRole, so it cannot be bypassed"
        )
    if role not in authority.roles:
        return Refused(
            message=f"{request.actor} lacks the role {role} that may bypass window {window.name}"
        )
    if not request.at < request.until <= request.at + BYPASS_MAX:
        return Refused(message="a bypass needs an end, later than now and within 7 days")
    return _with_reason(request, "bypassing a window")


def _rollback(rollout: Rollout, request: RollbackRequested) -> Verdict:
    if rollout.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        bundle = rollout.plan.release.bundle
        return Already(
            message=f"rollout {rollout.id} is {rollout.phase}; to go to another release, "
            f"`flotilla rollback {bundle} --to COMMIT`"
        )
    if rollout.first_assigned_at is None:
        return Refused(message=f"rollout {rollout.id} has changed nothing yet; abort it instead")
    return _with_reason(request, "rolling back")
