"""The record of the apply set on a real cluster: when it is written, and what is made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from clusters.bookkeeping.mirror import NAMESPACE, OWNER_LABEL
from clusters.embedded.access import AUTHENTICATED, User
from clusters.embedded.serve import EmbeddedClusters
from clusters.events import MirrorFailed, MirrorRead, Pruned, PruneHeld
from clusters.model import DesiredBundle, ObjectRef
from tests.fakes.engine import TERMS, Engine, config_map, desired_bundle
from tests.fakes.journal import MemoryJournal

RECORDS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
CONFIGS = "/api/v1/namespaces/default/configmaps"
MIRRORED = replace(TERMS, mirror_owner="test")


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters:
        yield clusters


@pytest.fixture
async def engine(clusters: EmbeddedClusters) -> AsyncIterator[Engine]:
    async with Engine(clusters, terms=MIRRORED) as engine:
        yield engine


async def records(engine: Engine) -> dict[str, dict[str, str]]:
    answer = await engine.request("GET", RECORDS, params={"labelSelector": f"{OWNER_LABEL}=test"})
    return {item["metadata"]["name"]: item["data"] for item in answer["items"]}


async def written(engine: Engine, bundle: DesiredBundle) -> dict[str, Any]:
    """The record once it speaks of a bundle's content."""
    name = f"flotilla-apply-set.test.{bundle.name}"
    found: dict[str, Any] = {}

    async def look() -> bool:
        data = (await records(engine)).get(name)
        if data is None:
            return False
        found.update({key: orjson.loads(data[key]) for key in ("release", "members")})
        return bool(found["release"]["digest"] == bundle.digest)

    for _ in range(200):
        if await look():
            return found
        await engine.wait_for(lambda: True)
    raise AssertionError(f"no record of {bundle.digest}")


def app(*names: str, **data: str) -> DesiredBundle:
    return desired_bundle([config_map(name, **(data or {"x": "1"})) for name in names])


async def lose_the_database(engine: Engine) -> None:
    await engine.stop()
    engine.journal = MemoryJournal()
    engine.events.clear()
    await engine.restart()


async def names(engine: Engine) -> set[str]:
    answer = await engine.request("GET", CONFIGS, params={"labelSelector": "flotilla.dev/fleet"})
    return {item["metadata"]["name"] for item in answer["items"]}


async def test_the_record_says_what_the_cluster_holds(engine: Engine) -> None:
    bundle = app("a", "b")
    await engine.converged(bundle)
    kept = await written(engine, bundle)
    live = {
        name: (await engine.request("GET", f"{CONFIGS}/{name}"))["metadata"]["uid"] for name in "ab"
    }
    assert kept["members"] == {"v1/ConfigMap": {"default/a": live["a"], "default/b": live["b"]}}
    assert kept["release"] == {
        "digest": bundle.digest, "revision": bundle.revision, "generation": 1,
    }  # fmt: skip


async def test_no_write_when_nothing_changed(clusters: EmbeddedClusters, engine: Engine) -> None:
    bundle = app("a", "b")
    await engine.converged(bundle)
    await written(engine, bundle)
    before = (await engine.request("GET", f"{RECORDS}/flotilla-apply-set.test.app"))["metadata"]
    await engine.patch(f"{CONFIGS}/a", {"data": {"x": "2"}})
    await engine.wait_for(lambda: any("Corrected" in type(e).__name__ for e in engine.events))
    await engine.restart()
    await engine.converged(bundle)
    after = (await engine.request("GET", f"{RECORDS}/flotilla-apply-set.test.app"))["metadata"]
    assert after["resourceVersion"] == before["resourceVersion"]


async def test_one_write_a_release(clusters: EmbeddedClusters, engine: Engine) -> None:
    await engine.converged(app("a", "b"))
    await written(engine, app("a", "b"))
    before = clusters.request_counts("one").get("patch", 0)
    later = app("a", "b", "c", x="2")
    await engine.converged(later)
    await written(engine, later)
    assert clusters.request_counts("one")["patch"] - before == 3 + 1


