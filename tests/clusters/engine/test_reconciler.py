"""One cluster kept as it should be: what is written, when, and what it costs in requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.engine import session
from clusters.events import ApplyFailed, ObjectsApplied, Pruned, PruneHeld
from clusters.model import (
    BundleName,
    BundlePolicy,
    ConflictPolicy,
    DriftPolicy,
    Health,
)
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle

CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters:
        yield clusters


@pytest.fixture
async def engine(clusters: EmbeddedClusters) -> AsyncIterator[Engine]:
    async with Engine(clusters) as engine:
        yield engine


def requests(engine: Engine) -> Mapping[str, int]:
    return engine.clusters.request_counts(engine.name)


def writes(engine: Engine) -> int:
    counts = requests(engine)
    return counts.get("patch", 0) + counts.get("delete", 0)


async def names(engine: Engine, path: str = CONFIGS) -> list[str]:
    answer = await engine.request("GET", path)
    found = [item["metadata"]["name"] for item in answer["items"]]
    return [name for name in found if name != "kube-root-ca.crt"]


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def definition(plural: str = "widgets", kind: str = "Widget") -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "singular": kind.lower()},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "x-kubernetes-preserve-unknown-fields": True,
                                }
                            },
                        }
                    },
                }
            ],
        },
    }


def widget(name: str, kind: str = "Widget") -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"size": 1},
    }


class TestApplying:
    async def test_first_apply_is_one_write_an_object(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1"), deployment("web")]))
        assert writes(engine) == 2
        (applied,) = engine.of(ObjectsApplied)
        assert (applied.created, applied.changed, applied.unchanged) == (2, 0, 0)

    async def test_waves_namespaces_and_definitions_before_what_needs_them(
        self, engine: Engine
    ) -> None:
        contents = [
            widget("w"),
            config_map("inside", "new-space", x="1"),
            definition(),
            namespace("new-space"),
        ]
        await engine.converged(desired_bundle(contents))
        assert engine.of(ApplyFailed) == []
        assert writes(engine) == 4

    async def test_what_did_not_change_costs_nothing(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map(f"c{n}", x="1") for n in range(5)]))
        before = writes(engine)
        changed = [config_map(f"c{n}", x="2" if n == 3 else "1") for n in range(5)]
        await engine.converged(desired_bundle(changed))
        assert writes(engine) == before + 1
        assert engine.of(ObjectsApplied)[-1].changed == 1

    async def test_a_restart_writes_nothing(self, engine: Engine) -> None:
        bundle = desired_bundle([config_map("a", x="1"), deployment("web")])
        await engine.converged(bundle)
        before = requests(engine)
        await engine.restart()
        await engine.converged(bundle)
        after = requests(engine)
        assert after["patch"] == before["patch"]
        assert after.get("get", 0) - before.get("get", 0) <= 1, "kube-system alone is read"

    async def test_a_missing_definition_waits_and_the_rest_goes_on(self, engine: Engine) -> None:
        bundle = desired_bundle([widget("w"), config_map("a", x="1")])
        engine.assign(bundle)
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.applied == 1)
        last = engine.last_observed()
        assert last is not None
        assert "does not serve Widget in example.com/v1" in last.message
        await engine.converged(bundle, desired_bundle([definition()], name="definitions"))

    async def test_a_definition_that_somebody_else_installs_is_noticed(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "REDISCOVER_S", 0.2)
        bundle = desired_bundle([widget("w")])
        engine.assign(bundle)
        await engine.wait_for(lambda: engine.last_observed())
        await engine.request(
            "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition()
        )
        await engine.converged(bundle)

    async def test_a_refused_object_does_not_stop_the_others(self, engine: Engine) -> None:
        broken = deployment("web")
        broken["spec"]["selector"] = {"matchLabels": {"app": "another"}}
        engine.assign(desired_bundle([broken, config_map("a", x="1")]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.applied == 1)
        (failed,) = engine.of(ApplyFailed)
        assert failed.ref.kind == "Deployment"
        assert "selector" in failed.reason
        last = engine.last_observed()
        assert last is not None
        assert (last.health, last.applied_digest) == (Health.MISSING, None)
        await engine.converged(desired_bundle([deployment("web"), config_map("a", x="1")]))

    async def test_a_newer_state_counts_in_the_middle_of_a_pass(self, engine: Engine) -> None:
        engine.assign(desired_bundle([config_map("a", x="1")]))
        await engine.converged(desired_bundle([config_map("a", x="2")]))
        live = await engine.request("GET", f"{CONFIGS}/a")
        assert live["data"] == {"x": "2"}


class TestBundles:
    async def test_two_claim_one_object_and_the_first_keeps_it(self, engine: Engine) -> None:
        one = desired_bundle([config_map("a", x="1")], name="one")
        await engine.converged(one)
        two = desired_bundle([config_map("a", x="2"), config_map("b", x="1")], name="two")
        engine.assign(one, two)
        await engine.wait_for(lambda: (last := engine.last_observed("two")) and last.applied == 1)
        last = engine.last_observed("two")
        assert last is not None
        assert "bundle one has this object as well, and keeps it" in last.message
        assert (await engine.request("GET", f"{CONFIGS}/a"))["data"] == {"x": "1"}

    async def test_argo_cd_22607_an_object_moves_from_one_bundle_to_another(
        self, engine: Engine
    ) -> None:
        """A shared object was deleted when one of two applications let it go (argo-cd#22607)."""
        one = [config_map("a", x="1"), config_map("b", x="1")]
        await engine.converged(desired_bundle(one, name="one"))
        uid = (await engine.request("GET", f"{CONFIGS}/b"))["metadata"]["uid"]
        await engine.converged(
            desired_bundle(one[:1], name="one"), desired_bundle(one[1:], name="two")
        )
        assert (await engine.request("GET", f"{CONFIGS}/b"))["metadata"]["uid"] == uid
        assert engine.of(Pruned) == []

    async def test_a_dependency_is_applied_and_healthy_first(
        self, clusters: EmbeddedClusters, engine: Engine
    ) -> None:
        base = desired_bundle([deployment("web")], name="base")
        app = desired_bundle([config_map("a", x="1")], depends_on=[BundleName("base")])
        await engine.converged(base, app)
        order = [event.bundle for event in engine.of(ObjectsApplied)]
        assert order == ["base", "app"]
        told = [
            event.message
            for event in engine.events
            if getattr(event, "bundle", "") == "app" and hasattr(event, "message")
        ]
        assert any("waits for bundle base: Deployment.apps default/web" in words for words in told)

    async def test_a_wait_that_is_over_is_told(self, engine: Engine) -> None:
        app = desired_bundle([config_map("a", x="1")])
        await engine.converged(app)
        waiting = desired_bundle([config_map("a", x="1")], depends_on=[BundleName("base")])
        engine.assign(waiting, desired_bundle([deployment("web")], name="base"))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and last.generation == 2 and not last.message
        )

    async def test_suspended_changes_nothing(self, engine: Engine) -> None:
        bundle = desired_bundle([config_map("a", x="1"), config_map("b", x="1")])
        await engine.converged(bundle)
        before = writes(engine)
        other = desired_bundle([config_map("a", x="2")])
        engine.assign(other, suspended="maintenance")
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and last.message == "maintenance"
        )
        await engine.patch(f"{CONFIGS}/a", {"data": {"x": "9"}})
        await asyncio.sleep(0.2)
        assert writes(engine) == before + 1, "the hand's own"
        await engine.converged(other)
        assert await names(engine) == ["a"]


