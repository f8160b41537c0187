"""The levels of drift against what a real API server made of 31 ways to drift.

Each way is acted out on an embedded cluster over HTTP; L1 and L2 must say what the recorded dry-run
apply said.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from clusters.client.api import ClusterApi
from clusters.client.transport import Transport
from clusters.embedded.serve import EmbeddedClusters
from clusters.fields.drift import Glance, Reference, compare, glance, parse_fields
from clusters.fields.ownership import our_entry
from clusters.fields.projection import projection_hash, short_hash
from clusters.fields.rules import ObjectRules
from clusters.model import Applied, BundleName, DriftPolicy, Manifest
from tests.clusters.embedded.test_drift_cases import RECORDED
from tests.fakes.engine import Engine, deployment

Body = dict[str, Any]
Act = Callable[[Engine], Awaitable[Any]]
CONFIGS = "/api/v1/namespaces/default/configmaps"
A = f"{CONFIGS}/a"
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
CONFIG: Body = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "default", "annotations": {"ours": "yes"}},
    "data": {"x": "1", "y": "1"},
}
BARE = {"name": "a", "namespace": "default"}
RESTART = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
LAST = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}


def workload() -> Body:
    content = deployment("web", image="nginx:1.25")
    (container,) = content["spec"]["template"]["spec"]["containers"]
    container |= {
        "name": "web",
        "args": ["-a"],
        "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": "1"}},
    }
    return content


def send(
    path: str, body: Body, *, by: str = "kubectl-edit", kind: str = MERGE, **params: str
) -> Act:
    async def act(engine: Engine) -> Any:
        return await engine.request(
            "PATCH",
            path,
            params={"fieldManager": by, **params},
            json=body,
            headers={"Content-Type": kind},
        )

    return act


def container(by: str, kind: str = STRATEGIC, **item: Any) -> Act:
    return send(WEB, {"spec": {"template": {"spec": {"containers": [item]}}}}, by=by, kind=kind)


def rival(value: str, by: str = "rival", **params: str) -> Act:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": BARE, "data": {"x": value}}
    return send(A, body, by=by, kind=APPLY, **params)


async def put(engine: Engine) -> Any:
    body = CONFIG | {"data": {"x": "9"}, "metadata": BARE}
    return await engine.request("PUT", A, params={"fieldManager": "put"}, json=body)


async def replace(engine: Engine) -> Any:
    await engine.request("DELETE", A)
    body = CONFIG | {"data": {"x": "8"}}
    return await engine.request("POST", CONFIGS, params={"fieldManager": "replace"}, json=body)


ON_CONFIG: dict[str, Act] = {
    "merge patch changes a value we own": send(A, {"data": {"x": "2"}}),
    "merge patch sets the same value": send(A, {"data": {"x": "1"}}),
    "merge patch adds a key we do not own": send(A, {"data": {"z": "1"}}),
    "merge patch deletes a key we own": send(A, {"data": {"x": None}}),
    "all data removed": send(A, {"data": None}),
    "other manager force-applies our key": rival("2", force="true"),
    "other manager applies our key with the same value": rival("1"),
    "label added by other": send(A, {"metadata": {"labels": {"l": "1"}}}),
    "managedFields cleared, values kept": send(A, {"metadata": {"managedFields": [{}]}}),
    "managedFields cleared and value changed": send(
        A, {"metadata": {"managedFields": [{}]}, "data": {"x": "2"}}
    ),
    "same manager name, Update operation, value changed": send(
        A, {"data": {"x": "2"}}, by="flotilla"
    ),
    "same manager name applies different content": rival("2", by="flotilla"),
    "replaced whole by PUT": put,
    "annotation of ours removed": send(A, {"metadata": {"annotations": {"ours": None}}}),
    "client-side kubectl apply of other content": send(
        A, {"metadata": {"annotations": LAST}, "data": {"x": "7"}}, by="kubectl-client-side-apply"
    ),
    "kubectl replace --force (delete and create)": replace,
    "finalizer added": send(A, {"metadata": {"finalizers": ["example.com/hold"]}}),
}
ON_WORKLOAD: dict[str, Act] = {
    "deployment scaled through merge patch": send(WEB, {"spec": {"replicas": 5}}),
    "deployment scaled through the scale subresource": send(
        f"{WEB}/scale", {"spec": {"replicas": 5}}
    ),
    "image changed by strategic patch": container("set", name="web", image="nginx:9"),
    "env added to our container": container("set", name="web", env=[{"name": "B", "value": "2"}]),
    "env value of ours changed": container("set", name="web", env=[{"name": "A", "value": "2"}]),
    "atomic args changed": container("x", name="web", args=["-b"]),
    "sidecar injected": container("injector", name="side", image="busybox:1"),
    "our container removed and another put in": container(
        "x", MERGE, name="other", image="busybox:1"
    ),
    "quantity rewritten to an equal one (1000m to 1)": container(
        "x", name="web", resources={"limits": {"cpu": "1000m"}}
    ),
    "quantity changed": container("x", name="web", resources={"limits": {"cpu": "2"}}),
    "status written": send(f"{WEB}/status", {"status": {"replicas": 2}}),
    "defaulted field changed (not ours): revisionHistoryLimit": send(
        WEB, {"spec": {"revisionHistoryLimit": 3}}
    ),
    "rollout restart annotation on the template": send(
        WEB, {"spec": {"template": {"metadata": {"annotations": RESTART}}}}
    ),
    "paused": send(WEB, {"spec": {"paused": True}}),
}


def recorded() -> list[Any]:
    if not RECORDED.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="no recorded drift cases here"))]
    return [pytest.param(case, id=case["case"]) for case in json.loads(RECORDED.read_bytes())]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"]) as clusters, Engine(clusters) as one:
        await one.stop()
        yield one


@pytest.mark.parametrize("case", recorded())
async def test_the_levels_agree_with_a_real_server(engine: Engine, case: Body) -> None:
    on_config = ON_CONFIG.get(case["case"])
    act = on_config or ON_WORKLOAD[case["case"]]
    manifest = Manifest.of(CONFIG if on_config else workload())
    async with Transport(await engine._connect()) as transport:
        api = ClusterApi(transport)
        await api.discovery.refresh()
        resource = api.discovery.resource(manifest.api_version, manifest.ref.kind)
        first = await api.apply(resource, manifest)
        await act(engine)
        live = await api.get(resource, manifest.ref)
    assert live is not None
    ours = our_entry(first.metadata.entries())
    assert ours is not None
    fields = parse_fields(ours.fields)
    applied = Applied(
        ref=manifest.ref,
        api_version=manifest.api_version,
        bundle=BundleName("app"),
        digest=manifest.digest,
        uid=first.metadata.uid,
        entry_hash=short_hash(ours.fields),
        live_hash=projection_hash(first.content(), fields),
        confirmed=True,
    )
    entries = live.metadata.entries()
    now = our_entry(entries)
    assert (now is None or now.field_set() != fields) is case["our_entry_changed"]
    if case["our_entry_changed"] or case["uid_changed"]:
        assert glance(applied, live.metadata.uid, live.metadata.our_fields()) is Glance.LOOK
    verdict = compare(
        Reference(
            fields=fields,
            live_hash=applied.live_hash,
            values=manifest.content,
            wanted=manifest.content,
        ),
        live.content(),
        entries,
        replaced=live.metadata.uid != applied.uid,
        rules=ObjectRules(DriftPolicy.CORRECT),
    )
    assert (verdict.drift is not None) is case["dryrun_would_change"]
