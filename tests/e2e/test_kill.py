"""kill -9 of the server in the middle of its first apply: nothing is lost, orphaned or repeated."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest

from clusters.bookkeeping.mirror import NAMESPACE
from clusters.embedded.serve import EmbeddedClusters
from fleet.api.client import ApiClient
from fleet.api.errors import ServerUnreachable
from tests.e2e.processes import Process, run, short_folder
from tests.fakes.fleet import (
    FLEET_FILE,
    WRITING,
    bundle_document,
    cluster_document,
    config_map,
    deployment,
)
from tests.fleet.source.gits import WorkTree

pytestmark = pytest.mark.e2e
KILLS = int(os.environ.get("FLOTILLA_KILLS", "3"))
NAMES = ("a", "b", "c", "d")
OBJECTS = 30


def _files() -> dict[str, str]:
    return {
        "fleet.yaml": FLEET_FILE,
        **{f"clusters/{name}.yaml": cluster_document(name) for name in NAMES},
        "bundles/app.yaml": bundle_document("app"),
        "bundles/web.yaml": bundle_document("web", more="  dependsOn: [{bundle: app}]\n"),
        **{
            f"apps/app/{number:02}.yaml": config_map(f"map-{number:02}", number=str(number))
            for number in range(OBJECTS)
        },
        "apps/web/web.yaml": deployment("web"),
    }


@pytest.mark.parametrize("seed", range(KILLS))
async def test_a_killed_server_goes_on_where_it_was(seed: int) -> None:
    """Killed twice: at a random write of the first apply, and at one of what is left of it."""
    chance = random.Random(seed)
    total = (OBJECTS + 1) * len(NAMES)
    with short_folder() as folder:
        async with EmbeddedClusters(NAMES, ready_after_s=0.02) as clusters:
            clusters.write_kubeconfig(folder / "kubeconfig")
            for name in NAMES:
                clusters.set_faults(name, latency_s=0.01)
            tree = WorkTree.make(folder / "repo", _files())
            server = _server(folder)
            for _ in range(2):
                done = _writes(clusters)
                at = done + chance.randrange(max(1, total - done))
                server.start()
                try:
                    await asyncio.to_thread(server.wait_until, lambda at=at: _writes(clusters) > at)
                    await asyncio.sleep(chance.random() * 0.02)
                finally:
                    server.kill()
                # What was applied a moment ago may leave Git before the server is back.
                dropped = f"map-{chance.randrange(OBJECTS):02}"
                path = tree.path / f"apps/app/{dropped[4:]}.yaml"
                path.unlink(missing_ok=True)
                tree.commit_all(f"Drop {dropped}")
            await _converge(folder, tree.git("rev-parse", "HEAD"))
            wanted = {p.stem for p in (tree.path / "apps/app").iterdir()}
            for name in NAMES:
                assert _held(clusters, name) == wanted
            report = await asyncio.to_thread(
                run, "audit", "verify", "--state", str(folder / "state")
            )
            assert report.returncode == 0, report.stderr

            before = _writes(clusters)
            await _converge(folder, tree.git("rev-parse", "HEAD"))
            assert _writes(clusters) == before


def _server(folder: Path) -> Process:
    return Process(
        words=(
            "server", "--repo", str(folder / "repo"), "--state", str(folder / "state"),
            "--kubeconfig", str(folder / "kubeconfig"),
        ),
        log=folder / "log",
    )  # fmt: skip


async def _converge(folder: Path, revision: str) -> None:
    """Run a server until the fleet is as a commit says, and end it in order."""
    server = _server(folder)
    api = ApiClient(f"unix:{folder / 'state/flotilla.sock'}")

    def converged() -> bool:
        try:
            view = api.snapshot()
        except ServerUnreachable:
            return False
        return view.git.revision == revision and all(c.state == "Ready" for c in view.clusters)

    server.start()
    try:
        await asyncio.to_thread(server.wait_until, converged)
    finally:
        code = await asyncio.to_thread(server.stop)
    assert code == 0


def _writes(clusters: EmbeddedClusters) -> int:
    """How many writes were answered: all but those of leases and records of apply sets."""
    counts = [clusters.cluster(name).namespace_counts for name in clusters.names]
    return sum(
        number
        for count in counts
        for (namespace, verb), number in count.items()
        if verb in WRITING and namespace != NAMESPACE
    )


def _held(clusters: EmbeddedClusters, name: str) -> set[str]:
    """Numbers of the ConfigMaps that carry our label, read where the cluster keeps them."""
    shelf: Any = clusters.cluster(name).storage
    found = set()
    for key, objects in shelf.shelves():
        if key == ("", "configmaps"):
            for stored in objects.sorted():
                body = stored.load()
                if "flotilla.dev/fleet" in body["metadata"].get("labels", {}):
                    found.add(body["metadata"]["name"].removeprefix("map-"))
    return found
