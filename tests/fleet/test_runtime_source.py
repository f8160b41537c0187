"""Git in trouble: the fleet keeps what was good last, and says what is wrong now."""

from __future__ import annotations

import pytest

from fleet.source import reading
from fleet.source.errors import SourceError
from fleet.source.whole import Whole
from tests.fakes.fleet import (
    bundle_document,
    cluster_document,
    config_map,
    fleet_world,
    simple_fleet,
)
from tests.fleet.source.gits import WorkTree


async def test_cve_2022_39272_one_broken_file_refuses_the_commit_and_keeps_the_last_good_one() -> (
    None
):
    async with fleet_world() as world:
        await world.converged()
        good = world.view.git.revision
        before = world.writes("a")
        bad = world.commit(
            {
                "apps/app/one.yaml": config_map("one", color="blue"),
                "apps/app/two.yaml": "data: {a: 1\n",
            }
        )
        await world.until(lambda: world.view.git.problems)
        git = world.view.git
        assert (git.revision, git.refused_revision) == (good, bad)
        assert [problem.file for problem in git.problems] == ["apps/app/two.yaml"]
        assert git.problems[0].line == 2
        assert "apps/app/two.yaml:2" in world.need("refused")
        assert world.writes("a") == before
        assert all(c.state == "Ready" for c in world.view.clusters)

        world.commit({"apps/app/two.yaml": config_map("two", color="red")})
        await world.converged()
        assert not world.view.git.problems
        assert not world.need("refused")
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "blue"}


async def test_all_problems_of_a_commit_are_shown_at_once() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.commit(
            {
                "bundles/app.yaml": bundle_document("app", "selector: env", "  colour: red\n"),
                "bundles/other.yaml": bundle_document("other", "clusters: [zzz]"),
                "clusters/a2.yaml": cluster_document("a"),
            }
        )
        await world.until(lambda: world.view.git.problems)
        found = {(p.file, p.line) for p in world.view.git.problems}
        assert {file for file, _ in found} >= {"bundles/app.yaml", "bundles/other.yaml"}
        assert any("colour" in p.field + p.message for p in world.view.git.problems)
        assert any("zzz" in p.message for p in world.view.git.problems)


async def test_a_selector_that_matches_nothing_warns() -> None:
    files = {"bundles/other.yaml": bundle_document("other", "selector: env=moon")}
    async with fleet_world() as world:
        await world.converged()
        world.commit(files)
        revision = world.tree.git("rev-parse", "HEAD")
        await world.until(lambda: world.view.git.revision == revision)
        warned = [e.data["warnings"] for e in world.view.events if e.data.get("warnings")]
        assert len(warned) == 1
        assert warned[0][0]["file"] == "bundles/other.yaml"
        assert "no cluster" in warned[0][0]["message"]
        # What it had before is kept until somebody confirms.
        await world.until(lambda: world.need("confirm"))
        assert "four" in await world.config_maps("a")


async def test_two_bundles_that_claim_one_object_are_refused() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.commit({"apps/other/one.yaml": config_map("one", color="blue")})
        await world.until(lambda: world.view.git.problems)
        problem = world.view.git.problems[0]
        assert problem.file == "bundles/other.yaml"
        assert "ConfigMap default/one" in problem.message
        assert "bundle app" in problem.message
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "red"}


async def test_a_repository_that_vanishes_changes_nothing() -> None:
    async with fleet_world() as world:
        await world.converged()
        away = world.tree.path.with_name("away")
        world.tree.path.rename(away)
        world.look()
        await world.until(lambda: world.view.git.error)
        assert str(world.tree.path) in world.view.git.error
        assert world.need("failure") == world.view.git.error
        assert all(c.state == "Ready" for c in world.view.clusters)
        # Drift is put back all the same.
        await world.request("a", "DELETE", "/api/v1/namespaces/default/configmaps/two")
        await world.until(lambda: [d.state for d in world.drift()] == ["corrected"])

        away.rename(world.tree.path)
        world.look()
        await world.until(lambda: not world.view.git.error)
        assert not world.need("failure")


async def test_an_emptied_repository_deletes_nothing() -> None:
    async with fleet_world() as world:
        await world.converged()
        before = {name: world.writes(name) for name in world.clusters.names}
        world.remove("fleet.yaml", "clusters", "bundles", "apps")
        await world.until(lambda: world.view.git.problems or not world.view.clusters)
        assert {name: world.writes(name) for name in before} == before
        assert len(await world.config_maps("a")) == 4


async def test_a_forced_push_is_followed_and_told() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        await world.converged()
        world.tree.git("reset", "--hard", "--quiet", "HEAD~1")
        world.commit({"apps/app/one.yaml": config_map("one", color="green")})
        await world.converged()
        assert world.view.git.forced
        assert any("force-pushed" in event.sentence for event in world.view.events)
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "green"}


async def test_a_branch_that_is_not_there_is_named() -> None:
    async with fleet_world(ref="release") as world:
        await world.until(lambda: world.view.git.error)
        assert "release" in world.view.git.error
        world.tree.git("branch", "release")
        world.look()
        await world.converged()


async def test_a_tag_is_followed_to_its_commit() -> None:
    async with fleet_world(started=False) as world:
        world.tree.git("tag", "v1")
        world.tree.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        await world.start(ref="v1")
        await world.converged(revision=world.tree.git("rev-parse", "v1"))
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "red"}


