"""A cluster full of other people's objects: whatever our bundles go through, not a byte changes.

(argo-cd#22607: an object that two applications share was deleted with one of them.)
"""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from clusters.bookkeeping.mirror import NAMESPACE
from clusters.model import BUNDLE_LABEL, FLEET_LABEL
from tests.fakes.fleet import FleetWorld, bundle_document, config_map, deployment, fleet_world

FOREIGN_LABELS: dict[str, dict[str, str]] = {
    "plain": {},
    "looks-alike": {"app.kubernetes.io/managed-by": "flotilla", BUNDLE_LABEL: "app"},
    "other-fleet": {FLEET_LABEL: "another", BUNDLE_LABEL: "app"},
    # Copied from one of our objects, labels and all (`kubectl get -o yaml | kubectl create`).
    "copied": {FLEET_LABEL: "test", BUNDLE_LABEL: "app"},
}
POD = {"containers": [{"name": "main", "image": "web:1"}]}
KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("/api/v1/namespaces/{ns}/configmaps", "ConfigMap", {"data": {"color": "red"}}),
    ("/api/v1/namespaces/{ns}/secrets", "Secret", {"data": {"x": "eA=="}}),
    ("/api/v1/namespaces/{ns}/serviceaccounts", "ServiceAccount", {}),
    ("/api/v1/namespaces/{ns}/services", "Service", {"spec": {"ports": [{"port": 80}]}}),
    (
        "/apis/apps/v1/namespaces/{ns}/deployments",
        "Deployment",
        {
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "template": {"metadata": {"labels": {"app": "x"}}, "spec": POD},
            }
        },
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
        "Role",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    ),
    ("/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies", "NetworkPolicy",
     {"spec": {"podSelector": {}}}),
    ("/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets", "PodDisruptionBudget",
     {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "x"}}}}),
]  # fmt: skip


async def fill(world: FleetWorld, cluster: str) -> None:
    """Foreign objects of many kinds: in our namespace, and by our names in another."""
    await world.request(
        cluster, "POST", "/api/v1/namespaces", json={"metadata": {"name": "theirs"}}
    )
    for path, kind, content in KINDS:
        for name, labels in FOREIGN_LABELS.items():
            metadata = {"name": f"{kind.lower()}-{name}", "labels": labels}
            body = {"metadata": metadata, **content}
            made = await world.request(cluster, "POST", path.format(ns="default"), json=body)
            assert made["kind"] == kind, made
        for ours in ("one", "two", "three", "web"):
            body = {"metadata": {"name": ours, "labels": FOREIGN_LABELS["copied"]}, **content}
            made = await world.request(cluster, "POST", path.format(ns="theirs"), json=body)
            assert made["kind"] == kind, made


def everything(world: FleetWorld, cluster: str) -> dict[tuple[str, str], bytes]:
    """All that a cluster keeps, by kind and uid: the very bytes."""
    storage: Any = world.clusters.cluster(cluster).storage
    return {
        (str(key), stored.load()["metadata"]["uid"]): bytes(stored.raw)
        for key, shelf in storage.shelves()
        for stored in shelf.sorted()
    }


async def settled(world: FleetWorld, cluster: str) -> dict[tuple[str, str], bytes]:
    """The same, once controllers have finished what they do with new objects."""
    before: dict[tuple[str, str], bytes] = {}
    for _ in range(100):
        now = everything(world, cluster)
        if now == before:
            return now
        before = now
        await asyncio.sleep(0.15)
    raise AssertionError("the cluster does not come to rest")


async def lifecycle(world: FleetWorld) -> None:
    """First apply, upgrade, drift, a file removed, a bundle removed, restart, lost database."""
    await world.start()
    await world.converged()
    first = world.tree.git("rev-parse", "HEAD")
    world.commit(
        {
            "apps/app/one.yaml": config_map("one", color="blue"),
            "apps/app/web.yaml": deployment("web"),
        }
    )
    await world.converged()
    await world.edit("a", "/api/v1/namespaces/default/configmaps/one", {"data": {"color": "x"}})
    await world.until(lambda: any(e.kind == "DriftEnded" for e in world.view.events))
    world.remove("apps/app/two.yaml")
    await world.converged()
    world.tree.git("checkout", "--quiet", first, "--", ".")
    world.tree.commit_all("Back to the first")
    world.look()
    await world.converged()
    await world.stop()
    shutil.rmtree(world.settings.state_dir)
    await world.start()
    await world.converged()
    world.remove("bundles/app.yaml", "bundles/other.yaml")
    await world.until(lambda: "left Git" in world.need("confirm"))
    for bundle in ("app", "other"):
        await world.until(lambda bundle=bundle: world.placement("a", bundle).message)
        await world.confirm_prune(bundle, reason="the end")
    await world.until(lambda: not world.need("confirm"))
    world.commit({"bundles/app.yaml": bundle_document("app")})
    await world.converged()


async def test_argo_cd_22607_what_is_not_ours_is_byte_identical_after_all_that() -> None:
    async with fleet_world(("a",), started=False) as world:
        await fill(world, "a")
        before = await settled(world, "a")
        await lifecycle(world)
        after = await settled(world, "a")
        assert len(before) > 64
        assert {key: after.get(key) for key in before} == before
        ours = {key: raw for key, raw in after.items() if key not in before}
        strangers = [
            raw
            for raw in ours.values()
            if f'"{FLEET_LABEL}":"test"'.encode() not in raw and NAMESPACE.encode() not in raw
        ]
        kinds = {raw.split(b'"kind":"')[1].split(b'"')[0] for raw in strangers}
        assert kinds <= {b"Pod", b"ReplicaSet", b"Event"}, "controllers' own, for ours"