async def test_a_lost_database_knows_its_objects_again_and_deletes_nothing(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    """If the record was lost with the hub, its objects were orphans for good (engine.md d)."""
    await engine.converged(app("a", "b", "orphan"))
    await written(engine, app("a", "b", "orphan"))
    await lose_the_database(engine)
    left = app("a", "b")
    await engine.converged(left)
    assert engine.of(MirrorRead)[0].recalled == 3
    await engine.wait_for(lambda: engine.of(PruneHeld))
    assert [ref.name for ref in engine.of(PruneHeld)[0].refs] == ["orphan"]
    assert "known only from the record on the cluster" in engine.of(PruneHeld)[0].reason
    assert await names(engine) == {"a", "b", "orphan"}
    assert "default/orphan" in (await written(engine, left))["members"]["v1/ConfigMap"]
    assert clusters.request_counts("one").get("delete", 0) == 0

    read = frozenset(engine.of(PruneHeld)[0].refs)
    engine.assign(replace(left, prune_confirmed=read))
    await engine.wait_for(lambda: engine.of(Pruned))
    assert await names(engine) == {"a", "b"}


async def test_what_an_old_backup_lacks_is_known_from_the_record(engine: Engine) -> None:
    await engine.converged(app("a", "b", "orphan"))
    await written(engine, app("a", "b", "orphan"))
    await engine.stop()
    old = engine.journal.members[engine.name]
    engine.journal.members[engine.name] = {r: m for r, m in old.items() if r.name == "a"}
    await engine.restart()
    await engine.converged(app("a", "b"))
    assert engine.of(MirrorRead)[-1].recalled == 2
    await engine.wait_for(lambda: engine.of(PruneHeld))
    assert await names(engine) == {"a", "b", "orphan"}


async def test_what_went_before_the_record_was_written_is_forgotten(engine: Engine) -> None:
    """Killed between a deletion and the next write of the record."""
    await engine.converged(app("a", "b"))
    await written(engine, app("a", "b"))
    await engine.stop()
    await engine.request("DELETE", f"{CONFIGS}/b")
    members = engine.journal.members[engine.name]
    del members[next(ref for ref in members if ref.name == "b")]
    await engine.restart()
    await engine.converged(app("a"))
    await engine.wait_for(
        lambda: {ref.name for ref in engine.journal.members[engine.name]} == {"a"}
    )
    assert not engine.of(PruneHeld)


async def test_a_database_that_knows_its_objects_recalls_nothing(engine: Engine) -> None:
    await engine.converged(app("a", "b"))
    await written(engine, app("a", "b"))
    await engine.restart()
    await engine.converged(app("a", "b"))
    assert engine.of(MirrorRead)[-1].recalled == 0


STRANGER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "stranger",
        "namespace": "default",
        "labels": {"flotilla.dev/fleet": "test", "flotilla.dev/bundle": "app"},
    },
    "data": {"x": "1"},
}


@pytest.mark.parametrize("uid", ["right", "wrong"])
async def test_a_tampered_record_deletes_nothing(engine: Engine, uid: str) -> None:
    """Who may write to the record names somebody else's object in it; even confirmed, it stays."""
    await engine.converged(app("a"))
    kept = await written(engine, app("a"))
    made = await engine.request("POST", CONFIGS, json=STRANGER)
    kept["members"]["v1/ConfigMap"]["default/stranger"] = (
        made["metadata"]["uid"] if uid == "right" else "00000000-0000-0000-0000-000000000000"
    )
    await engine.stop()
    await engine.patch(
        f"{RECORDS}/flotilla-apply-set.test.app",
        {"data": {"members": orjson.dumps(kept["members"]).decode()}},
    )
    await lose_the_database(engine)
    stranger = ObjectRef("", "ConfigMap", "default", "stranger")
    await engine.converged(replace(app("a"), prune_confirmed=frozenset({stranger})))
    await engine.wait_for(
        lambda: {ref.name for ref in engine.journal.members[engine.name]} == {"a"}
    )
    assert await names(engine) == {"a", "stranger"}
    assert (await engine.request("GET", f"{CONFIGS}/stranger")) == made


@pytest.mark.parametrize(
    "data", [{"members": "{"}, {"members": None, "bundle": "app"}, {"bundle": "other"}]
)
async def test_a_broken_record_is_no_record(engine: Engine, data: dict[str, Any]) -> None:
    await engine.converged(app("a"))
    await written(engine, app("a"))
    await engine.stop()
    await engine.patch(f"{RECORDS}/flotilla-apply-set.test.app", {"data": data})
    await lose_the_database(engine)
    await engine.converged(app("a"))
    assert await names(engine) == {"a"}


async def test_the_record_goes_with_its_bundle(engine: Engine) -> None:
    await engine.converged(app("a"))
    await written(engine, app("a"))
    everything = frozenset(engine.journal.members[engine.name])
    engine.assign(replace(desired_bundle([]), prune_confirmed=everything))
    await engine.wait_for(lambda: engine.of(Pruned))
    for _ in range(200):
        if not await records(engine):
            return
        await engine.wait_for(lambda: True)
    raise AssertionError("the record is still there")


RBAC = "/apis/rbac.authorization.k8s.io/v1"
EVERYTHING = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
CONFIG_MAPS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]}


async def test_a_cluster_that_will_not_keep_the_record_is_reconciled_all_the_same(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    """What is optional must not stop what is not."""
    await engine.stop()
    subject = {"kind": "User", "name": "limited", "apiGroup": "rbac.authorization.k8s.io"}
    clusters.cluster("one").tokens["limited"] = User(name="limited", groups=(AUTHENTICATED,))
    for kind, rule, path in (
        ("ClusterRole", EVERYTHING, f"{RBAC}/clusterrole"),
        ("Role", CONFIG_MAPS, f"{RBAC}/namespaces/default/role"),
    ):
        named = {"metadata": {"name": "limited"}}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "limited"}
        await engine.request("POST", f"{path}s", json={**named, "rules": [rule]})
        binding = {**named, "roleRef": reference, "subjects": [subject]}
        await engine.request("POST", f"{path}bindings", json=binding)
    engine.token = "limited"
    engine.start()
    await engine.converged(app("a"))
    await engine.wait_for(lambda: engine.of(MirrorFailed))
    assert "forbidden" in engine.of(MirrorFailed)[0].reason
    assert await names(engine) == {"a"}
