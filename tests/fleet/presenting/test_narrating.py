"""Every fact has a sentence."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.presenting.narrating import _SENTENCES, event_view, sentence_of
from fleet.state import facts
from fleet.state.facts import FleetFact
from tests.fleet.histories import AT, FACT_TYPES, any_fact


def test_no_fact_is_without_a_sentence() -> None:
    assert set(_SENTENCES) == set(FACT_TYPES)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(any_fact, st.integers(1))
def test_a_sentence_names_whom_it_is_about(fact: FleetFact, seq: int) -> None:
    view = event_view(seq, fact)
    assert view.sentence == sentence_of(fact)
    assert view.seq == seq
    assert view.kind == type(fact).__name__
    cluster = getattr(fact, "cluster", "")
    assert view.cluster == cluster
    assert cluster in view.sentence


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (
            facts.CommitAccepted(
                at=AT, repository="r", ref="main", revision="9f3c1ab0d2", subject="More",
                author="bob", committed_at=AT, forced=True,
            ),
            "commit 9f3c1ab0 «More» by bob is in force (force-pushed)",
        ),
        (
            facts.ClustersJoined(at=AT, clusters=[f"c{n}" for n in range(6)]),
            "in the inventory now: c0, c1, c2, c3 and 2 more",
        ),
        (
            facts.PruneWaits(
                at=AT, cluster="a", bundle="app", digest="d", objects=["ConfigMap x/y"],
                reason="nothing would be left",
            ),
            "1 object of app on a kept until somebody confirms: nothing would be left",
        ),
        (
            facts.DriftSeen(
                at=AT, cluster="a", bundle="app", group="apps", object_kind="Deployment",
                namespace="shop", name="web", paths=[], manager="",
            ),
            "Deployment shop/web on a: deleted changed by unknown",
        ),
        (facts.Resumed(at=AT, target="cluster/a", reason="done"), "cluster/a resumed: done"),
    ],
)  # fmt: skip
def test_sentences(fact: FleetFact, said: str) -> None:
    assert sentence_of(fact) == said