class TestConflicts:
    async def hand_made(self, engine: Engine) -> None:
        await engine.request(
            "POST", CONFIGS, params={"fieldManager": "kubectl-create"}, json=config_map("a", x="9")
        )

    async def test_a_field_of_another_is_reported(self, engine: Engine) -> None:
        await self.hand_made(engine)
        engine.assign(desired_bundle([config_map("a", x="1")]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        assert engine.of(ApplyFailed)[0].reason == ".data.x is held by kubectl-create"
        assert (await engine.request("GET", f"{CONFIGS}/a"))["data"] == {"x": "9"}

    async def test_or_taken_where_the_bundle_says_so(self, engine: Engine) -> None:
        await self.hand_made(engine)
        policy = BundlePolicy(conflicts=ConflictPolicy.FORCE)
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=policy))
        assert (await engine.request("GET", f"{CONFIGS}/a"))["data"] == {"x": "1"}

    async def test_equal_values_are_adopted_without_a_word(self, engine: Engine) -> None:
        await self.hand_made(engine)
        await engine.converged(desired_bundle([config_map("a", x="9")]))
        assert engine.of(ApplyFailed) == []

    async def test_what_was_never_ours_is_not_deleted(self, engine: Engine) -> None:
        """The name was taken, our write refused; leaving the bundle must not delete it."""
        taken = config_map("a", x="9")
        taken["metadata"]["labels"] = {"flotilla.dev/fleet": "test"}
        await engine.request("POST", CONFIGS, params={"fieldManager": "stranger"}, json=taken)
        engine.assign(desired_bundle([config_map("a", x="1"), config_map("b", x="1")]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        await engine.converged(desired_bundle([config_map("b", x="1")]))
        await engine.wait_for(lambda: len(engine.journal.members[engine.name]) == 1)
        assert await names(engine) == ["a", "b"]

    async def test_a_field_that_was_ours_is_taken_back_by_new_content(self, engine: Engine) -> None:
        """A hand was faster than the commit: its edit of our field is drift, and no conflict."""
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        suspended = desired_bundle([config_map("a", x="2", y="1")], suspended="asked")
        engine.assign(suspended)
        await engine.patch(f"{CONFIGS}/a", {"data": {"x": "9"}})
        await engine.converged(desired_bundle([config_map("a", x="2", y="1")]))
        assert engine.of(ApplyFailed) == []

    async def test_a_field_that_never_was_ours_is_not(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        await engine.patch(f"{CONFIGS}/a", {"data": {"y": "9"}})
        engine.assign(desired_bundle([config_map("a", x="2", y="1")]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        assert engine.of(ApplyFailed)[0].reason == ".data.y is held by kubectl-edit"


class TestPruning:
    async def test_what_left_is_deleted(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1"), config_map("b", x="1")]))
        await engine.converged(desired_bundle([config_map("b", x="1")]))
        await engine.wait_for(lambda: engine.of(Pruned))
        assert [ref.name for ref in engine.of(Pruned)[0].refs] == ["a"]
        assert await names(engine) == ["b"]
        assert [ref.name for ref in engine.journal.members[engine.name]] == ["b"]

    async def test_argo_cd_7412_an_emptied_bundle_is_held_until_confirmed(
        self, engine: Engine
    ) -> None:
        """An emptied path pruned all that ran (argo-cd#7412, flux2#2627)."""
        await engine.converged(desired_bundle([config_map("a", x="1"), config_map("b", x="1")]))
        await engine.converged(desired_bundle([]))
        await engine.wait_for(lambda: engine.of(PruneHeld))
        assert "nothing of the bundle would be left" in engine.of(PruneHeld)[0].reason
        last = engine.last_observed()
        assert last is not None
        assert last.leftover == 2
        assert await names(engine) == ["a", "b"]
        read = frozenset(engine.of(PruneHeld)[0].refs)
        await engine.converged(desired_bundle([], prune_confirmed=read))
        await engine.wait_for(lambda: engine.of(Pruned))
        assert await names(engine) == []

    async def test_a_bundle_that_is_gone_deletes_nothing(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        await engine.converged(desired_bundle([config_map("b", x="1")], name="other"))
        assert await names(engine) == ["a", "b"]

    async def test_a_strangers_object_of_the_name_is_not_deleted(self, engine: Engine) -> None:
        """Deleting by name deletes whatever has the name now; only cli-utils sent the UID."""
        await engine.converged(desired_bundle([config_map("a", x="1"), config_map("b", x="1")]))
        await engine.stop()
        await engine.request("DELETE", f"{CONFIGS}/a")
        stranger = config_map("a", x="theirs")
        stranger["metadata"]["labels"] = {"flotilla.dev/fleet": "test"}
        await engine.request("POST", CONFIGS, json=stranger)
        await engine.restart()
        await engine.converged(desired_bundle([config_map("b", x="1")]))
        await engine.wait_for(lambda: len(engine.journal.members[engine.name]) == 1)
        assert (await engine.request("GET", f"{CONFIGS}/a"))["data"] == {"x": "theirs"}

    async def test_without_our_label_it_is_not_ours(self, engine: Engine) -> None:
        policy = BundlePolicy(drift=DriftPolicy.REPORT)
        both = desired_bundle([config_map("a", x="1"), config_map("b", x="1")], policy=policy)
        await engine.converged(both)
        await engine.patch(f"{CONFIGS}/a", {"metadata": {"labels": {"flotilla.dev/fleet": None}}})
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.drifted == 1)
        await engine.converged(desired_bundle([config_map("b", x="1")], policy=policy))
        assert await names(engine) == ["a", "b"]

    async def test_an_annotated_object_is_kept(self, engine: Engine) -> None:
        kept = config_map("a", x="1")
        kept["metadata"]["annotations"] = {"flotilla.dev/prune": "disabled"}
        await engine.converged(desired_bundle([kept, config_map("b", x="1"), config_map("c")]))
        await engine.patch(
            f"{CONFIGS}/b", {"metadata": {"annotations": {"flotilla.dev/prune": "disabled"}}}
        )
        engine.assign(desired_bundle([config_map("c")]))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "flotilla.dev/prune" in last.message
        )
        assert await names(engine) == ["a", "b", "c"]

    async def test_finalizers_are_waited_for_and_named(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1"), config_map("b", x="1")]))
        held = {"metadata": {"finalizers": ["example.com/hold"]}}
        await engine.patch(f"{CONFIGS}/a", held)
        only_b = desired_bundle([config_map("b", x="1")])
        engine.assign(only_b)
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "example.com/hold" in last.message
        )
        assert engine.of(Pruned) == []
        await engine.patch(f"{CONFIGS}/a", {"metadata": {"finalizers": []}})
        await engine.wait_for(lambda: engine.of(Pruned))

    async def test_wanted_again_while_it_is_being_deleted(self, engine: Engine) -> None:
        both = desired_bundle([config_map("a", x="1"), config_map("b", x="1")])
        await engine.converged(both)
        await engine.patch(f"{CONFIGS}/a", {"metadata": {"finalizers": ["example.com/hold"]}})
        engine.assign(desired_bundle([config_map("b", x="1")]))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "example.com/hold" in last.message
        )
        engine.assign(both)
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "deletion is not finished" in last.message
        )
        await engine.patch(f"{CONFIGS}/a", {"metadata": {"finalizers": []}})
        await engine.converged(both)

    async def test_nothing_goes_while_what_replaces_it_fails(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1"), config_map("b", x="1")]))
        broken = deployment("web")
        broken["spec"]["selector"] = {"matchLabels": {"app": "another"}}
        engine.assign(desired_bundle([config_map("b", x="1"), broken]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        await asyncio.sleep(0.3)
        assert await names(engine) == ["a", "b"]
        await engine.converged(desired_bundle([config_map("b", x="1"), deployment("web")]))
        await engine.wait_for(lambda: engine.of(Pruned))


async def test_what_belongs_to_others_is_untouched(engine: Engine) -> None:
    """All that is not ours is byte for byte the same after we came, changed and went."""
    foreign = [config_map(f"theirs{n}", x=str(n)) for n in range(3)]
    for content in foreign:
        await engine.request("POST", CONFIGS, json=content)
    paths = [f"{CONFIGS}/theirs{n}" for n in range(3)] + ["/api/v1/namespaces/default"]

    async def snapshot() -> list[bytes]:
        found = []
        for path in paths:
            async with engine.http.get(engine.clusters.url_of(engine.name) + path) as response:
                found.append(await response.read())
        return found

    before = await snapshot()
    await engine.converged(desired_bundle([config_map("a", x="1"), deployment("web")]))
    await engine.converged(desired_bundle([config_map("a", x="2")]))
    with contextlib.suppress(TimeoutError):
        await engine.wait_for(lambda: engine.of(Pruned))
    assert await snapshot() == before
