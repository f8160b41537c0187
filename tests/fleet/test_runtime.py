"""A server, a repository and clusters together: what a commit does, and to whom."""

from __future__ import annotations

import asyncio

from fleet.control.runtime import open_runtime
from tests.fakes.fleet import bundle_document, cluster_document, config_map, fleet_world


async def test_one_commit_converges_the_fleet() -> None:
    async with fleet_world() as world:
        await world.converged()
        for name in world.clusters.names:
            assert sorted(await world.config_maps(name)) == ["four", "one", "three", "two"]
        view = world.view
        ready = {b.name: (b.clusters_ready, b.clusters_total) for b in view.bundles}
        assert ready == {"app": (3, 3), "other": (3, 3)}
        assert view.git.subject == "Change"
        assert view.git.author == "Ada"
        assert not view.needs


async def test_an_edited_file_writes_one_object_of_each_affected_cluster() -> None:
    files = {"bundles/other.yaml": bundle_document("other", "clusters: [b]")}
    async with fleet_world() as world:
        world.tree.commit(files)
        world.look()
        await world.converged()
        before = {name: world.writes(name) for name in world.clusters.names}
        world.commit({"apps/other/four.yaml": config_map("four", color="blue")})
        await world.converged()
        after = {name: world.writes(name) for name in world.clusters.names}
        assert {name: after[name] - before[name] for name in after} == {"a": 0, "b": 1, "c": 0}
        assert (await world.config_maps("b"))["four"]["data"] == {"color": "blue"}


async def test_an_added_file_creates_one_object() -> None:
    async with fleet_world() as world:
        await world.converged()
        before = {name: world.writes(name) for name in world.clusters.names}
        world.commit({"apps/app/five.yaml": config_map("five", color="red")})
        await world.converged()
        assert {n: world.writes(n) - before[n] for n in before} == {"a": 1, "b": 1, "c": 1}
        assert "five" in await world.config_maps("c")


async def test_a_removed_file_is_pruned_by_one_request() -> None:
    async with fleet_world() as world:
        await world.converged()
        before = {name: world.writes(name) for name in world.clusters.names}
        world.remove("apps/app/two.yaml")
        await world.until(lambda: sum(_told(world, "ObjectsPruned")) == 3)
        for name in world.clusters.names:
            assert sorted(await world.config_maps(name)) == ["four", "one", "three"]
        assert {n: world.writes(n) - before[n] for n in before} == {"a": 1, "b": 1, "c": 1}
        await world.converged()


async def test_a_commit_that_renders_nothing_new_touches_no_cluster() -> None:
    async with fleet_world() as world:
        await world.converged()
        before = {name: world.clusters.request_counts(name) for name in world.clusters.names}
        world.commit({"README.md": "A fleet."})
        await world.converged()
        assert before == {n: world.clusters.request_counts(n) for n in world.clusters.names}


async def test_an_emptied_folder_asks_before_it_deletes() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.remove("apps/app/one.yaml", "apps/app/two.yaml", "apps/app/three.yaml")
        world.commit({"apps/app/README.md": "nothing here"})
        await world.until(lambda: world.need("confirm"))
        assert "3 clusters" in world.need("confirm")
        assert "all 3 objects would be deleted" in world.need("confirm")
        for name in world.clusters.names:
            assert len(await world.config_maps(name)) == 4

        answer = await world.confirm_prune("app", "a")
        assert answer.accepted
        await world.until(lambda: sum(_told(world, "ObjectsPruned")) == 1)
        assert sorted(await world.config_maps("a")) == ["four"]
        assert len(await world.config_maps("b")) == 4

        await world.confirm_prune("app")
        await world.until(lambda: sum(_told(world, "ObjectsPruned")) == 3)
        assert not world.need("confirm")
        assert sorted(await world.config_maps("b")) == ["four"]


