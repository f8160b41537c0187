"""What waits for somebody, and the command that answers it."""

from __future__ import annotations

import pytest
from hypothesis import given

from clusters.events import Disconnected, Silence
from clusters.model import ClusterName
from fleet.presenting.needs import needs
from fleet.presenting.views import cluster_view
from fleet.state import facts
from fleet.state.observed import Observed
from fleet.view import ProblemView
from tests.fleet.histories import AT, any_history
from tests.fleet.presenting.test_views import QUARANTINED, SUSPENDED, picture

DRIFT = facts.DriftSeen(
    at=AT, cluster="a", bundle="app", group="apps", object_kind="Deployment", namespace="x",
    name="web", paths=["spec.replicas"], manager="kubectl-edit/Update", policy="report",
)  # fmt: skip
WAITS = facts.PruneWaits(
    at=AT, cluster="a", bundle="app", digest="d1", objects=["ConfigMap x/y"], reason="much"
)
AUDIT = facts.AuditDisagreed(
    at=AT, cluster="a", bundle="app", object="ConfigMap x/y", paths=["data.x"], manager=""
)
REFUSED = facts.CommitRefused(
    at=AT, repository="r", revision="9f3c1ab0d2", subject="s", author="bob",
    problems=[ProblemView(file="f.yaml", line=3, field="spec", message="is wrong")],
)  # fmt: skip


@pytest.mark.parametrize(
    ("fact", "kind", "sentence", "command"),
    [
        (
            REFUSED,
            "refused",
            "commit by bob has 1 problem",
            "flotilla why fleet",
        ),
        (facts.SourceFailed(at=AT, repository="r", error="no route"), "failure", "no route", ""),
        (QUARANTINED, "quarantine", "KeyError in plan", "flotilla resume cluster a"),
        (SUSPENDED, "suspended", "suspended by alice: kernel", "flotilla resume cluster a"),
        (DRIFT, "drift", "spec.replicas by kubectl-edit/Update", "flotilla diff a"),
        (
            AUDIT,
            "failure",
            "ConfigMap x/y differs at data.x and no watch had told",
            "flotilla diff a",
        ),
        (WAITS, "confirm", "1 object", "flotilla confirm-prune app"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, facts.Fact) else "",
)
def test_a_need_says_what_to_do(
    fact: facts.FleetFact, kind: str, sentence: str, command: str
) -> None:
    (need,) = needs(picture(fact), [])
    assert need.kind == kind
    assert sentence in need.sentence
    assert need.command == command


def test_a_silent_cluster_needs_somebody_and_a_quarantined_one_is_named_once() -> None:
    observed = Observed()
    observed.take(Disconnected(cluster=ClusterName("a"), at=AT, reason="refused", retry_in_s=1.0))
    assert [n.kind for n in needs(picture(observed=observed), [])] == ["offline"]
    with_breaker = Disconnected(
        cluster=ClusterName("a"), at=AT, reason="no", retry_in_s=9.0, silence=Silence.ASKED_RARELY
    )
    observed.take(with_breaker)
    seen = picture(observed=observed)
    assert [n.sentence for n in needs(seen, [])] == [cluster_view(seen, "a").why]
    assert [n.kind for n in needs(picture(QUARANTINED, observed=observed), [])] == ["quarantine"]


@pytest.mark.parametrize(
    "after",
    [
        facts.DriftAcknowledged(
            at=AT, actor="bob", drift="a/app/Deployment.apps/x/web", note="known"
        ),
        facts.DriftEnded(
            at=AT, cluster="a", bundle="app", group="apps", object_kind="Deployment",
            namespace="x", name="web", corrected=False,
        ),
        facts.ClustersLeft(at=AT, clusters=["a"]),
    ],
    ids=["acknowledged", "ended", "left"],
)  # fmt: skip
def test_drift_needs_nobody_after(after: facts.FleetFact) -> None:
    assert [n.kind for n in needs(picture(DRIFT), [])] == ["drift"]
    assert needs(picture(DRIFT, after), []) == []


@given(any_history)
def test_needs_have_ids_of_their_own(history: list[facts.FleetFact]) -> None:
    ids = [need.id for need in needs(picture(*history), [])]
    assert len(ids) == len(set(ids))


def test_an_audit_that_agrees_again_needs_nobody() -> None:
    assert needs(picture(AUDIT, facts.AuditPassed(at=AT, cluster="a", objects=3)), []) == []
