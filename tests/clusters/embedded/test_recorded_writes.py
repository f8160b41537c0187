"""Writes recorded from a real server, acted out by the pure functions alone.

What only a server can answer (missing objects, stale versions, URLs) is left to its own tests.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from clusters.embedded.patches import json_patch
from clusters.embedded.status import ApiStatus, invalid
from clusters.embedded.validation import validate_create, validate_update
from tests.clusters.embedded.world import World

SCENARIOS = Path(__file__).parents[4] / "shared" / "conformance" / "scenarios"
NAMES = ("apply-configmap", "apply-deployment", "apply-finalizers", "generation", "patches")
NOT_PURE = {
    "no-manager",
    "no-namespace",
    "no-kind",
    "wrong-name",
    "with-stale-version",
    "with-uid-of-none",
    "missing",
    "json-test-fails",
    "service",
    "service-ip-immutable",
    "service-port-listmap",
}


def step_fields(body: Any) -> Any:
    return [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in body["metadata"].get("managedFields", ())
    ]


def recorded_fields(step: dict[str, Any]) -> Any:
    """Give the recorded managedFields; None where they were not recorded whole."""
    body = step["expect"]["body"]
    if "metadata.managedFields" in (step.get("compare") or ()):
        entries = body["metadata.managedFields"]
        if not entries:
            return None
        body = {"metadata": {"managedFields": entries[0]}}
    elif step.get("compare") or body.get("kind") == "Status":
        return None
    return step_fields(body)


class Player:
    """Plays a scenario's writes, one world per object."""

    def __init__(self) -> None:
        self.worlds: dict[str, World] = {}

    def play(self, step: dict[str, Any]) -> tuple[int, Any]:
        """Give status and answer."""
        path, sub = step["path"], ""
        for name in ("status", "scale"):
            if path.endswith(f"/{name}"):
                path, sub = path.removesuffix(f"/{name}"), name
        world = self.worlds.setdefault(path, World())
        manager = step.get("query", {}).get("fieldManager", "unknown")
        kept = world.live, world.writes
        try:
            answer = self._write(world, step, step["body"], manager, sub)
        except ApiStatus as refusal:
            world.live, world.writes = kept
            return refusal.code, refusal.body()
        if step.get("query", {}).get("dryRun"):
            world.live, world.writes = kept
        return 201 if kept[0] is None else 200, answer

    def _write(self, world: World, step: Any, body: Any, manager: str, sub: str) -> Any:
        kind = step.get("headers", {}).get("Content-Type", "")
        before = world.live
        if kind.startswith("application/apply-patch"):
            world.apply(manager, body, force=step.get("query", {}).get("force") == "true")
        elif kind.startswith("application/merge-patch"):
            world.merge(manager, body, sub=sub)
        elif kind.startswith("application/strategic"):
            world.strategic(manager, body)
        elif kind.startswith("application/json-patch"):
            world.put(manager, json_patch(world.live or {}, body))
        else:
            world.put(manager, body)
        self._judge(world, before)
        return world.live

    def _judge(self, world: World, before: Any) -> None:
        new: Any = world.live
        group = new["apiVersion"].rpartition("/")[0]
        named = {"group": group, "kind": new["kind"]}
        versioned = {**new, "metadata": {"resourceVersion": "1", **new["metadata"]}}
        if before is None:
            causes = validate_create(versioned, namespaced=False, **named)
        else:
            causes = validate_update(versioned, before, **named)
        if causes:
            raise invalid(new["kind"], new["metadata"]["name"], causes, group=group)


def writes(scenario: str) -> list[Any]:
    file = SCENARIOS / f"{scenario}.json"
    if not file.exists():
        return []
    steps = json.loads(file.read_bytes())["steps"]
    alive = itertools.takewhile(lambda step: step.get("method") != "DELETE", steps)
    return [
        step
        for step in alive
        if step.get("method") in ("PATCH", "PUT")
        and step["id"] not in NOT_PURE
        and isinstance(step.get("body"), dict | list)
        and "/namespaces/" in step["path"]
    ]


def in_any_order(entries: list[Any]) -> list[Any]:
    """Forget the order of entries, which goes by time."""
    return sorted(entries, key=lambda entry: (entry["operation"], entry["manager"]))


@pytest.mark.parametrize("scenario", NAMES)
def test_recorded_writes(scenario: str) -> None:
    steps = writes(scenario)
    if not steps:
        pytest.skip("no recorded scenarios here")
    player = Player()
    for step in steps:
        status, answer = player.play(step)
        if "expect" not in step:
            continue
        assert status == step["expect"]["status"], step["id"]
        if answer["kind"] == "Status" and not step.get("compare"):
            assert answer == step["expect"]["body"], step["id"]
        fields = recorded_fields(step)
        if fields is not None:
            assert in_any_order(step_fields(answer)) == in_any_order(fields), step["id"]