async def test_a_removed_bundle_is_withdrawn_after_confirmation_only() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.remove("bundles/app.yaml")
        await world.until(lambda: world.need("confirm"))
        assert len(await world.config_maps("a")) == 4
        await world.confirm_prune("app")
        await world.until(lambda: [b.name for b in world.view.bundles] == ["other"])
        assert sorted(await world.config_maps("a")) == ["four"]
        await world.converged()


async def test_a_cluster_that_leaves_the_inventory_keeps_what_it_has() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.remove("clusters/c.yaml")
        await world.until(lambda: len(world.view.clusters) == 2)
        assert len(await world.config_maps("c")) == 4
        assert all(p.cluster != "c" for p in world.view.placements)


async def test_a_cluster_that_joins_gets_everything() -> None:
    async with fleet_world() as world:
        world.remove("clusters/c.yaml")
        await world.converged("a", "b")
        assert await world.config_maps("c") == {}
        before = world.writes("a")
        world.commit({"clusters/c.yaml": cluster_document("c")})
        await world.converged()
        assert len(await world.config_maps("c")) == 4
        assert world.writes("a") == before


async def test_a_hand_edit_is_corrected_and_attributed() -> None:
    async with fleet_world() as world:
        await world.converged()
        path = "/api/v1/namespaces/default/configmaps/one"
        await world.edit("b", path, {"data": {"color": "pink", "more": "text"}})
        await world.until(lambda: [d.state for d in world.drift()] == ["corrected"])
        seen = world.drift()[0]
        assert (seen.cluster, seen.bundle, seen.kind, seen.name) == ("b", "app", "ConfigMap", "one")
        assert list(seen.paths) == ["data.color"]
        assert seen.who == "kubectl-edit/Update"
        # What nobody declared is nobody's drift.
        live = (await world.config_maps("b"))["one"]
        assert live["data"] == {"color": "red", "more": "text"}
        await world.converged()


async def test_a_deleted_object_is_put_back() -> None:
    async with fleet_world() as world:
        await world.converged()
        await world.request("a", "DELETE", "/api/v1/namespaces/default/configmaps/two")
        await world.until(lambda: [d.state for d in world.drift()] == ["corrected"])
        assert list(world.drift()[0].paths) == []
        assert "two" in await world.config_maps("a")


async def test_a_bundle_that_only_reports_leaves_the_edit() -> None:
    more = "  policy: {drift: report}\n"
    async with fleet_world() as world:
        world.commit({"bundles/app.yaml": bundle_document("app", more=more)})
        await world.converged()
        path = "/api/v1/namespaces/default/configmaps/one"
        await world.edit("b", path, {"data": {"color": "pink"}})
        await world.until(lambda: world.need("drift") and world.cluster("b").state == "Drifted")
        assert (await world.config_maps("b"))["one"]["data"] == {"color": "pink"}

        drift = world.drift()[0]
        await world.command("acknowledgeDrift", f"drift/{drift.id}", reason="load test")
        await world.until(lambda: not world.need("drift"))
        assert world.drift()[0].note == "alice: load test"

        # Accepted and not done would be worse than refused: a person's word corrects it, once.
        await world.command("correctDrift", f"drift/{drift.id}", reason="over")
        await world.until(lambda: [d.state for d in world.drift()] == ["corrected"])
        assert (await world.config_maps("b"))["one"]["data"] != {"color": "pink"}
        said = [(e.actor, e.sentence) for e in world.view.events]
        assert ("alice", f"asked to put back what was changed: {drift.id}: over") in said


def _told(world: object, kind: str) -> list[bool]:
    return [event.kind == kind for event in world.view.events]  # type: ignore[attr-defined]


async def test_a_server_that_has_just_started_shows_clusters_as_not_heard_of() -> None:
    """Before the first commit was read again it showed none: as if they had left."""
    async with fleet_world(("a", "b")) as world:
        await world.converged()
        await world.stop()
        async with open_runtime(world.settings):
            view = await asyncio.to_thread(world.api.snapshot)
    assert [(c.name, c.state) for c in view.clusters] == [("a", "Pending"), ("b", "Pending")]
    assert {c.why for c in view.clusters} == {"not heard of since the server started"}
