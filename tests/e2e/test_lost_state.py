"""kill -9, the state directory deleted, a file gone from Git meanwhile: the clusters remember."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from clusters.bookkeeping.mirror import NAMESPACE
from clusters.embedded.serve import EmbeddedClusters
from fleet.api.client import ApiClient
from fleet.api.errors import ServerUnreachable
from fleet.view import FleetView
from tests.e2e.processes import Process, run, short_folder
from tests.fakes.fleet import simple_fleet
from tests.fleet.source.gits import WorkTree

pytestmark = pytest.mark.e2e
NAMES = ("a", "b", "c", "d")


async def test_a_killed_server_without_its_state_deletes_nothing() -> None:
    with short_folder() as folder:
        async with EmbeddedClusters(NAMES, ready_after_s=0.02) as clusters:
            clusters.write_kubeconfig(folder / "kubeconfig")
            tree = WorkTree.make(folder / "repo", simple_fleet(NAMES))
            server = _server(folder)
            server.start()
            await _until(server, folder, lambda view: _ready(view, tree))
            await asyncio.to_thread(_recorded, clusters)
            await asyncio.to_thread(_cli, folder, "suspend", "cluster", "d", "-r", "a drill")
            await asyncio.to_thread(server.wait_until, lambda: "a drill" in _memos(clusters, "d"))
            server.kill()
            shutil.rmtree(folder / "state")
            tree.git("rm", "--quiet", "apps/app/three.yaml")
            tree.commit_all("Drop three")

            await _let_leases_run_out(clusters)
            server.start()
            try:
                await _until(server, folder, lambda view: _ready(view, tree, but="d"))
                said = await asyncio.to_thread(_cli, folder, "get", "clusters", "d")
                assert "suspended by alice: a drill (recalled from" in said
                await asyncio.to_thread(_cli, folder, "resume", "cluster", "d")
                await _until(server, folder, lambda view: _ready(view, tree) and _held(view))
                for name in NAMES:
                    assert _config_maps(clusters, name) >= {"one", "two", "three", "four"}
                    assert clusters.request_counts(name).get("delete", 0) == 0
                said = await asyncio.to_thread(_cli, folder, "get", "events")
                assert "known from its own record only" in said
                said = await asyncio.to_thread(
                    _cli, folder, "confirm-prune", "app", "--yes", "--reason", "it left Git"
                )
                await _until(server, folder, lambda view: not _held(view))
                await asyncio.to_thread(
                    server.wait_until,
                    lambda: all("three" not in _config_maps(clusters, name) for name in NAMES),
                )
            finally:
                await asyncio.to_thread(server.stop)
            for name in NAMES:
                assert _config_maps(clusters, name) >= {"one", "two", "four"}


async def _let_leases_run_out(clusters: EmbeddedClusters) -> None:
    """A minute and a half passes after the kill: nobody writes any more."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {clusters.token}"}) as http:
        for name in NAMES:
            async with http.get(clusters.url_of(name) + path) as answer:
                (lease,) = (await answer.json())["items"]
            lease["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
            url = f"{clusters.url_of(name)}{path}/{lease['metadata']['name']}"
            async with http.put(url, json=lease) as answer:
                assert answer.status == 200, await answer.text()


def _ready(view: FleetView, tree: WorkTree, *, but: str = "") -> bool:
    """Whether all clusters are ready at the newest commit, but for one that is suspended."""
    head = tree.git("rev-parse", "HEAD")
    states = {c.name: c.state for c in view.clusters}
    wanted = {name: "Suspended" if name == but else "Ready" for name in NAMES}
    return view.git.revision == head and states == wanted


def _memos(clusters: EmbeddedClusters, name: str) -> str:
    """What a cluster's records say beside the releases."""
    shelf: Any = clusters.cluster(name).storage
    return " ".join(
        stored.load().get("data", {}).get("release", "")
        for key, objects in shelf.shelves()
        if key == ("", "configmaps")
        for stored in objects.sorted()
    )


def _held(view: FleetView) -> bool:
    needs = [need for need in view.needs if need.kind == "confirm"]
    return any("on 4 clusters left Git" in need.sentence for need in needs)


def _server(folder: Path) -> Process:
    return Process(
        words=(
            "server", "--repo", str(folder / "repo"), "--state", str(folder / "state"),
            "--kubeconfig", str(folder / "kubeconfig"),
        ),
        log=folder / "log",
    )  # fmt: skip


def _cli(folder: Path, *words: str) -> str:
    done = run(*words, "--server", f"unix:{folder / 'state/flotilla.sock'}")
    assert done.returncode == 0, done.stderr
    return done.stdout


async def _until(server: Process, folder: Path, condition: Any) -> None:
    api = ApiClient(f"unix:{folder / 'state/flotilla.sock'}")

    def done() -> bool:
        try:
            return bool(condition(api.snapshot()))
        except ServerUnreachable:
            return False

    await asyncio.to_thread(server.wait_until, done)


def _recorded(clusters: EmbeddedClusters) -> None:
    deadline = time.monotonic() + 60
    while not all(len(_config_maps(clusters, name)) == 6 for name in NAMES):
        assert time.monotonic() < deadline, "the clusters did not record two bundles"
        time.sleep(0.02)


def _config_maps(clusters: EmbeddedClusters, name: str) -> set[str]:
    """Names of all ConfigMaps that Flotilla wrote, read where the cluster keeps them."""
    shelf: Any = clusters.cluster(name).storage
    return {
        stored.load()["metadata"]["name"]
        for key, objects in shelf.shelves()
        if key == ("", "configmaps")
        for stored in objects.sorted()
        if any("flotilla.dev/" in label for label in stored.load()["metadata"].get("labels", {}))
    }
