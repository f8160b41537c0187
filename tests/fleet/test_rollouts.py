"""Releases that travel in stages, through a whole server: commits in, clusters changed."""

from __future__ import annotations

import asyncio

from fleet.presenting.why import why
from tests.fakes.fleet import FleetWorld, bundle_document, fleet_world
from tests.fakes.rollouts import (
    CANARY,
    DEV,
    PROD,
    approve_when_asked,
    failing_on,
    image,
    images,
    phase,
    rollout,
    states,
    told,
    travelling_fleet,
)

SMALL = ("dev-1", "canary-1", "prod-1", "prod-2")
STORY = (
    *(f"dev-{number}" for number in range(1, 9)),
    *(f"canary-{number}" for number in range(1, 5)),
    *(f"prod-{number}" for number in range(1, 13)),
)
FIRST = "first canary-1: it was not healthy before its deadline: Deployment/web: "
IN_PRODUCTION = [name for name in STORY if not name.startswith("dev")]


async def test_the_story_of_a_bad_release_on_24_clusters() -> None:
    # With a budget, half of production goes at once; without one, cluster after cluster.
    stages = (
        DEV + CANARY + PROD.replace("maxConcurrency: 50%", "maxConcurrency: 50%, maxFailures: 50%")
    )
    async with fleet_world(STORY, travelling_fleet(STORY, stages=stages)) as world:
        await approve_when_asked(world, "web-1")
        await phase(world, "web-1", "Completed")
        assert await images(world) == dict.fromkeys(STORY, "web:1")

        bad = {**image("2"), **failing_on(IN_PRODUCTION)}
        world.commit(bad, "Try 2")
        await phase(world, "web-2", "RolledBack")
        went_back = states(world, "web-2")
        reached = [name for name, state in went_back.items() if state == "RolledBack"]
        bound = rollout(world, "web-2").stages[1].bound
        assert bound == "at most 1 of 4 clusters can be broken before it stops"
        assert len([name for name in reached if name.startswith("canary")]) == 1
        assert all(went_back[name] == "Pending" for name in STORY if name.startswith("prod"))
        assert await images(world) == dict.fromkeys(STORY, "web:1")
        assert "release the hold" in world.need("halted")
        assert FIRST in world.need("halted"), "also now, when nothing is wrong there any more"
        _says_that_it_is_on_hold(world)
        ran = await asyncio.to_thread(world.api.rollout_history, bundle="web", days=1)
        (stopped,) = (one.stopped for one in ran.rollouts if one.rollout == "web-2")
        assert FIRST in stopped

        # The loop leaves it: an unrelated commit renders the same content.
        world.commit({"README.md": "still bad"})
        await world.never(lambda: any(one.id == "web-3" for one in world.view.rollouts))

        world.commit({**image("3"), "bundles/web.yaml": _plain()}, "Mend it")
        await approve_when_asked(world, "web-3")
        await phase(world, "web-3", "Completed")
        assert await images(world) == dict.fromkeys(STORY, "web:3")
        assert not world.view.needs
        _tells_the_story([sentence for sentence in told(world) if "web-" in sentence])


def _says_that_it_is_on_hold(world: FleetWorld) -> None:
    """Git is ahead of the fleet now: nothing may say that all is as Git says."""
    commit = rollout(world, "web-2").to_revision[:8]
    held = f"{commit} is on hold: 1 of 4 clusters of stage canary failed, its budget is 0; {FIRST}"
    for target in ("fleet", "cluster/prod-1", "bundle/web", "rollout/web-2"):
        reasons = "\n".join(why(world.runtime.coordinator.picture, target))
        assert held in reasons, target
        assert 'release-hold web-2 -r "…"' in reasons
        assert "as Git says, and healthy" not in reasons
    assert world.view.bundles[0].message.startswith(held)
    assert rollout(world, "web-2").from_revision == rollout(world, "web-1").to_revision


def _plain() -> str:
    return bundle_document("web", more="  strategyRef: ring\n")


def _tells_the_story(sentences: list[str]) -> None:
    """Each of these is told, in this order."""
    rest = iter(sentences)
    for wanted in (
        "stage canary starts",
        "no more starts, the budget is exceeded",
        "goes back to",
        "the release is on hold",
        "the rollout ends: RolledBack",
        "web-3",
        "stage dev is complete",
        "alice approves",
        "the rollout ends: Completed",
    ):
        assert any(wanted in sentence for sentence in rest), f"{wanted!r} in {sentences}"
