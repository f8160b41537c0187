"""What leaves a bundle on a live cluster: let go where it asks for that, and never with others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from clusters.client.transport import Endpoint
from clusters.embedded.serve import EmbeddedClusters
from clusters.events import (
    Disconnected,
    DriftFound,
    NoticeKind,
    ObjectNoted,
    Pruned,
    PruneHeld,
)
from clusters.model import BundlePolicy, ObjectRef
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle

A = "/api/v1/namespaces/default/configmaps/a"
ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/reader"
SHOP = ObjectRef("", "Namespace", "", "shop")
DETACH = {"metadata": {"annotations": {"flotilla.dev/deletion": "detach"}}}
Body = dict[str, Any]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters, Engine(clusters) as one:
        yield one


def namespace(name: str) -> Body:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def detached(engine: Engine) -> list[str]:
    return [e.ref.name for e in engine.of(ObjectNoted) if e.kind is NoticeKind.DETACHED]


def pruned(engine: Engine) -> list[str]:
    return [ref.name for event in engine.of(Pruned) for ref in event.refs]


def deletes(engine: Engine) -> int:
    return engine.clusters.request_counts("one").get("delete", 0)


async def exists(engine: Engine, path: str) -> bool:
    return (
        "metadata" in (await engine.request("GET", path))
        and "uid" in ((await engine.request("GET", path))["metadata"])
    )


async def seen(engine: Engine) -> None:
    """Let the watch bring an edit."""
    await asyncio.sleep(0.15)


class TestDetach:
    @pytest.mark.parametrize(
        "annotation", ["flotilla.dev/deletion", "client.lifecycle.config.k8s.io/deletion"]
    )
    async def test_it_stays_without_our_marks_and_ownership(
        self, engine: Engine, annotation: str
    ) -> None:
        kept = config_map("a", x="1")
        kept["metadata"]["annotations"] = {annotation: "detach"}
        kept["metadata"]["labels"] = {"team": "shop"}
        await engine.converged(desired_bundle([kept, config_map("b")]))
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: detached(engine) == ["a"])
        live = await engine.request("GET", A)
        assert live["data"] == {"x": "1"}
        assert live["metadata"]["labels"] == {"team": "shop"}
        assert [e["manager"] for e in live["metadata"].get("managedFields", [])] == []
        await engine.wait_for(lambda: len(engine.journal.members[engine.name]) == 1)
        assert (deletes(engine), pruned(engine), engine.of(DriftFound)) == (0, [], [])

    async def test_what_others_own_of_it_stays_theirs(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1"), config_map("b")]))
        await engine.patch(A, {**DETACH, "data": {"y": "2"}})
        await seen(engine)
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: detached(engine))
        live = await engine.request("GET", A)
        assert [e["manager"] for e in live["metadata"]["managedFields"]] == ["kubectl-edit"]

    async def test_a_cluster_wide_object(self, engine: Engine) -> None:
        role: Body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "reader", **DETACH["metadata"]},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        }
        await engine.converged(desired_bundle([role, config_map("b")]))
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: detached(engine) == ["reader"])
        assert "labels" not in (await engine.request("GET", ROLE))["metadata"]

    async def test_it_needs_no_confirmation_for_nothing_is_deleted(self, engine: Engine) -> None:
        one = config_map("a", x="1")
        one["metadata"].update(DETACH["metadata"])
        await engine.converged(desired_bundle([one]))
        await engine.converged(desired_bundle([]))
        await engine.wait_for(lambda: detached(engine))
        assert engine.of(PruneHeld) == []

    async def test_it_can_come_back(self, engine: Engine) -> None:
        one = config_map("a", x="1")
        one["metadata"].update(DETACH["metadata"])
        await engine.converged(desired_bundle([one, config_map("b")]))
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: detached(engine))
        await engine.converged(desired_bundle([config_map("a", x="1", y="2"), config_map("b")]))
        assert (await engine.request("GET", A))["data"] == {"x": "1", "y": "2"}

    async def test_a_namespace_that_holds_it_is_let_go_as_well(self, engine: Engine) -> None:
        """Deleting the namespace would have deleted what was to stay."""
        one = config_map("a", "shop", x="1")
        one["metadata"].update(DETACH["metadata"])
        await engine.converged(desired_bundle([namespace("shop"), one, config_map("b")]))
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: sorted(detached(engine)) == ["a", "shop"])
        await engine.wait_for(lambda: len(engine.journal.members[engine.name]) == 1)
        assert await exists(engine, "/api/v1/namespaces/shop/configmaps/a")
        assert deletes(engine) == 0

    async def test_a_crash_right_after_it_forgets_what_was_let_go(self, engine: Engine) -> None:
        one = config_map("a", x="1")
        one["metadata"].update(DETACH["metadata"])
        await engine.converged(desired_bundle([one, config_map("b")]))
        members = dict(engine.journal.members[engine.name])
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: detached(engine))
        await engine.stop()
        engine.journal.members[engine.name] = members
        await engine.restart()
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: len(engine.journal.members[engine.name]) == 1)
        assert await exists(engine, A)


class TestHolders:
    async def test_cli_utils_a_namespace_waits_for_what_is_in_it(self, engine: Engine) -> None:
        """Another bundle's objects went with a namespace that only one bundle had dropped."""
        other = desired_bundle([config_map("o", "shop")], name="other")
        await engine.converged(desired_bundle([namespace("shop"), config_map("b")]), other)
        left = desired_bundle([config_map("b")], prune_confirmed=frozenset({SHOP}))
        engine.assign(left, other)
        await engine.wait_for(
            lambda: (
                (last := engine.last_observed())
                and "once nothing of ours is in it: ConfigMap shop/o still is" in last.message
            )
        )
        assert await exists(engine, "/api/v1/namespaces/shop/configmaps/o")
        confirmed = frozenset({ObjectRef("", "ConfigMap", "shop", "o")})
        engine.assign(left, desired_bundle([], name="other", prune_confirmed=confirmed))
        await engine.wait_for(lambda: sorted(pruned(engine)) == ["o", "shop"])

    async def test_a_kept_object_keeps_its_namespace(self, engine: Engine) -> None:
        one = config_map("a", "shop")
        one["metadata"]["annotations"] = {"flotilla.dev/prune": "disabled"}
        await engine.converged(desired_bundle([namespace("shop"), one, config_map("b")]))
        await engine.converged(desired_bundle([config_map("b")], prune_confirmed=frozenset({SHOP})))
        await asyncio.sleep(0.3)
        assert await exists(engine, "/api/v1/namespaces/shop/configmaps/a")

    async def test_without_confirmation_nothing_of_it_goes(self, engine: Engine) -> None:
        everything = [namespace("shop"), config_map("a", "shop"), config_map("b")]
        await engine.converged(desired_bundle(everything))
        await engine.converged(desired_bundle([config_map("b")]))
        await engine.wait_for(lambda: engine.of(PruneHeld))
        assert [ref.name for ref in engine.of(PruneHeld)[0].refs] == ["a", "shop"]
        assert deletes(engine) == 0

    async def test_a_definition_waits_for_its_objects(self, engine: Engine) -> None:
        crd: Body = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": {"type": "object"}},
                    }
                ],
            },
        }
        widget = {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "w", "namespace": "default"},
        }
        other = desired_bundle([widget], name="other")
        await engine.converged(desired_bundle([crd, config_map("b")]), other)
        definition = ObjectRef(
            "apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com"
        )
        confirmed = frozenset({definition})
        engine.assign(desired_bundle([config_map("b")], prune_confirmed=confirmed), other)
        await engine.wait_for(
            lambda: (
                (last := engine.last_observed())
                and "Widget.example.com default/w still is" in last.message
            )
        )
        assert deletes(engine) == 0


