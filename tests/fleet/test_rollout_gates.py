"""Gates that ask a real Prometheus: passes, fails, and is inconclusive when there is no answer."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.fleet import FleetWorld, fleet_world
from tests.fakes.rollouts import image, images, phase, rollout, travelling_fleet

PROMETHEUS = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")
NAMES = ("dev-1", "prod-1")
STAGES = (
    "    - {name: dev, select: env=dev}\n"
    "    - {name: prod, select: env=prod, gates: {before: [error-rate]}}\n"
)
GATE = """\
apiVersion: flotilla.dev/v1
kind: Gate
metadata: {name: error-rate}
spec:
  prometheus: {url: 'URL', query: 'QUERY'}
  success: value < 0.01
  failure: value > 0.05
  interval: 100ms
  limits: {failures: 1, inconclusive: 1, consecutiveErrors: 1}
"""


NEWEST = "last_over_time(error_rate[1m])"
"""Also where one scrape got no answer in time: on a busy machine that says nothing of the rate."""


class Target:
    """What Prometheus scrapes: its error rate is what the test says."""

    rate = 0.0

    async def answer(self, _: web.Request) -> web.Response:
        return web.Response(text=f"error_rate {self.rate}\n", content_type="text/plain")


@asynccontextmanager
async def served(target: Target) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes([web.get("/metrics", target.answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def prometheus(folder: Path, scraped: str) -> AsyncIterator[str]:
    """Run Prometheus on a free port of the loopback."""
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
        "scrape_configs:\n"
        f"  - {{job_name: web, static_configs: [{{targets: ['{scraped}']}}]}}\n"
    )
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        str(PROMETHEUS),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_it_says(url: str, wanted: Callable[[float], bool]) -> None:
    """Wait until Prometheus has scraped a value."""
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            try:
                async with http.get(f"{url}/api/v1/query", params={"query": NEWEST}) as answer:
                    found = (await answer.json())["data"]["result"]
                if found and wanted(float(found[0]["value"][1])):
                    return
            except (aiohttp.ClientError, KeyError):
                pass
            await asyncio.sleep(0.1)
    raise AssertionError("Prometheus did not scrape the target")


def fleet_asking(url: str, query: str = NEWEST) -> dict[str, str]:
    gate = GATE.replace("URL", url).replace("QUERY", query)
    return travelling_fleet(NAMES, stages=STAGES, more={"error-rate.yaml": gate})


def gate_state(world: FleetWorld, name: str) -> str:
    return rollout(world, name).stages[1].gates_before[0].state


@needs_prometheus
async def test_what_a_real_prometheus_says_decides(tmp_path: Path) -> None:
    """One Prometheus for all of it: it looks at its targets five seconds after its start."""
    target = Target()
    async with served(target) as scraped, prometheus(tmp_path, scraped) as url:
        await until_it_says(url, lambda value: value == 0.0)
        await _a_release_passes_and_the_next_fails(target, url)
        await _between_good_and_bad_a_person_is_asked(target, url)


async def _a_release_passes_and_the_next_fails(target: Target, url: str) -> None:
    async with fleet_world(NAMES, fleet_asking(url)) as world:
        await phase(world, "web-1", "Completed")

        target.rate = 0.2
        await until_it_says(url, lambda value: value == 0.2)
        world.commit(image("2"))
        await phase(world, "web-2", "Halted")
        assert gate_state(world, "web-2") == "failed"
        assert "gate error-rate failed (0.2)" in world.need("halted")
        assert await images(world) == {"dev-1": "web:2", "prod-1": "web:1"}


async def _between_good_and_bad_a_person_is_asked(target: Target, url: str) -> None:
    target.rate = 0.03
    await until_it_says(url, lambda value: value == 0.03)
    async with fleet_world(NAMES, fleet_asking(url)) as world:
        await _pass(world, "web-1")
        await phase(world, "web-1", "Completed")
        world.commit({"error-rate.yaml": fleet_asking(url, "no_such_metric")["error-rate.yaml"]})
        world.commit(image("2"))
        await world.until(lambda: gate_state(world, "web-2") == "inconclusive")
        assert "gave no value" in world.need("approval")
        assert await images(world) == {"dev-1": "web:2", "prod-1": "web:1"}


async def test_a_prometheus_that_does_not_answer_opens_no_gate() -> None:
    async with fleet_world(NAMES, fleet_asking(f"http://127.0.0.1:{free_port()}")) as world:
        await world.until(lambda: gate_state(world, "web-1") == "inconclusive")
        assert "cannot connect to 127.0.0.1:" in world.need("approval")
        assert "Connection refused" in world.need("approval")
        assert await images(world) == {"dev-1": "web:1"}


async def _pass(world: FleetWorld, name: str) -> None:
    await world.until(lambda: gate_state(world, name) == "inconclusive")
    await world.command("passGate", f"rollout/{name}", reason="the graphs are flat")
