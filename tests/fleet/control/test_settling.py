"""`server --once`: it ends when nothing is left to do without a person, and not before."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clusters.embedded.access import AUTHENTICATED, User
from fleet.control.runtime import converge
from fleet.presenting.why import why
from fleet.view import FleetView
from tests.fakes.fleet import FleetWorld, bundle_document, config_map, deployment, fleet_world

IMMUTABLE = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one, namespace: default}\n"
    "immutable: true\ndata: {color: %s}\n"
)
NAMELESS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: No_Name, namespace: default}\n"
RING = """\
apiVersion: flotilla.dev/v1
kind: Strategy
metadata: {name: ring}
spec:
  stages:
    - {name: first, select: first=yes}
    - {name: rest, select: first!=yes, maxConcurrency: 100%, gates: {before: [GATES]}}
"""
APPROVAL = """\
apiVersion: flotilla.dev/v1
kind: Gate
metadata: {name: human}
spec: {approval: {count: 1}}
"""


async def once(world: FleetWorld, timeout_s: float = 60.0) -> FleetView:
    """Run a server until it has settled; it must not come to the time limit."""
    view, seconds = await converge(world.settings, timeout_s=timeout_s)
    assert seconds < timeout_s, view
    return view


def states(view: FleetView) -> dict[str, str]:
    return {c.name: c.state.value for c in view.clusters}


async def test_the_picture_of_the_last_run_does_not_count() -> None:
    async with fleet_world(started=False) as world:
        await once(world)
        for _ in range(3):
            path = "/api/v1/namespaces/default/configmaps/one"
            await world.edit("b", path, {"data": {"color": "pink"}})
            newest = world.tree.commit({"apps/app/two.yaml": config_map("two", color="new")})
            view = await once(world)
            assert view.git.revision == newest
            assert set(states(view).values()) == {"Ready"}
            for name in world.clusters.names:
                maps = await world.config_maps(name)
                assert maps["one"]["data"] == {"color": "red"}
                assert maps["two"]["data"] == {"color": "new"}
            world.tree.commit({"apps/app/two.yaml": config_map("two", color="old")})
            await once(world)


async def test_a_broken_first_commit_ends_it() -> None:
    async with fleet_world(started=False) as world:
        world.tree.commit({"bundles/app.yaml": "apiVersion: flotilla.dev/v1\nkind: Bundel\n"})
        view = await once(world)
        assert [p.file for p in view.git.problems] == ["bundles/app.yaml"]


async def test_a_repository_that_cannot_be_read_ends_it() -> None:
    async with fleet_world(started=False) as world:
        world.tree.path.rename(world.tree.path.with_name("away"))
        view = await once(world)
        assert "there is no Git repository" in view.git.error


@pytest.mark.parametrize("kind", ["invalid", "immutable", "read only", "blind", "conflict"])
async def test_a_definite_refusal_fails_and_ends_it(kind: str) -> None:
    async with fleet_world(started=False) as world:
        if kind == "immutable":
            world.tree.commit({"apps/app/one.yaml": IMMUTABLE % "red"})
            await once(world)
            world.tree.commit({"apps/app/one.yaml": IMMUTABLE % "blue"})
        elif kind == "read only":
            await demote(world, "b", rules=[{"verbs": ["get", "list", "watch"]}])
        elif kind == "blind":
            await demote(world, "b", rules=[])
        elif kind == "conflict":
            await take_over(world, "b")
        else:
            world.tree.commit({"apps/app/one.yaml": NAMELESS})
        view = await once(world)
        stands = {(p.cluster, p.bundle): p for p in view.placements}
        refused = stands["b", "app"]
        assert refused.state == "Failed", refused
        assert re.match(r"ConfigMap[ /]", refused.message)
        assert states(view)["b"] == "Failed"
        needs = [n.sentence for n in view.needs if n.subject == "app @ b"]
        assert needs == [refused.message]
        assert states(view)["a"] == ("Failed" if kind in ("invalid", "immutable") else "Ready")


async def demote(world: FleetWorld, cluster: str, rules: list[dict[str, Any]]) -> None:
    """Let the server's token have no more than these rights on a cluster."""
    group = "/apis/rbac.authorization.k8s.io/v1"
    every = {"apiGroups": ["*"], "resources": ["*"]}
    role = {"metadata": {"name": "robot"}, "rules": [{**every, **rule} for rule in rules]}
    binding = {
        "metadata": {"name": "robot"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "robot",
        },
        "subjects": [{"kind": "User", "name": "robot", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    await world.request(cluster, "POST", f"{group}/clusterroles", json=role)
    await world.request(cluster, "POST", f"{group}/clusterrolebindings", json=binding)
    # Its own place, where lease and apply set are kept, stays its own.
    own = f"{group}/namespaces/flotilla-system"
    inside = {**binding, "roleRef": {**binding["roleRef"], "kind": "Role"}}
    place = {"metadata": {"name": "flotilla-system"}}
    await world.request(cluster, "POST", "/api/v1/namespaces", json=place)
    await world.request(
        cluster, "POST", f"{own}/roles", json={**role, "rules": [{**every, "verbs": ["*"]}]}
    )
    await world.request(cluster, "POST", f"{own}/rolebindings", json=inside)
    tokens = world.clusters.cluster(cluster).tokens
    tokens[world.clusters.token] = User(name="robot", groups=(AUTHENTICATED,))


async def take_over(world: FleetWorld, cluster: str) -> None:
    """Let another manager hold a field that the bundle sets."""
    await world.request(
        cluster,
        "PATCH",
        "/api/v1/namespaces/default/configmaps/one",
        params={"fieldManager": "helm"},
        json={
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "one"},
            "data": {"color": "green"},
        },
        headers={"Content-Type": "application/apply-patch+yaml"},
    )


async def test_a_refusal_is_told_by_why_and_ends_with_its_cause() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.commit({"apps/app/one.yaml": NAMELESS})
        await world.until(lambda: world.cluster("b").state == "Failed")
        said = why(world.runtime.coordinator.picture, "cluster/b")
        assert said[0].startswith("app is Failed: ConfigMap/No_Name: ")
        bundle = next(b for b in world.view.bundles if b.name == "app")
        assert "No_Name" in bundle.message
        world.commit({"apps/app/one.yaml": config_map("one", color="red")})
        await world.converged()
        assert not [n for n in world.view.needs if n.kind == "failure"]


async def test_what_may_pass_is_on_its_way_with_its_reason() -> None:
    async with fleet_world() as world:
        await world.converged()
        await world.edit("b", "/api/v1/namespaces/doomed", {})
        in_doomed = config_map("late", namespace="doomed", color="red")
        await world.request("b", "POST", "/api/v1/namespaces", json=doomed())
        await world.request("b", "DELETE", "/api/v1/namespaces/doomed")
        world.commit({"apps/app/late.yaml": in_doomed})
        await world.until(lambda: "late" in world.placement("b", "app").message)
        assert world.placement("b", "app").state == "Reconciling"
        assert "being terminated" in world.placement("b", "app").message
        assert not [n for n in world.view.needs if n.subject == "app @ b"]


def doomed() -> dict[str, Any]:
    """A namespace that stays in deletion: somebody's finalizer holds it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "doomed", "finalizers": ["example.com/hold"]},
    }


def ringed(gates: str) -> dict[str, str]:
    first = "metadata: {name: a, labels: {env: dev, first: 'yes'}}"
    document = f"apiVersion: flotilla.dev/v1\nkind: Cluster\n{first}\n"
    return {
        "clusters/a.yaml": document + "spec: {connection: {context: a}}\n",
        "strategy.yaml": RING.replace("GATES", gates) + "---\n" + APPROVAL,
        "bundles/app.yaml": bundle_document("app", more="  strategyRef: ring\n"),
        "apps/app/web.yaml": deployment("web"),
    }


async def test_a_rollout_is_carried_to_its_end() -> None:
    async with fleet_world(started=False) as world:
        world.tree.commit(ringed(""))
        view = await once(world)
        assert set(states(view).values()) == {"Ready"}
        assert sorted(p.cluster for p in view.placements if p.bundle == "app") == ["a", "b", "c"]
        assert [r.phase for r in view.rollouts] == ["Completed"]


async def test_a_rollout_that_waits_for_a_person_ends_it() -> None:
    async with fleet_world(started=False) as world:
        world.tree.commit(ringed("human"))
        view = await once(world)
        assert [p.cluster for p in view.placements if p.bundle == "app"] == ["a"]
        assert [n.kind for n in view.needs] == ["approval"]