async def test_finalizers_are_named_with_since_when(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web"), config_map("b")]))
    web = "/apis/apps/v1/namespaces/default/deployments/web"
    await engine.patch(web, {"metadata": {"finalizers": ["example.com/hold"]}})
    await seen(engine)
    engine.assign(desired_bundle([config_map("b")], policy=BundlePolicy()))
    await engine.wait_for(
        lambda: (
            (last := engine.last_observed())
            and "being deleted since 20" in last.message
            and "UTC, waits for example.com/hold" in last.message
        )
    )


class TestChangedMinds:
    async def test_what_comes_back_while_others_are_deleted_is_not_deleted(
        self, engine: Engine
    ) -> None:
        """A revert that arrives in the middle of a prune saves what is still there."""
        whole = desired_bundle([deployment("web"), config_map("a", x="1"), config_map("b")])
        await engine.converged(whole)
        before = (await engine.request("GET", A))["metadata"]["uid"]
        engine.clusters.set_faults("one", latency_s=0.3)
        engine.assign(desired_bundle([config_map("b")]))
        records = engine.reconciler.records
        await engine.wait_for(lambda: any(record.deleting for record in records.values()))
        engine.assign(whole)
        engine.clusters.set_faults("one", latency_s=0.0)
        await engine.converged(whole)
        assert deletes(engine) == 1, "the Deployment was under way already"
        assert (await engine.request("GET", A))["metadata"]["uid"] == before


class TestRestored:
    async def test_what_was_adopted_again_is_pruned_like_any_other(self, engine: Engine) -> None:
        """A backup brings objects back without managedFields; applied anew, they are ours."""
        both = desired_bundle([config_map("a", x="1"), config_map("b", x="1")])
        await engine.converged(both)
        await engine.stop()
        await engine.patch(A, {"metadata": {"managedFields": [{}]}})
        members = engine.journal.members[engine.name]
        for ref, applied in list(members.items()):
            members[ref] = replace(applied, uid="", confirmed=False)
        await engine.restart()
        await engine.converged(both)
        await engine.converged(desired_bundle([config_map("b", x="1")]))
        await engine.wait_for(lambda: pruned(engine) == ["a"])
        assert not await exists(engine, A)


class Wandering(Engine):
    """Its address leads to another cluster from some moment on."""

    leads_to = "one"

    async def _connect(self) -> Endpoint:
        endpoint = await super()._connect()
        return replace(endpoint, server=self.clusters.url_of(self.leads_to))


async def test_what_left_is_not_deleted_on_a_cluster_that_it_was_not_applied_to() -> None:
    """An address that led elsewhere deleted by name what is wanted there, and is ours there."""
    both = desired_bundle([config_map("a", x="1"), config_map("old", x="1")])
    one_left = desired_bundle([config_map("a", x="1")])
    async with EmbeddedClusters(["one", "two"], ready_after_s=0.02) as clusters:
        async with Engine(clusters, "two") as two:
            await two.converged(both)
        async with Wandering(clusters, "one") as engine:
            await engine.converged(both)
            engine.leads_to = "two"
            clusters.set_faults("one", stopped=True)
            await engine.wait_for(lambda: engine.of(Disconnected))
            engine.assign(one_left)
            await engine.wait_for(lambda: engine.of(PruneHeld) or engine.of(Pruned))
            assert engine.of(Pruned) == []
            assert "before it lost its data" in engine.of(PruneHeld)[0].reason
            assert [ref.name for ref in engine.of(PruneHeld)[0].refs] == ["old"]
