"""Commands of people: granted, already so, or refused with a reason and a way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from clusters.model import ClusterName, Digest
from fleet.model import (
    ApprovalBinding,
    ApprovalCheck,
    Gate,
    GateName,
    HttpCheck,
    Identities,
    OnBreach,
    StageGates,
    StageName,
    Window,
    WindowKind,
    WindowName,
)
from fleet.rollout.commands import Already, Authority, Granted, Refused, Verdict, check
from fleet.rollout.requests import (
    Aborted,
    Approved,
    GatePassed,
    HoldReleased,
    Paused,
    PromotedNow,
    Rejected,
    Request,
    Resumed,
    Retried,
    RollbackRequested,
    Skipped,
    WindowBypassed,
)
from fleet.rollout.state import Position
from tests.fleet.rollout.fleetlet import PLACE, START, Run, clusters, plan_of, stage, strategy

SRE = GateName("sre")
PROD = StageName("prod")
WEB = GateName("web")
PEOPLE = Identities.of({"sre": ["ben", "cleo"]}, {"ada": ["ada@example.com"]})


def gated(**approval: Any) -> Run:
    """A rollout that waits for an approval and a web gate before its stage."""
    gates = [
        Gate(name=SRE, place=PLACE, check=ApprovalCheck(roles=("sre",), **approval)),
        Gate(name=WEB, place=PLACE, check=HttpCheck(url="http://x")),
    ]
    declared = replace(stage(), gates=StageGates(before=(SRE, WEB)))
    return Run.of(plan_of(strategy(declared), clusters("prod", 2), gates=gates))


def running(**fields: Any) -> Run:
    return Run.of(plan_of(strategy(stage(**fields)), clusters("prod", 3)))


def approved(run: Run, **fields: Any) -> Approved:
    known = {
        "at": run.now,
        "actor": "ben",
        "stage": PROD,
        "gate": SRE,
        "position": Position.BEFORE,
        "roles": ("sre",),
        "plan_hash": run.rollout.plan.plan_hash,
    }
    return Approved(**{**known, **fields})


def asked(run: Run, request: Request, *roles: str, windows: tuple[Window, ...] = ()) -> Verdict:
    return check(
        run.rollout, request, Authority(roles=frozenset(roles), windows=windows, people=PEOPLE)
    )


def message(verdict: Verdict) -> str:
    assert isinstance(verdict, Already | Refused)
    return verdict.message


def test_a_good_approval_is_granted_and_opens_the_gate() -> None:
    run = gated()
    verdict = asked(run, approved(run), "sre")
    assert isinstance(verdict, Granted)
    run.tell(verdict.event)
    assert run.rollout.stages[0].gates["before/sre"].approvals[0].actor == "ben"


@pytest.mark.parametrize(
    ("fields", "roles", "part"),
    [
        (
            {"actor": "ada"},
            ("sre",),
            "ada is an author of the release, and gate sre wants somebody else",
        ),
        ({"roles": ("dev",)}, ("dev",), "ben has none of the roles sre, which gate sre asks for"),
        ({}, ("dev",), "ben does not hold all roles that the approval names"),
        ({"plan_hash": Digest("f" * 32)}, ("sre",), "this approval is for plan ffffffff, and"),
        ({"stage": StageName("dev")}, ("sre",), "has no stage dev"),
        ({"gate": GateName("boss")}, ("sre",), "stage prod has no gate boss before it"),
        ({"position": Position.AFTER}, ("sre",), "stage prod has no gate sre after it"),
        ({"gate": WEB}, ("sre",), "gate web does not ask people"),
    ],
)
def test_refused_approvals(fields: dict[str, Any], roles: tuple[str, ...], part: str) -> None:
    run = gated()
    verdict = asked(run, approved(run, **fields), *roles)
    assert isinstance(verdict, Refused)
    assert part in verdict.message


def test_the_author_may_where_the_gate_allows_it() -> None:
    run = gated(not_author=False)
    assert isinstance(asked(run, approved(run, actor="ada"), "sre"), Granted)


def test_an_approval_of_the_release_outlives_a_new_plan() -> None:
    run = gated(bind=ApprovalBinding.RELEASE)
    old = approved(run, plan_hash=Digest("0" * 32))
    assert isinstance(asked(run, old, "sre"), Granted)


def test_approving_twice_is_answered_and_after_expiry_granted_again() -> None:
    run = gated(count=2, expires_s=60.0)
    run.tell(approved(run))
    assert "ben has approved sre already" in message(asked(run, approved(run), "sre"))
    run.later(seconds=61)
    assert isinstance(asked(run, approved(run), "sre"), Granted)


def test_rejecting_needs_the_role_and_a_reason() -> None:
    run = gated()
    no = Rejected(at=START, actor="dan", stage=PROD, gate=SRE, position=Position.BEFORE)
    assert "pause the rollout instead" in message(asked(run, no))
    assert "rejecting needs a reason" in message(asked(run, no, "sre"))
    reasoned = replace(no, reason="no release notes")
    assert isinstance(asked(run, reasoned, "sre"), Granted)
    run.tell(reasoned)
    assert "dan has rejected sre already" in message(asked(run, reasoned, "sre"))


def test_passing_is_for_gates_that_measure() -> None:
    run = gated()
    base = GatePassed(at=START, actor="ben", stage=PROD, gate=WEB, position=Position.BEFORE)
    assert "approve it instead" in message(asked(run, replace(base, gate=SRE)))
    assert "needs a reason" in message(asked(run, base))
    run.tell(replace(base, reason="it is up"))
    assert "gate web is open" in message(asked(run, replace(base, reason="again")))


REASONED: list[tuple[str, Callable[[str], Request]]] = [
    ("aborting", lambda why: Aborted(at=START, actor="ben", reason=why)),
    (
        "skipping a cluster",
        lambda why: Skipped(at=START, actor="ben", reason=why, cluster=ClusterName("prod-3")),
    ),
    ("promoting", lambda why: PromotedNow(at=START, actor="ben", reason=why, stage=PROD)),
    ("rolling back", lambda why: RollbackRequested(at=START, actor="ben", reason=why)),
]


@pytest.mark.parametrize(("what", "make"), REASONED, ids=[what for what, _ in REASONED])
def test_a_reason_is_needed(what: str, make: Callable[[str], Request]) -> None:
    run = running()
    assert f"{what}" in message(asked(run, make("  ")))
    verdict = asked(run, make("incident 7"))
    assert isinstance(verdict, Granted)
    run.tell(verdict.event)
    assert isinstance(asked(run, make("incident 7")), Already | Refused)


def test_pause_and_resume_are_idempotent() -> None:
    run = running()
    pause = Paused(at=START, actor="ben")
    resume = Resumed(at=START, actor="ben")
    assert "is not paused" in message(asked(run, resume))
    run.tell(pause)
    assert "ben has paused rollout r1 already" in message(asked(run, pause))
    assert isinstance(asked(run, resume), Granted)


def test_only_what_failed_is_retried() -> None:
    run = running(max_failures=1)
    retry = Retried(at=START, actor="ben", clusters=(ClusterName("prod-1"),))
    assert "only what failed can be retried" in message(asked(run, retry))
    unknown = replace(retry, clusters=(ClusterName("nowhere"),))
    assert "has no cluster nowhere" in message(asked(run, unknown))
    assert "name the clusters" in message(asked(run, replace(retry, clusters=())))
    run.fail("prod-1")
    assert isinstance(asked(run, retry), Granted)


def test_nothing_is_possible_after_the_end() -> None:
    run = running()
    run.tell(Aborted(at=START, actor="ben", reason="x"))
    run.healthy("prod-1")
    for request in (
        Paused(at=START, actor="ben"),
        Retried(at=START, actor="ben", clusters=(ClusterName("prod-1"),)),
        Skipped(at=START, actor="ben", cluster=ClusterName("prod-2"), reason="x"),
        PromotedNow(at=START, actor="ben", stage=PROD, reason="x"),
        approved(run),
    ):
        assert "r1 is over (Aborted); nothing can be changed" in message(asked(run, request))


def test_a_hold_is_released_once_with_a_reason() -> None:
    run = running(on_breach=OnBreach.ROLLBACK_STAGE)
    free = HoldReleased(at=START, actor="ben")
    assert "has no hold" in message(asked(run, free))
    run.fail("prod-1")
    assert "releasing a hold needs a reason" in message(asked(run, free))
    run.tell(replace(free, reason="the registry was down"))
    assert "has no hold" in message(asked(run, free))


FREEZE = Window(
    name=WindowName("freeze"),
    place=PLACE,
    kind=WindowKind.DENY,
    start=datetime(2026, 1, 1),
    bypass_role="incident-commander",
)


@pytest.mark.parametrize(
    ("window", "hours", "reason", "roles", "part"),
    [
        ("thaw", 1, "x", ("incident-commander",), "there is no window thaw"),
        ("freeze", 1, "x", ("sre",), "ben lacks the role incident-commander"),
        ("freeze", 0, "x", ("incident-commander",), "a bypass needs an end, later than now"),
        ("freeze", 169, "x", ("incident-commander",), "within 7 days"),
        ("freeze", 1, "", ("incident-commander",), "bypassing a window needs a reason"),
        ("freeze", 1, "x", ("incident-commander",), ""),
    ],
)
def test_bypass(window: str, hours: int, reason: str, roles: tuple[str, ...], part: str) -> None:
    request = WindowBypassed(
        at=START,
        actor="ben",
        reason=reason,
        window=WindowName(window),
        until=START + timedelta(hours=hours),
    )
    verdict = asked(running(), request, *roles, windows=(FREEZE,))
    if part:
        assert part in message(verdict)
    else:
        assert isinstance(verdict, Granted)


def test_a_window_without_a_role_is_never_bypassed() -> None:
    request = WindowBypassed(
        at=START, actor="ben", reason="x", window=FREEZE.name, until=START + timedelta(hours=1)
    )
    closed = replace(FREEZE, bypass_role=None)
    assert "so it cannot be bypassed" in message(asked(running(), request, windows=(closed,)))
