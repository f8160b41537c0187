"""Health by a bundle's own rule: on paper, and on a live cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.health.rules import judge_by
from clusters.model import Health, HealthRule
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle

RULE = HealthRule(
    kind="Widget",
    failed="has(status.phase) && status.phase == 'Failed'",
    progressing="!has(status.phase)",
    healthy="status.phase == 'Ready'",
)


@pytest.mark.parametrize(
    ("status", "health", "message"),
    [
        ({"phase": "Ready"}, Health.HEALTHY, ""),
        ({"phase": "Failed"}, Health.DEGRADED, f"failed: {RULE.failed} holds"),
        ({}, Health.PROGRESSING, "progressing: !has(status.phase) holds"),
        ({"phase": "Other"}, Health.PROGRESSING, f"healthy: {RULE.healthy} does not hold yet"),
        ({"phase": 3}, Health.UNKNOWN, "says nothing: its types do not fit together"),
        (
            {"phase": "Ready", "observedGeneration": 1},
            Health.PROGRESSING,
            "has not seen the newest version",
        ),
    ],
)
def test_a_rule(status: dict[str, Any], health: Health, message: str) -> None:
    body = {"metadata": {"generation": 2}, "spec": {}, "status": status}
    result = judge_by(RULE, body)
    assert result.health is health
    assert message in result.message


def test_what_is_being_deleted_is_on_its_way_whatever_the_rule_says() -> None:
    body = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Ready"}}
    assert judge_by(RULE, body).health is Health.PROGRESSING


@pytest.mark.parametrize("status", ["words", ["x"], None, 3])
def test_a_status_of_another_shape_is_never_healthy(status: Any) -> None:
    assert judge_by(RULE, {"metadata": {}, "status": status}).health is not Health.HEALTHY


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters, Engine(clusters) as one:
        yield one


A = "/api/v1/namespaces/default/configmaps/a"
READY = HealthRule(kind="ConfigMap", group="", healthy="self.data.ready == 'yes'")


async def test_a_kind_without_body_is_watched_with_it(engine: Engine) -> None:
    """ConfigMaps are watched by metadata only, unless a rule reads what is in them."""
    contents = [config_map("a", ready="no")]
    await engine.converged(desired_bundle(contents))
    engine.assign(desired_bundle(contents, health=(READY,)))
    await engine.wait_for(
        lambda: (last := engine.last_observed()) and last.health is Health.PROGRESSING
    )
    last = engine.last_observed()
    assert last is not None
    assert "healthy: self.data.ready == 'yes' does not hold yet" in last.message
    await engine.converged(desired_bundle([config_map("a", ready="yes")], health=(READY,)))
    await engine.patch(A, {"data": {"ready": None}}, manager="other")
    await engine.converged(desired_bundle([config_map("a", ready="yes")], health=(READY,)))


async def test_a_rule_that_goes_takes_its_verdict_with_it(engine: Engine) -> None:
    contents = [config_map("a", ready="no")]
    engine.assign(desired_bundle(contents, health=(READY,)))
    await engine.wait_for(
        lambda: (last := engine.last_observed()) and last.health is Health.PROGRESSING
    )
    await engine.converged(desired_bundle(contents))


async def test_the_rule_of_one_bundle_is_not_that_of_another(engine: Engine) -> None:
    other = desired_bundle([config_map("b", ready="no")], name="other")
    await engine.converged(desired_bundle([config_map("a", ready="yes")], health=(READY,)), other)


async def test_a_rule_may_be_stricter_than_the_kinds_own(engine: Engine) -> None:
    rule = HealthRule(kind="Deployment", group="apps", healthy="status.readyReplicas >= 3")
    engine.assign(desired_bundle([deployment("web", replicas=2)], health=(rule,)))
    await engine.wait_for(
        lambda: (last := engine.last_observed()) and "does not hold yet" in last.message
    )
    await engine.converged(desired_bundle([deployment("web", replicas=3)], health=(rule,)))
