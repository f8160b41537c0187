"""What a real server makes of 31 ways to drift, acted out by the pure functions alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clusters.embedded.world import World

RECORDED = Path(__file__).parents[4] / "shared" / "conformance" / "drift_cases.json"

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "annotations": {"ours": "yes"}},
    "data": {"x": "1", "y": "1"},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "nginx:1.25",
                        "args": ["-a"],
                        "env": [{"name": "A", "value": "1"}],
                        "resources": {"limits": {"cpu": "1"}},
                    }
                ]
            },
        },
    },
}


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(items)}}}}


def put_whole(world: World) -> None:
    world.put("put", {**CONFIG, "metadata": {"name": "a"}, "data": {"x": "9"}})


def recreate(world: World) -> None:
    world.live = None
    body = {**CONFIG, "metadata": {"name": "a", "uid": "u2"}, "data": {"x": "8"}}
    world.put("kubectl-replace", body)


def client_side(world: World) -> None:
    world.merge(
        "kubectl-client-side-apply",
        {
            "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "data": {"x": "7"},
        },
    )


def scale(world: World) -> None:
    world.merge("kubectl-edit", {"spec": {"replicas": 5}}, sub="scale")


def rival(value: str, *, force: bool) -> Callable[[World], None]:
    body = {**CONFIG, "metadata": {"name": "a"}, "data": {"x": value}}
    return lambda world: world.apply("rival", body, force=force) and None


def edit(patch: dict[str, Any], by: str = "kubectl-edit", sub: str = "") -> Callable[[World], None]:
    return lambda world: world.merge(by, patch, sub=sub) and None


def strategic(patch: dict[str, Any], by: str) -> Callable[[World], None]:
    return lambda world: world.strategic(by, patch) and None


NOW = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
CASES: dict[str, tuple[dict[str, Any], Callable[[World], None]]] = {
    "merge patch changes a value we own": (CONFIG, edit({"data": {"x": "2"}})),
    "merge patch sets the same value": (CONFIG, edit({"data": {"x": "1"}})),
    "merge patch adds a key we do not own": (CONFIG, edit({"data": {"z": "1"}})),
    "merge patch deletes a key we own": (CONFIG, edit({"data": {"x": None}})),
    "all data removed": (
        {**CONFIG, "metadata": {"name": "a"}},
        edit({"data": None}),
    ),
    "other manager force-applies our key": (CONFIG, rival("2", force=True)),
    "other manager applies our key with the same value": (CONFIG, rival("1", force=False)),
    "label added by other": (CONFIG, edit({"metadata": {"labels": {"l": "1"}}})),
    "managedFields cleared, values kept": (CONFIG, edit({"metadata": {"managedFields": [{}]}})),
    "managedFields cleared and value changed": (
        CONFIG,
        edit({"metadata": {"managedFields": [{}]}, "data": {"x": "2"}}),
    ),
    "same manager name, Update operation, value changed": (
        CONFIG,
        edit({"data": {"x": "2"}}, by="fleet"),
    ),
    "same manager name applies different content": (
        CONFIG,
        lambda world: world.apply("fleet", {**CONFIG, "data": {"x": "2"}}) and None,
    ),
    "replaced whole by PUT": ({**CONFIG, "data": {"x": "1"}}, put_whole),
    "deployment scaled through merge patch": (DEPLOYMENT, edit({"spec": {"replicas": 5}})),
    "deployment scaled through the scale subresource": (DEPLOYMENT, scale),
    "image changed by strategic patch": (
        DEPLOYMENT,
        strategic(containers({"name": "web", "image": "nginx:9"}), "kubectl-set"),
    ),
    "env added to our container": (
        DEPLOYMENT,
        strategic(containers({"name": "web", "env": [{"name": "B", "value": "2"}]}), "kubectl-set"),
    ),
    "env value of ours changed": (
        DEPLOYMENT,
        strategic(containers({"name": "web", "env": [{"name": "A", "value": "2"}]}), "kubectl-set"),
    ),
    "atomic args changed": (
        DEPLOYMENT,
        strategic(containers({"name": "web", "args": ["-b"]}), "x"),
    ),
    "sidecar injected": (
        DEPLOYMENT,
        strategic(containers({"name": "side", "image": "busybox:1"}), "inj"),
    ),
    "our container removed and another put in": (
        DEPLOYMENT,
        edit(containers({"name": "other", "image": "busybox:1"}), by="x"),
    ),
    "quantity rewritten to an equal one (1000m to 1)": (
        DEPLOYMENT,
        strategic(containers({"name": "web", "resources": {"limits": {"cpu": "1000m"}}}), "x"),
    ),
    "quantity changed": (
        DEPLOYMENT,
        strategic(containers({"name": "web", "resources": {"limits": {"cpu": "2"}}}), "x"),
    ),
    "annotation of ours removed": (CONFIG, edit({"metadata": {"annotations": {"ours": None}}})),
    "status written": (DEPLOYMENT, edit({"status": {"replicas": 2}}, sub="status")),
    "defaulted field changed (not ours): revisionHistoryLimit": (
        DEPLOYMENT,
        edit({"spec": {"revisionHistoryLimit": 3}}),
    ),
    "rollout restart annotation on the template": (
        DEPLOYMENT,
        edit({"spec": {"template": {"metadata": {"annotations": NOW}}}}),
    ),
    "paused": (DEPLOYMENT, edit({"spec": {"paused": True}})),
    "client-side kubectl apply of other content": (CONFIG, client_side),
    "kubectl replace --force (delete and create)": (CONFIG, recreate),
    "finalizer added": (CONFIG, edit({"metadata": {"finalizers": ["example.com/hold"]}})),
}


def recorded() -> list[Any]:
    if not RECORDED.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no recorded drift cases here"))]
    return [pytest.param(case, id=case["case"]) for case in json.loads(RECORDED.read_bytes())]


def plain(content: Any) -> Any:
    """Give the object without what every write changes."""
    metadata = {k: v for k, v in content["metadata"].items() if k != "managedFields"}
    return {**content, "metadata": metadata}


@pytest.mark.parametrize("case", recorded())
def test_drift_is_seen_as_recorded(case: dict[str, Any]) -> None:
    body, act = CASES[case["case"]]
    world = World()
    world.apply("fleet", body)
    world.apply("fleet", body)
    assert (world.writes == 1) is case["noop_kept_rv"]
    ours = world.entries()["fleet/Apply"]
    before, uid = world.projection(ours), world.live["metadata"]["uid"]  # type: ignore[index]

    act(world)

    live = world.live
    assert live is not None
    managers = [name for name in case["managers_after"] if "controller-manager" not in name]
    seen = {
        "rv_changed": world.writes > 1,
        "uid_changed": live["metadata"]["uid"] != uid,
        "our_entry_changed": world.entries().get("fleet/Apply") != ours,
        "projection_changed": world.projection(ours) != before,
        "dryrun_would_change": plain(world.applied("fleet", body, force=True)) != plain(live),
    }
    assert seen == {key: case[key] for key in seen}
    assert sorted(world.entries()) == sorted(managers)
