"""What a real server makes of 31 ways to drift, acted out over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from tests.clusters.embedded.client import APPLY, MERGE, Client
from tests.clusters.embedded.test_drift_cases import CASES, plain, recorded
from tests.clusters.embedded.world import World

STRATEGIC = "application/strategic-merge-patch+json"
PATHS = {
    "ConfigMap": "/api/v1/namespaces/default/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/default/deployments",
}


class Script:
    """Takes down what a case does to an object, to be done over HTTP."""

    def __init__(self, kind: str, name: str) -> None:
        self.collection = PATHS[kind]
        self.path = f"{self.collection}/{name}"
        self.calls: list[tuple[str, str, Any, str, dict[str, str]]] = []
        self._exists = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "live":
            self.calls.append(("DELETE", self.path, None, "", {}))
            self._exists = False
        else:
            super().__setattr__(name, value)

    def _patch(self, by: str, patch: Any, media: str, sub: str, **query: str) -> None:
        path = f"{self.path}/{sub}" if sub else self.path
        self.calls.append(("PATCH", path, patch, media, {"fieldManager": by, **query}))

    def merge(self, by: str, patch: Any, *, sub: str = "") -> None:
        self._patch(by, patch, MERGE, sub)

    def strategic(self, by: str, patch: Any, *, sub: str = "") -> None:
        self._patch(by, patch, STRATEGIC, sub)

    def apply(self, by: str, body: Any, *, force: bool = False) -> None:
        self._patch(by, body, APPLY, "", force=str(force).lower())

    def put(self, by: str, body: Any) -> None:
        body = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k != "uid"}}
        method, path = ("PUT", self.path) if self._exists else ("POST", self.collection)
        self.calls.append((method, path, body, "application/json", {"fieldManager": by}))


def entries(live: Any) -> dict[str, Any]:
    found = {}
    for entry in live["metadata"].get("managedFields", ()):
        below = entry.get("subresource")
        name = f"{entry['manager']}/{entry['operation']}" + (f":{below}" if below else "")
        found[name] = entry
    return found


def projection(live: Any, entry: Any) -> Any:
    world = World()
    world.live = live
    return world.projection(entry["fieldsV1"])


@pytest.mark.parametrize("case", recorded())
async def test_drift_is_served_as_recorded(case: dict[str, Any]) -> None:
    body, act = CASES[case["case"]]
    script = Script(body["kind"], body["metadata"]["name"])
    act(script)  # type: ignore[arg-type]  # takes down what a world would do
    path = script.path
    # Controllers that take their time, so that only the case itself is seen.
    async with (
        EmbeddedClusters(1, ready_after_s=60) as clusters,
        Client(clusters.url_of("cluster-001"), clusters.token) as client,
    ):
        first = (await client.apply(path, body)).body
        again = (await client.apply(path, body)).body
        revision = first["metadata"]["resourceVersion"]
        assert (again["metadata"]["resourceVersion"] == revision) is case["noop_kept_rv"]
        ours = entries(first)["fleet/Apply"]
        for method, where, sent, media, query in script.calls:
            reply = await client.call(method, where, sent, query=query, media=media)
            assert reply.status < 300, reply.raw
        live = await client.get(path)
        dry = await client.apply(path, body, dryRun="All", force="true")
    seen = {
        "rv_changed": live["metadata"]["resourceVersion"] != revision,
        "uid_changed": live["metadata"]["uid"] != first["metadata"]["uid"],
        "our_entry_changed": entries(live).get("fleet/Apply") != ours,
        "projection_changed": projection(live, ours) != projection(first, ours),
        "dryrun_would_change": content(dry.body) != content(live),
    }
    assert seen == {key: case[key] for key in seen}
    managers = [name for name in case["managers_after"] if "controller-manager" not in name]
    assert sorted(entries(live)) == sorted(managers)


def content(live: Any) -> Any:
    """Give the object without what every write changes."""
    bare = plain(live)
    changing = ("resourceVersion", "generation")
    metadata = {k: v for k, v in bare["metadata"].items() if k not in changing}
    return {**bare, "metadata": metadata}
