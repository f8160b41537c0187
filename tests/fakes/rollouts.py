"""A fleet that carries releases in stages: what is committed, and what a test looks for in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from fleet.api.errors import Refused
from fleet.view import RolloutView
from tests.fakes.fleet import (
    FleetWorld,
    bundle_document,
    cluster_document,
    config_map,
    deployment,
)

STRATEGY = """\
apiVersion: flotilla.dev/v1
kind: Strategy
metadata: {name: ring}
spec:
  defaults: {progressDeadline: 3s, retries: 0, unreachable: {mode: defer, grace: 1s, max: 100%}}
  stages:
"""
DEV = "    - {name: dev, select: env=dev, maxConcurrency: 100%, maxFailures: 50%}\n"
CANARY = (
    "    - {name: canary, select: 'env=prod,tier=canary', maxConcurrency: 2, soak: 200ms,"
    " onBreach: rollbackRun}\n"
)
PROD = (
    "    - {name: prod, select: 'env=prod,tier!=canary', maxConcurrency: 50%, soak: 100ms,"
    " gates: {before: [agreed]}}\n"
)
AGREED = """\
apiVersion: flotilla.dev/v1
kind: Gate
metadata: {name: agreed}
spec: {approval: {count: 1, roles: [sre], notAuthor: true}}
"""
FLEET = """\
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: {name: test}
spec:
  guards: {inventoryShrink: {max: 100%}}
  roles: {sre: [alice, ben]}
  identities: {ada: [ada@example.com]}
"""


def labels_of(name: str) -> str:
    """Labels that follow from a name like `prod-3` or `canary-1`."""
    kind = name.partition("-")[0]
    return "env: prod, tier: canary" if kind == "canary" else f"env: {kind}, tier: normal"


def travelling_fleet(
    names: Iterable[str],
    *,
    stages: str = DEV + CANARY + PROD,
    more: Mapping[str, str] | None = None,
    bundle: str = "",
) -> dict[str, str]:
    """The files of a fleet with one bundle, `web`, that travels by the strategy `ring`."""
    return {
        "fleet.yaml": FLEET,
        "strategy.yaml": STRATEGY + stages,
        "gates.yaml": AGREED,
        **{f"clusters/{name}.yaml": cluster_document(name, labels_of(name)) for name in names},
        "bundles/web.yaml": bundle_document("web", more=f"  strategyRef: ring\n{bundle}"),
        "apps/web/web.yaml": deployment("web", "web:1"),
        "apps/web/config.yaml": config_map("web", version="1"),
        **(more or {}),
    }


def image(tag: str) -> dict[str, str]:
    """Another image of `web`; a tag that begins with `fail` never starts."""
    return {"apps/web/web.yaml": deployment("web", f"web:{tag}")}


def failing_on(clusters: Iterable[str], tag: str = "fail") -> dict[str, str]:
    """A patch of the bundle: on these clusters, `web` gets an image that never starts."""
    patch = (
        "  patches:\n"
        "    - target: {kind: Deployment, name: web}\n"
        f"      clusters: [{', '.join(clusters)}]\n"
        "      merge: {spec: {template: {spec: {containers: [{name: main, image: "
        f"'web:{tag}'}}]}}}}}}}}\n"
    )
    return {"bundles/web.yaml": bundle_document("web", more=f"  strategyRef: ring\n{patch}")}


def rollout(world: FleetWorld, name: str) -> RolloutView:
    """A rollout as people see it.

    Raises:
        StopIteration: there is none of this name (yet).
    """
    return next(one for one in world.view.rollouts if one.id == name)


def states(world: FleetWorld, name: str) -> dict[str, str]:
    """Where each cluster stands in a rollout."""
    return {cluster.name: cluster.state for cluster in rollout(world, name).clusters}


async def phase(world: FleetWorld, name: str, wanted: str, timeout_s: float = 60.0) -> None:
    """Wait for a phase of a rollout."""
    await world.until(lambda: rollout(world, name).phase == wanted, timeout_s)


async def approve_when_asked(world: FleetWorld, name: str) -> None:
    """Approve as soon as the rollout asks for it."""
    await world.until(lambda: any(f"approve {name}" in need.command for need in world.view.needs))
    await approve(world, name, reason="looks good")


async def approve(world: FleetWorld, name: str, **more: Any) -> None:
    """Approve the plan of a rollout as it is now."""
    seen = rollout(world, name).plan_hash
    await world.command("approve", f"rollout/{name}", planHash=seen, **more)


async def refusal(world: FleetWorld, command: str, target: str, **more: Any) -> str:
    """The words with which a command is refused; empty: it is not."""
    try:
        await world.command(command, target, **more)
    except Refused as error:
        return str(error)
    return ""


def told(world: FleetWorld) -> list[str]:
    """The newest sentences of the audit log, oldest first."""
    return [event.sentence for event in world.view.events]


async def images(world: FleetWorld) -> dict[str, str]:
    """The image of `web` on each cluster that has it."""
    found = {}
    for name in world.clusters.names:
        live = await world.request(name, "GET", "/apis/apps/v1/namespaces/default/deployments/web")
        with suppress(KeyError):
            found[name] = live["spec"]["template"]["spec"]["containers"][0]["image"]
    return found
