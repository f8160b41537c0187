"""Drift rules on a live cluster: fields that are corrected, only reported, or left to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.events import ApplyFailed, DriftCorrected, DriftFound
from clusters.model import BundlePolicy, DriftPolicy, DriftRule, Target
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle

A = "/api/v1/namespaces/default/configmaps/a"
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
SCALE = f"{WEB}/scale"
Body = dict[str, Any]


def policy(*rules: DriftRule, drift: DriftPolicy = DriftPolicy.CORRECT) -> BundlePolicy:
    return BundlePolicy(drift=drift, rules=rules)


def rule(drift: DriftPolicy, *fields: str, **target: str) -> DriftRule:
    return DriftRule(target=Target(**target), drift=drift, fields=fields)


REPLICAS = policy(rule(DriftPolicy.IGNORE, "spec.replicas", kind="Deployment"))
X_REPORTED = policy(rule(DriftPolicy.REPORT, "data.x"))
X_FREE = policy(rule(DriftPolicy.IGNORE, "data.x"))


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters, Engine(clusters) as one:
        yield one


async def values(engine: Engine) -> Any:
    return (await engine.request("GET", A)).get("data")


async def replicas(engine: Engine) -> Any:
    return (await engine.request("GET", WEB))["spec"]["replicas"]


async def scale(engine: Engine, count: int) -> None:
    await engine.patch(SCALE, {"spec": {"replicas": count}}, manager="horizontal-pod-autoscaler")


def drifted(engine: Engine) -> int:
    last = engine.last_observed()
    return last.drifted if last else 0


async def quiet(engine: Engine) -> None:
    """Let whatever would still happen, happen."""
    for _ in range(50):
        before = engine.clusters.request_counts("one")
        await asyncio.sleep(0.1)
        if engine.clusters.request_counts("one") == before:
            return


class TestIgnored:
    async def test_flux_kc1627_an_autoscalers_replicas_survive_correction_and_release(
        self, engine: Engine
    ) -> None:
        await engine.converged(desired_bundle([deployment("web", replicas=2)], policy=REPLICAS))
        assert await replicas(engine) == 2, "sent when the object is created"
        await scale(engine, 5)
        await quiet(engine)
        assert engine.of(DriftFound) == []
        await engine.patch(WEB, {"spec": {"paused": True}})
        await engine.patch(
            WEB,
            {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "bad:1"}]}}}},
        )
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await replicas(engine) == 5, "correcting the image left them alone"
        release = desired_bundle([deployment("web", image="web:2", replicas=3)], policy=REPLICAS)
        await engine.patch(WEB, {"spec": {"paused": None}})
        await engine.converged(release)
        live = await engine.request("GET", WEB)
        assert live["spec"]["replicas"] == 5
        assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
        assert engine.of(ApplyFailed) == []

    async def test_what_only_we_own_is_adopted_as_it_is(self, engine: Engine) -> None:
        """Left out, the server would take it for removed and set it to 1."""
        await engine.converged(desired_bundle([deployment("web", replicas=2)], policy=REPLICAS))
        await engine.converged(
            desired_bundle([deployment("web", image="web:2", replicas=9)], policy=REPLICAS)
        )
        assert await replicas(engine) == 2

    async def test_a_change_of_it_costs_one_look_and_no_write(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=X_FREE))
        await engine.patch(A, {"data": {"x": "2"}})
        await quiet(engine)
        before = engine.clusters.request_counts("one")
        for value in "345":
            await engine.patch(A, {"data": {"x": value}})
        await quiet(engine)
        after = engine.clusters.request_counts("one")
        assert after["patch"] - before["patch"] == 3, "those of the hand alone"
        assert after.get("get", 0) == before.get("get", 0)
        assert drifted(engine) == 0

    async def test_even_its_removal(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=X_FREE))
        await engine.patch(A, {"data": {"x": None}})
        await engine.converged(desired_bundle([config_map("a", x="1", y="2")], policy=X_FREE))
        assert await values(engine) == {"y": "2"}
        assert engine.of(DriftFound) == []

    async def test_it_outlives_a_restart(self, engine: Engine) -> None:
        bundle = desired_bundle([config_map("a", x="1", y="1")], policy=X_FREE)
        await engine.converged(bundle)
        await engine.patch(A, {"data": {"x": "2"}})
        await quiet(engine)
        await engine.restart()
        engine.events.clear()
        await engine.converged(bundle)
        await engine.patch(A, {"data": {"x": "3"}})
        await quiet(engine)
        assert engine.of(DriftFound) == []
        assert await values(engine) == {"x": "3", "y": "1"}

    async def test_a_deleted_object_is_made_again_whole(self, engine: Engine) -> None:
        whole = policy(rule(DriftPolicy.IGNORE, kind="ConfigMap"))
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=whole))
        await engine.patch(A, {"data": {"x": "2", "z": "3"}})
        await engine.converged(desired_bundle([config_map("a", x="5")], policy=whole))
        assert await values(engine) == {"x": "2", "z": "3"}
        await engine.request("DELETE", A)
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await values(engine) == {"x": "5"}

    async def test_our_marks_are_never_left_to_others(self, engine: Engine) -> None:
        whole = policy(rule(DriftPolicy.IGNORE))
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=whole))
        await engine.converged(desired_bundle([config_map("a", x="2")], policy=whole))
        labels = (await engine.request("GET", A))["metadata"]["labels"]
        assert labels == {"flotilla.dev/fleet": "test", "flotilla.dev/bundle": "app"}

    async def test_a_rule_that_comes_later_takes_hold_without_a_write(self, engine: Engine) -> None:
        report = policy(drift=DriftPolicy.REPORT)
        contents = [config_map("a", x="1", y="1")]
        await engine.converged(desired_bundle(contents, policy=report))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        engine.assign(desired_bundle(contents, policy=X_FREE))
        await engine.wait_for(lambda: drifted(engine) == 0)
        await quiet(engine)
        assert await values(engine) == {"x": "2", "y": "1"}
        assert not engine.of(DriftCorrected)[-1].by_us

    async def test_and_one_that_goes_puts_the_field_back(self, engine: Engine) -> None:
        contents = [config_map("a", x="1", y="1")]
        await engine.converged(desired_bundle(contents, policy=X_FREE))
        await engine.patch(A, {"data": {"x": "2"}})
        await quiet(engine)
        await engine.converged(desired_bundle(contents))
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await values(engine) == {"x": "1", "y": "1"}
        assert engine.of(DriftFound)[0].manager == "kubectl-edit/Update"

    async def test_also_while_nobody_watched(self, engine: Engine) -> None:
        contents = [config_map("a", x="1", y="1")]
        await engine.converged(desired_bundle(contents, policy=X_FREE))
        await engine.patch(A, {"data": {"x": "2"}})
        await quiet(engine)
        await engine.restart()
        engine.assign(desired_bundle(contents))
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await values(engine) == {"x": "1", "y": "1"}


class TestReported:
    async def test_left_alone_by_the_correction_of_another_field(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=X_REPORTED))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        await engine.patch(A, {"data": {"y": "2"}})
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        await quiet(engine)
        assert await values(engine) == {"x": "2", "y": "1"}
        assert drifted(engine) == 1
        last = engine.of(DriftFound)[-1]
        assert (last.paths, last.policy) == (("data.x",), DriftPolicy.REPORT)

    async def test_both_in_one_edit(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=X_REPORTED))
        await engine.patch(A, {"data": {"x": "2", "y": "2"}})
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        await quiet(engine)
        assert await values(engine) == {"x": "2", "y": "1"}
        assert drifted(engine) == 1

    async def test_a_release_that_changes_it_is_applied(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=X_REPORTED))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        await engine.converged(desired_bundle([config_map("a", x="3", y="1")], policy=X_REPORTED))
        assert await values(engine) == {"x": "3", "y": "1"}
        assert drifted(engine) == 0

    async def test_one_that_does_not_leaves_the_hand_alone(self, engine: Engine) -> None:
        """A hot fix by hand was undone by the next release of something else."""
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=X_REPORTED))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        release = desired_bundle([config_map("a", x="1", y="2")], policy=X_REPORTED)
        await engine.converged(release)
        await quiet(engine)
        assert await values(engine) == {"x": "2", "y": "2"}
        assert drifted(engine) == 1
        assert engine.of(ApplyFailed) == []
        await engine.patch(A, {"data": {"x": "1"}})
        await engine.wait_for(lambda: drifted(engine) == 0)

    async def test_a_list_item_by_its_keys(self, engine: Engine) -> None:
        path = "spec.template.spec.containers[name=main].image"
        images = policy(rule(DriftPolicy.REPORT, path))
        await engine.converged(desired_bundle([deployment("web")], policy=images))
        other = {"containers": [{"name": "main", "image": "fix:1"}]}
        await engine.patch(WEB, {"spec": {"template": {"spec": other}}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        await quiet(engine)
        live = await engine.request("GET", WEB)
        assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "fix:1"
        assert engine.of(DriftFound)[-1].paths == (path,)


class TestAsked:
    """A person's word corrects once, where a bundle only reports."""

    async def test_it_is_put_back_once(self, engine: Engine) -> None:
        bundle = desired_bundle([config_map("a", x="1")], policy=policy(drift=DriftPolicy.REPORT))
        await engine.converged(bundle)
        ref = bundle.manifests[0].ref
        assert not engine.reconciler.correct(ref), "nothing to put back"
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        assert engine.reconciler.correct(ref)
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await values(engine) == {"x": "1"}
        await engine.patch(A, {"data": {"x": "3"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        await quiet(engine)
        assert await values(engine) == {"x": "3"}, "the word was for the other one"

    async def test_a_deleted_object_too(self, engine: Engine) -> None:
        bundle = desired_bundle([config_map("a", x="1")], policy=policy(drift=DriftPolicy.REPORT))
        await engine.converged(bundle)
        await engine.request("DELETE", A)
        await engine.wait_for(lambda: drifted(engine) == 1)
        assert engine.reconciler.correct(bundle.manifests[0].ref)
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await values(engine) == {"x": "1"}

    async def test_what_is_left_to_others_stays_with_them(self, engine: Engine) -> None:
        rules = policy(rule(DriftPolicy.REPORT), rule(DriftPolicy.IGNORE, "data.x"))
        bundle = desired_bundle([config_map("a", x="1", y="1")], policy=rules)
        await engine.converged(bundle)
        await engine.patch(A, {"data": {"x": "2", "y": "2"}})
        await engine.wait_for(lambda: drifted(engine) == 1)
        assert engine.of(DriftFound)[-1].paths == ("data.y",)
        engine.reconciler.correct(bundle.manifests[0].ref)
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert await values(engine) == {"x": "2", "y": "1"}
