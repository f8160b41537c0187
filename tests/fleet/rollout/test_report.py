"""Sentences: every reason and every event has one, fit for a person."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from clusters.model import ClusterName, Contest, ObjectRef
from fleet.model import Admission, Spread
from fleet.rollout import events, requests
from fleet.rollout.events import Event
from fleet.rollout.narrative import narrate
from fleet.rollout.report import at_once_sentence, names, sentence, span
from fleet.rollout.state import GateVerdict, Phase, Position, StopCause
from fleet.rollout.waiting import Reason
from tests.fleet.rollout.fleetlet import START, clusters, plan_of, stage, strategy

PLAN = plan_of(strategy(stage()), clusters("prod", 2))
CONTEST = Contest(
    ref=ObjectRef("", "ConfigMap", "default", "web"), field="data.color", manager="kubectl-edit"
)
VALUES: dict[str, Any] = {
    "stage": "prod",
    "clusters": (ClusterName("prod-1"), ClusterName("prod-2")),
    "cluster": ClusterName("prod-1"),
    "window": "freeze",
    "gate": "sre",
    "position": Position.BEFORE,
    "verdict": GateVerdict.WAITING,
    "roles": ("sre",),
    "domains": ("eu",),
    "reason": "a reason",
    "rule": "a rule",
    "label": "region",
    "ahead": "r0",
    "bundle": "payments",
    "at": START + timedelta(minutes=5),
    "until": START + timedelta(minutes=5),
    "actor": "ben",
    "plan": PLAN,
    "id": "r1",
    "seat": PLAN.stages[0].seats[0],
    "digest": "0123456789abcdef",
    "plan_hash": "ff",
    "phase": Phase.COMPLETED,
    "cause": StopCause.BREACH,
    "outcome": events.Measurement.SUCCESS,
    "alive_until": None,
    "by": "v2",
    "take": True,
    "contests": (CONTEST,),
}


def sample(kind: Any) -> Any:
    """Make one value of `kind`, with numbers where nothing else is known."""
    given = (
        {**VALUES, "contests": {"c1": (CONTEST,)}} if kind is requests.TakeoverDecided else VALUES
    )
    required = [field for field in kind.__dataclass_fields__.values() if field.name in VALUES] + [
        f for f in kind.__dataclass_fields__.values() if f.type == "int"
    ]
    return kind(**{field.name: given.get(field.name, 2) for field in required})


@pytest.mark.parametrize("kind", get_args(Reason), ids=lambda kind: kind.__name__)
def test_every_reason_has_a_sentence(kind: Any) -> None:
    text = sentence(sample(kind), START)
    assert re.fullmatch(r"[A-Z].*[^.]\.", text)
    assert "None" not in text
    assert "Position" not in text


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_every_event_has_a_sentence(kind: Any) -> None:
    text = narrate(sample(kind))
    assert text
    assert "None" not in text
    assert not text.endswith(".")
    if issubclass(kind, requests.Command):
        assert text.startswith("ben ")
        assert "a reason" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.6, "1m"), (90, "1m 30s"), (3600, "1h"), (90_061, "1d 1h"), (-0.0, "0s")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "c1"), (2, "c1 and c2"), (3, "c1, c2 and c3"), (4, "4 clusters (c1, c2, …)")],
)
def test_names(count: int, text: str) -> None:
    assert names([ClusterName(f"c{n}") for n in range(1, count + 1)]) == text


RESERVED = "(`admission: reserve` risks no more than the budget of {} and one)"
REGION = Spread(by="region", max_per_domain=1)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_concurrency": 1}, "1 at once"),
        ({"max_concurrency": "100%"}, f"1 at once of 10 slots {RESERVED.format(0)}"),
        ({"max_concurrency": 4, "max_failures": 1}, f"2 at once of 4 slots {RESERVED.format(1)}"),
        ({"max_concurrency": 4, "max_failures": 3}, "4 at once"),
        ({"max_concurrency": "100%", "admission": Admission.OPTIMISTIC}, "10 at once"),
        ({"max_concurrency": 50, "admission": Admission.OPTIMISTIC}, "10 at once"),
        (
            {"max_concurrency": 5, "max_failures": 9, "spread": REGION},
            "2 at once of 5 slots (no more than 1 of the same region)",
        ),
    ],
)
def test_how_many_are_really_at_once(fields: dict[str, Any], expected: str) -> None:
    members = [*clusters("prod", 9, region="eu"), *clusters("prod-x", 1, region="us")]
    members = [replace(each, labels={**each.labels, "env": "prod"}) for each in members]
    plan = plan_of(strategy(stage(**fields)), members)
    assert at_once_sentence(plan.stages[0]) == expected