async def test_a_bundle_of_another_repository_follows_that_one() -> None:
    async with fleet_world(started=False) as world:
        other = WorkTree.make(
            world.tree.path.with_name("other"),
            {"deploy/five.yaml": config_map("five", color="red")},
        )
        document = bundle_document("apart").replace(
            "path: apps/apart", f"path: deploy, git: {other.path.as_uri()}"
        )
        world.tree.commit({"bundles/apart.yaml": document})
        await world.start()
        await world.converged()
        assert "five" in await world.config_maps("b")
        before = world.writes("b")
        revision = other.commit({"deploy/five.yaml": config_map("five", color="blue")})
        world.look()
        await world.until(lambda: world.placement("b", "apart").revision == revision)
        assert (await world.config_maps("b"))["five"]["data"] == {"color": "blue"}
        assert world.writes("b") == before + 1


async def test_a_restart_touches_nothing_and_forgets_nothing() -> None:
    async with fleet_world() as world:
        await world.converged()
        await world.edit(
            "b", "/api/v1/namespaces/default/configmaps/one", {"data": {"color": "pink"}}
        )
        await world.until(lambda: [d.state for d in world.drift()] == ["corrected"])
        before = {name: world.writes(name) for name in world.clusters.names}
        state, told = world.runtime.coordinator.state, [e.seq for e in world.view.events]
        assigned = {b: dict(placed) for b, placed in state.assignments.items()}
        await world.restart()
        assert {b: dict(p) for b, p in world.runtime.coordinator.state.assignments.items()} == (
            assigned
        )
        await world.converged()
        assert [d.state for d in world.drift()] == ["corrected"]
        assert [e.seq for e in world.view.events][: len(told)] == told
        assert {name: world.writes(name) for name in world.clusters.names} == before


async def test_a_restarted_server_works_from_its_mirror_while_git_is_away() -> None:
    async with fleet_world() as world:
        await world.converged()
        revision = world.tree.git("rev-parse", "HEAD")
        await world.stop()
        world.tree.path.rename(world.tree.path.with_name("away"))
        await world.request("a", "DELETE", "/api/v1/namespaces/default/configmaps/two")
        await world.start()
        await world.converged(revision=revision)
        assert "two" in await world.config_maps("a")
        await world.until(lambda: world.view.git.error)
        assert world.view.git.revision == revision


async def test_drift_of_the_time_the_server_was_away_is_corrected() -> None:
    async with fleet_world() as world:
        await world.converged()
        await world.stop()
        path = "/api/v1/namespaces/default/configmaps/one"
        await world.edit("b", path, {"data": {"color": "pink"}})
        world.tree.commit({"apps/other/four.yaml": config_map("four", color="blue")})
        await world.start()
        await world.converged()
        await world.until(lambda: [d.state for d in world.drift()] == ["corrected"])
        maps = await world.config_maps("b")
        assert maps["one"]["data"] == {"color": "red"}
        assert maps["four"]["data"] == {"color": "blue"}


async def test_a_command_sent_twice_is_carried_out_once() -> None:
    async with fleet_world() as world:
        await world.converged()
        first = await world.command("suspend", "cluster/a", reason="once", key="k1")
        again = await world.command("suspend", "cluster/a", reason="once", key="k1")
        assert again == first
        await world.restart()
        await world.converged("b", "c")
        after = await world.command("suspend", "cluster/a", reason="once", key="k1")
        assert after == first
        assert [e.kind for e in world.view.events].count("Suspended") == 1
        assert [e.actor for e in world.view.events if e.kind == "Suspended"] == ["alice"]


@pytest.mark.parametrize("url", ["ext::sh -c id", "--upload-pack=touch"])
async def test_cve_2022_24439_a_hostile_address_is_refused_before_anything_runs(url: str) -> None:
    async with fleet_world(started=False) as world:
        with pytest.raises(SourceError):
            await world.start(repo=url)


async def test_an_empty_fleet_has_nothing_to_say() -> None:
    async with fleet_world((), simple_fleet(())) as world:
        await world.until(lambda: world.view.git.revision)
        await world.until(lambda: world.runtime.coordinator.settled.is_set())
        assert not world.view.clusters


async def test_git_is_looked_at_on_a_persons_word() -> None:
    async with fleet_world(interval_s=3600.0) as world:
        await world.converged()
        revision = world.tree.commit({"apps/app/one.yaml": config_map("one", color="green")})
        await world.command("reconcile", "git")

        await world.until(lambda: world.view.git.revision == revision)
        assert any("look at Git now" in each.sentence for each in world.view.events)


async def test_a_commit_that_meets_a_bug_is_refused_and_the_fleet_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> Whole:
        raise ZeroDivisionError("password=hunter2")

    async with fleet_world(("a",)) as world:
        await world.converged()
        good = world.view.git.revision
        with monkeypatch.context() as patched:
            patched.setattr(reading, "render_whole", broken)
            bad = world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
            await world.until(lambda: world.view.git.problems)
        assert (world.view.git.revision, world.view.git.refused_revision) == (good, bad)
        (problem,) = world.view.git.problems
        assert "ZeroDivisionError in broken" in problem.message
        assert "hunter2" not in str(world.view)
        world.commit({"apps/app/two.yaml": config_map("two", color="blue")})
        await world.converged()
        assert not world.view.git.problems
