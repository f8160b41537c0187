"""kube-prometheus through its life: first apply, an upgrade of 20 objects, removal, return."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from clusters.model import FLEET_LABEL
from fleet.view import NeedView
from tests.fakes.fleet import (
    FLEET_FILE,
    FleetWorld,
    bundle_document,
    cluster_document,
    config_map,
    fleet_world,
)

MANIFESTS = Path(__file__).parents[3] / "shared/samples/kube-prometheus/manifests"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not MANIFESTS.is_dir(), reason=f"there are no samples in {MANIFESTS}"),
]
WAIT_S = 120.0
UPGRADED = 20
PLAIN = "  substitute: false\n"


def manifests() -> dict[str, str]:
    return {
        f"apps/monitoring/{path.relative_to(MANIFESTS)}": path.read_text()
        for path in sorted(MANIFESTS.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
    }


def fleet_files() -> dict[str, str]:
    return {
        "fleet.yaml": FLEET_FILE,
        "clusters/a.yaml": cluster_document("a"),
        "bundles/monitoring.yaml": bundle_document("monitoring", more=PLAIN),
        "bundles/app.yaml": bundle_document("app"),
        "apps/app/one.yaml": config_map("one", color="red"),
        **manifests(),
    }


def upgraded(files: dict[str, str]) -> dict[str, str]:
    """Twenty of the objects, each with a label more, as a new version brings."""
    found = {}
    for name, text in files.items():
        parsed: Any = yaml.load(text, Loader=yaml.CSafeLoader)
        if parsed["kind"] in ("Service", "ServiceMonitor", "NetworkPolicy", "ServiceAccount"):
            parsed["metadata"].setdefault("labels", {})["release"] = "next"
            found[name] = yaml.dump(parsed)
        if len(found) == UPGRADED:
            return found
    raise AssertionError(f"only {len(found)} such objects")


async def wait(world: FleetWorld) -> None:
    head = world.tree.git("rev-parse", "HEAD")
    await world.until(
        lambda: world.view.git.revision == head and world.cluster("a").state == "Ready",
        timeout_s=WAIT_S,
    )


def confirmations(world: FleetWorld) -> list[NeedView]:
    return [need for need in world.view.needs if need.kind == "confirm"]


async def test_kube_prometheus_from_the_first_apply_to_adoption() -> None:
    files = fleet_files()
    async with fleet_world(("a",), files) as world:
        await wait(world)
        total = world.cluster("a").objects
        assert total > 100
        first = world.writes("a")
        assert first <= 1.05 * total + 5, "one PATCH an object, and few more for what waits"

        # An upgrade writes what changed, and nothing else.
        before = world.writes("a")
        world.commit(upgraded(files), "The next version")
        await wait(world)
        assert world.writes("a") - before == UPGRADED
        assert world.cluster("a").drifted == 0

        # Removing it asks first; nothing goes before somebody says so.
        before = world.writes("a")
        world.remove("bundles/monitoring.yaml", "apps/monitoring")
        await world.until(lambda: confirmations(world), timeout_s=WAIT_S)
        assert world.writes("a") == before
        await world.confirm_prune("monitoring", reason="moved to another team")
        await world.until(lambda: not confirmations(world), timeout_s=WAIT_S)
        await world.until(lambda: ours(world) == 1, timeout_s=WAIT_S)
        assert {need.kind for need in world.view.needs} == set()

        # And back again.
        world.commit({**manifests(), "bundles/monitoring.yaml": files["bundles/monitoring.yaml"]})
        await wait(world)
        assert ours(world) == total == world.cluster("a").objects


async def test_kube_prometheus_that_is_there_already_is_adopted_without_a_change() -> None:
    """Its bundle is given up (nothing deleted), and taken over by a new database."""
    async with fleet_world(("a",), fleet_files()) as world:
        await wait(world)
        versions = live(world)
        await world.stop()
        await world.start(state_dir=world.settings.state_dir.with_name("second"))
        await wait(world)
        assert live(world) == versions
        assert world.cluster("a").drifted == 0


def live(world: FleetWorld) -> dict[str, str]:
    """Version of every object of ours, read where the cluster keeps them."""
    storage: Any = world.clusters.cluster("a").storage
    return {
        stored.uid: stored.load()["metadata"]["resourceVersion"]
        for _, shelf in storage.shelves()
        for stored in shelf.sorted()
        if FLEET_LABEL in stored.labels
    }


def ours(world: FleetWorld) -> int:
    return len(live(world))
