"""Gates that run a Job or ask a web server, windows and their bypass: real clusters and sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.fakes.fleet import FleetWorld, fleet_world
from tests.fakes.rollouts import (
    FLEET,
    image,
    images,
    phase,
    refusal,
    rollout,
    told,
    travelling_fleet,
)

NAMES = ("dev-1", "prod-1")
STAGES = (
    "    - {name: dev, select: env=dev, gates: {after: [smoke]}}\n"
    "    - {name: prod, select: env=prod}\n"
)


def gate(spec: str, limits: str = "{failures: 0, inconclusive: 1, consecutiveErrors: 1}") -> str:
    return (
        "apiVersion: flotilla.dev/v1\nkind: Gate\nmetadata: {name: smoke}\n"
        f"spec: {{{spec}, interval: 100ms, limits: {limits}}}\n"
    )


def job(image_: str, timeout: str = "5s") -> str:
    container = f"{{name: main, image: '{image_}'}}"
    pod = f"{{restartPolicy: Never, containers: [{container}]}}"
    spec = f"{{backoffLimit: 0, template: {{spec: {pod}}}}}"
    manifest = (
        "{apiVersion: batch/v1, kind: Job, metadata: {name: smoke, namespace: default}, "
        f"spec: {spec}}}"
    )
    return gate(f"job: {{timeout: {timeout}, manifest: {manifest}}}")


def asking(declared: str, stages: str = STAGES) -> dict[str, str]:
    return travelling_fleet(NAMES, stages=stages, more={"smoke.yaml": declared})


async def jobs(world: FleetWorld) -> list[str]:
    found = await world.request("dev-1", "GET", "/apis/batch/v1/namespaces/default/jobs")
    return [each["metadata"]["name"] for each in found["items"]]


def gate_state(world: FleetWorld, name: str) -> str:
    return rollout(world, name).stages[0].gates_after[0].state


# --- Jobs -----------------------------------------------------------------------------------------


async def test_a_job_that_succeeds_lets_the_release_on_and_is_tidied_away() -> None:
    async with fleet_world(NAMES, asking(job("smoke:1"))) as world:
        await phase(world, "web-1", "Completed")
        assert any("gate smoke (after stage dev) says success" in line for line in told(world))
        assert await jobs(world) == []


async def test_a_job_that_fails_halts_the_release() -> None:
    async with fleet_world(NAMES, asking(job("smoke:1"))) as world:
        await phase(world, "web-1", "Completed")
        world.commit({**image("2"), "smoke.yaml": job("smoke:crash")})
        await phase(world, "web-2", "Halted")
        assert "gate smoke failed (dev-1: " in world.need("halted")
        assert await images(world) == {"dev-1": "web:2", "prod-1": "web:1"}
        assert await jobs(world) == []


async def test_a_job_that_never_ends_fails_when_its_time_is_over() -> None:
    # Its image cannot be pulled: the Pod waits for ever.
    async with fleet_world(NAMES, asking(job("smoke:fail", timeout="1s"))) as world:
        await phase(world, "web-1", "Halted", 20.0)
        assert "dev-1: not complete after 1 s" in world.need("halted")
        assert await jobs(world) == []


# --- web servers ----------------------------------------------------------------------------------


@dataclass
class Target:
    """A web server with a mind of its own."""

    status: int = 200
    url: str = ""

    async def answer(self, _: web.Request) -> web.Response:
        return web.Response(status=self.status)


@asynccontextmanager
async def served(target: Target) -> AsyncIterator[web.AppRunner]:
    app = web.Application()
    app.add_routes([web.get("/healthz", target.answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    target.url = f"http://{host}:{port}/healthz"
    try:
        yield runner
    finally:
        await runner.cleanup()


async def test_a_web_server_lets_on_stops_and_when_it_is_gone_a_person_is_asked() -> None:
    target = Target()
    async with served(target) as runner:
        files = asking(gate(f"http: {{url: '{target.url}', timeout: 1s}}"))
        async with fleet_world(NAMES, files) as world:
            await phase(world, "web-1", "Completed")

            target.status = 503
            world.commit(image("2"))
            await phase(world, "web-2", "Halted")
            assert "gate smoke failed (HTTP 503)" in world.need("halted")

            await runner.cleanup()
            world.commit(image("3"))
            # Nobody answers: that is no success and no failure.
            await world.until(lambda: gate_state(world, "web-3") == "inconclusive")
            assert "smoke: " in world.need("approval")
            assert (await images(world))["prod-1"] == "web:1"
            said = await refusal(world, "passGate", "rollout/web-3")
            assert "passing a gate needs a reason" in said
            await world.command("passGate", "rollout/web-3", reason="looked at it by hand")
            await phase(world, "web-3", "Completed")


# --- windows --------------------------------------------------------------------------------------

CLOSED = (
    "apiVersion: flotilla.dev/v1\nkind: Window\nmetadata: {name: freeze}\n"
    "spec: {kind: deny, select: env=prod, from: '2020-01-01', to: '2099-01-01',"
    " timezone: UTC, bypassRole: incident-commander}\n"
)


async def test_a_closed_window_is_passed_only_with_role_reason_and_end() -> None:
    roles = FLEET.replace("sre: [alice, ben]", "incident-commander: [ben]")
    plain = "    - {name: dev, select: env=dev}\n    - {name: prod, select: env=prod}\n"
    more = {"freeze.yaml": CLOSED, "fleet.yaml": roles, "gates.yaml": "# none\n"}
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=plain, more=more)) as world:
        await world.until(lambda: "window freeze keeps prod-1 out" in waits(world))
        bypass = {"target": "rollout/web-1", "window": "freeze"}
        said = await refusal(world, "bypassWindow", reason="outage", **bypass)
        assert "alice lacks the role incident-commander that may bypass window freeze" in said
        world.commit({"fleet.yaml": roles.replace("[ben]", "[alice]")})
        await world.converged("dev-1")
        for more_words, refused in (
            ({}, "bypassing a window needs a reason"),
            ({"reason": "outage", "forS": 9e6}, "later than now and within 7 days"),
            ({"reason": "outage", "forS": -1}, "later than now and within 7 days"),
            ({"reason": "outage", "window": "other"}, "there is no window other"),
        ):
            asked = {**bypass, **more_words}
            assert refused in await refusal(world, "bypassWindow", **asked)
        await world.never(lambda: rollout(world, "web-1").phase != "Running", for_s=0.2)
        await world.command("bypassWindow", reason="outage 4711", forS=600, **bypass)
        await phase(world, "web-1", "Completed")
        [line] = [line for line in told(world) if "bypasses window" in line]
        assert "alice bypasses window freeze until" in line
        assert "outage 4711" in line


def waits(world: FleetWorld) -> str:
    return " ".join(rollout(world, "web-1").waiting_on)


async def test_a_bypass_ends() -> None:
    roles = FLEET.replace("sre: [alice, ben]", "incident-commander: [alice]")
    names = ("prod-1", "prod-2")
    one = "    - {name: prod, select: env=prod, soak: 1s}\n"
    more = {"freeze.yaml": CLOSED, "fleet.yaml": roles, "gates.yaml": "# none\n"}
    async with fleet_world(names, travelling_fleet(names, stages=one, more=more)) as world:
        await world.until(lambda: "window freeze keeps" in waits(world))
        await world.command(
            "bypassWindow", "rollout/web-1", reason="outage", window="freeze", forS=0.5
        )
        await world.until(lambda: set(await_states(world)) == {"Good", "Blocked"})
        await asyncio.sleep(0.2)
        assert "window freeze keeps prod-2 out" in waits(world)


def await_states(world: FleetWorld) -> list[str]:
    return [cluster.state for cluster in rollout(world, "web-1").clusters]
