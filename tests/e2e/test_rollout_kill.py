"""kill -9 of the server at any moment of a rollout: the same end, nothing done twice.

`FLOTILLA_KILLS=50` kills it fifty times instead of three.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from clusters.embedded.serve import EmbeddedClusters
from clusters.model import ClusterName
from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from fleet.rollout.events import (
    BecameHealthy,
    ClusterAssigned,
    Event,
    GateMeasured,
    Measurement,
    RolloutStarted,
    SoakElapsed,
)
from fleet.rollout.member_events import CoordinatorStarted
from fleet.rollout.record import read_event
from fleet.rollout.requests import Approved
from fleet.state.facts import RolloutEvent, from_row
from fleet.store.store import Store
from fleet.view import CommandRequest
from tests.e2e.processes import Process, run, short_folder
from tests.fakes.rollouts import CANARY, DEV, image, travelling_fleet
from tests.fleet.source.gits import WorkTree

pytestmark = pytest.mark.e2e
KILLS = int(os.environ.get("FLOTILLA_KILLS", "3"))
NAMES = ("dev-1", "dev-2", "canary-1", "canary-2", "prod-1", "prod-2")
SOAK_S = 0.2
PROD = (
    "    - {name: prod, select: 'env=prod,tier!=canary', maxConcurrency: 1, soak: 100ms,"
    " gates: {before: [agreed, smoke]}}\n"
)
SMOKE = """\
apiVersion: flotilla.dev/v1
kind: Gate
metadata: {name: smoke}
spec: {http: {url: 'URL'}, interval: 100ms}
"""


@pytest.mark.timeout(60 + 20 * KILLS)
async def test_a_rollout_survives_kills_of_the_server() -> None:
    chance = random.Random(KILLS)
    async with _smoke_target() as url:
        with short_folder() as folder:
            async with EmbeddedClusters(NAMES, ready_after_s=0.02) as clusters:
                clusters.write_kubeconfig(folder / "kubeconfig")
                more = {"smoke.yaml": SMOKE.replace("URL", url)}
                files = travelling_fleet(NAMES, stages=_stages(), more=more)
                tree = WorkTree.make(folder / "repo", files)
                server = _Server(folder)
                await server.start()
                try:
                    await server.carried("web-1")
                    for number in range(KILLS):
                        tree.commit(image(str(number + 2)), f"Release {number + 2}")
                        await server.look()
                        await asyncio.sleep(chance.random())
                        server.kill()
                        await server.start()
                        await server.carried(f"web-{number + 2}")
                finally:
                    await server.stop()
                assert await _generations(clusters) == dict.fromkeys(NAMES, KILLS + 1)
            for rollout, events in (await _runs(folder)).items():
                _nothing_twice(rollout, events)
                _soaked(rollout, events)
            report = await asyncio.to_thread(
                run, "audit", "verify", "--state", str(folder / "state")
            )
            assert report.returncode == 0, report.stderr


def _stages() -> str:
    return DEV + CANARY + PROD


class _Server:
    """The server's process, and what a person does with it."""

    def __init__(self, folder: Path) -> None:
        self._process = Process(
            words=(
                "server", "--repo", str(folder / "repo"), "--state", str(folder / "state"),
                "--kubeconfig", str(folder / "kubeconfig"),
            ),
            log=folder / "log",
        )  # fmt: skip
        self._api = ApiClient(f"unix:{folder / 'state/flotilla.sock'}")

    async def start(self) -> None:
        self._process.start()
        await asyncio.to_thread(self._process.wait_until, self._answers)

    def kill(self) -> None:
        self._process.kill()

    async def stop(self) -> None:
        await asyncio.to_thread(self._process.stop)

    async def look(self) -> None:
        asked = CommandRequest(command="reconcile", target="fleet")
        await asyncio.to_thread(self._api.command, asked)

    async def carried(self, rollout: str) -> None:
        """Approve what asks for it, until a rollout is completed."""
        await asyncio.to_thread(self._process.wait_until, lambda: self._is_completed(rollout))

    def _answers(self) -> bool:
        try:
            self._api.snapshot()
        except ApiError:
            return False
        return True

    def _is_completed(self, rollout: str) -> bool:
        view = self._api.snapshot()
        if any(need.command == f"flotilla approve {rollout}" for need in view.needs):
            seen = next(one.plan_hash for one in view.rollouts if one.id == rollout)
            asked = CommandRequest(
                command="approve",
                target=f"rollout/{rollout}",
                actor="alice",
                arguments={"planHash": seen},
            )
            with suppress(ApiError):
                self._api.command(asked)
        return any(one.id == rollout and one.phase == "Completed" for one in view.rollouts)


class _smoke_target:  # noqa: N801 - a context manager
    """A web server that the gate asks; give its address."""

    async def __aenter__(self) -> str:
        app = web.Application()
        app.add_routes([web.get("/", self._answer)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")


async def _generations(clusters: EmbeddedClusters) -> dict[str, int]:
    """How often the content of `web` was changed on each cluster, its creation included."""
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    found = {}
    headers = {"Authorization": f"Bearer {clusters.token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for name in NAMES:
            async with http.get(clusters.url_of(name) + path) as answer:
                found[name] = (await answer.json())["metadata"]["generation"]
    return found


async def _runs(folder: Path) -> dict[str, list[Event]]:
    """Every rollout's events, as they were stored."""
    found: dict[str, list[Event]] = {}
    async with await Store.open(folder / "state/flotilla.db", read_only=True) as store:
        after = 0
        while rows := await store.read(after=after):
            for row in rows:
                fact = from_row(row.kind, row.at, row.actor, row.data)
                if isinstance(fact, RolloutEvent):
                    found.setdefault(fact.rollout, []).append(read_event(fact.event))
            after = rows[-1].seq
    return found


def _nothing_twice(rollout: str, events: Sequence[Event]) -> None:
    """One plan, one answer of each person, one success of the gate, one change of each cluster."""
    assert sum(isinstance(event, RolloutStarted) for event in events) == 1, rollout
    assert sum(isinstance(event, Approved) for event in events) == 1, rollout
    passed = [e for e in events if isinstance(e, GateMeasured) and e.outcome is Measurement.SUCCESS]
    assert len(passed) == 1, rollout
    for name in map(ClusterName, NAMES):
        for kind in (ClusterAssigned, SoakElapsed):
            of_it = [e for e in events if isinstance(e, kind) and e.cluster == name]
            assert len(of_it) == 1, (rollout, name, kind)


def _soaked(rollout: str, events: Sequence[Event]) -> None:
    """Every canary was watched, healthy, for its whole soak: outages do not count."""
    outages = [
        (event.alive_until, event.at)
        for event in events
        if isinstance(event, CoordinatorStarted) and event.alive_until is not None
    ]
    for done in events:
        if isinstance(done, SoakElapsed) and done.cluster.startswith("canary"):
            healthy = next(
                e for e in events if isinstance(e, BecameHealthy) and e.cluster == done.cluster
            )
            seen_s = (done.at - healthy.at).total_seconds() - sum(
                _overlap_s(healthy.at, done.at, *outage) for outage in outages
            )
            assert seen_s >= SOAK_S - 0.001, (rollout, done.cluster, seen_s)


def _overlap_s(begin: datetime, end: datetime, lost: datetime, back: datetime) -> float:
    return max(0.0, (min(end, back) - max(begin, lost)).total_seconds())
