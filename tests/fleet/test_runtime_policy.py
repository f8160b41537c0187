"""What a bundle says about its objects, through a whole server: planned, applied and told."""

from __future__ import annotations

import asyncio

from tests.fakes.fleet import FLEET_FILE, bundle_document, config_map, fleet_world

CONFIGS = "/api/v1/namespaces/default/configmaps"
RULES = (
    "  policy:\n"
    "    rules: [{target: {kind: ConfigMap, name: one}, fields: [data.color], drift: ignore}]\n"
)


async def test_a_plan_says_what_is_left_kept_let_go_and_refused() -> None:
    async with fleet_world(("a",)) as world:
        world.commit({"bundles/app.yaml": bundle_document("app", more=RULES)})
        await world.converged()
        await world.edit("a", f"{CONFIGS}/one", {"data": {"color": "theirs"}})
        detach = {"metadata": {"annotations": {"flotilla.dev/deletion": "detach"}}}
        await world.edit("a", f"{CONFIGS}/two", detach)
        helm = {"meta.helm.sh/release-name": "shop"}
        taken = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken"}}
        taken["metadata"]["annotations"] = helm  # type: ignore[index]
        await world.request("a", "POST", CONFIGS, json=taken)
        await asyncio.sleep(0.2)

        world.tree.git("checkout", "--quiet", "-b", "next")
        world.tree.git("rm", "--quiet", "apps/app/two.yaml")
        revision = world.tree.commit(
            {
                "apps/app/one.yaml": config_map("one", color="blue", size="2"),
                "apps/app/taken.yaml": config_map("taken", x="1"),
            },
            "next",
        )
        plan = await asyncio.to_thread(world.api.plan, revision)
        (placement,) = plan.clusters
        found = {one.object: one for one in placement.objects}
        assert [change.path for change in found["ConfigMap default/one"].changes] == ["data.size"]
        assert found["ConfigMap default/two"].action == "detach"
        refused = found["ConfigMap default/taken"]
        assert refused.action == "refuse"
        assert "belongs to Helm release shop" in refused.note

        world.tree.git("checkout", "--quiet", "-")
        world.tree.git("merge", "--quiet", "next")
        world.look()
        await world.until(lambda: "Helm release shop" in world.placement("a", "app").message)
        assert world.placement("a", "app").state == "Failed"
        configs = await world.config_maps("a")
        assert configs["one"]["data"] == {"color": "theirs", "size": "2"}
        let_go = await world.request("a", "GET", f"{CONFIGS}/two")
        assert let_go["data"] == {"color": "red"}
        assert "labels" not in let_go["metadata"]
        said = [event.sentence for event in world.view.events]
        assert any("let go of ConfigMap default/two, which stays" in words for words in said)
        assert [drift.name for drift in world.drift()] == []


async def test_a_guard_that_changes_in_git_holds_at_once() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.commit(
            {"fleet.yaml": FLEET_FILE.replace("guards: {", "guards: {prune: {maxObjects: 1}, ")}
        )
        await world.converged()
        before = len(await world.config_maps("a"))
        world.remove("apps/app/one.yaml", "apps/app/two.yaml")
        await world.until(lambda: "at most 1 may be" in world.need("confirm"))
        assert len(await world.config_maps("a")) == before
