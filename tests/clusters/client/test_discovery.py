"""What a server serves, said in the new way and in the old one."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from clusters.client.discovery import Discovery, Resource
from clusters.client.transport import Transport
from clusters.embedded.serve import EmbeddedClusters
from clusters.errors import ServerFault, UnknownKind, Unreachable
from clusters.model import GroupKind, ObjectRef
from tests.fakes.engine import Engine
from tests.fakes.http_server import json, serving, status

WIDGET = GroupKind("example.com", "Widget")


def served(kind: str, plural: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": ["get"]}


def aggregated(*groups: tuple[str, list[tuple[str, str, list[dict[str, Any]]]]]) -> web.Response:
    return json(
        {
            "kind": "APIGroupDiscoveryList",
            "items": [
                {
                    "metadata": {"name": name},
                    "versions": [
                        {"version": version, "freshness": freshness, "resources": resources}
                        for version, freshness, resources in versions
                    ],
                }
                for name, versions in groups
            ],
        }
    )


async def read(answers: dict[str, Any]) -> tuple[Discovery, list[str]]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = answers.get(request.raw_path)
        return answer() if answer else status(500, "InternalError", "broken")

    async with serving(handle) as server, Transport(server.endpoint()) as transport:
        discovery = Discovery(transport)
        await discovery.refresh()
        return discovery, [request.raw_path for request in server.seen]


async def test_aggregated_takes_two_requests() -> None:
    discovery, asked = await read(
        {
            "/api": lambda: aggregated(
                ("", [("v1", "Current", [served("ConfigMap", "configmaps")])])
            ),
            "/apis": lambda: aggregated(
                (
                    "example.com",
                    [
                        ("v2", "Current", [served("Widget", "widgets", "Cluster")]),
                        ("v1", "Current", [served("Widget", "widgets"), {"resource": "odd"}]),
                    ],
                )
            ),
        }
    )
    assert sorted(asked) == ["/api", "/apis"]
    assert discovery.resource("v1", "ConfigMap") == Resource(
        group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True
    )
    preferred = discovery.preferred(WIDGET)
    assert preferred is not None
    assert (preferred.version, preferred.namespaced) == ("v2", False)
    assert discovery.serves("example.com/v1", "Widget")
    assert not discovery.serves("example.com/v3", "Widget")
    assert not discovery.lacks(WIDGET), "another version of it is served"
    with pytest.raises(UnknownKind):
        discovery.resource("example.com/v3", "Widget")


def legacy(group_version: str, *kinds: tuple[str, str]) -> Any:
    resources = [{"name": name, "kind": kind, "namespaced": True} for name, kind in kinds]
    return lambda: json(
        {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}
    )


LEGACY: dict[str, Any] = {
    "/api": lambda: json({"kind": "APIVersions", "versions": ["v1"]}),
    "/apis": lambda: json(
        {
            "kind": "APIGroupList",
            "groups": [
                {"name": "apps", "versions": [{"groupVersion": "apps/v1"}]},
                {"name": "example.com", "versions": [{"groupVersion": "example.com/v1"}]},
            ],
        }
    ),
    "/api/v1": legacy("v1", ("configmaps", "ConfigMap"), ("pods/log", "Pod")),
    "/apis/apps/v1": legacy("apps/v1", ("deployments", "Deployment")),
    "/apis/example.com/v1": legacy("example.com/v1", ("widgets", "Widget")),
}


async def test_legacy_asks_each_group_version() -> None:
    discovery, asked = await read(LEGACY)
    assert len(asked) == 5
    assert discovery.serves("apps/v1", "Deployment")
    assert discovery.serves("example.com/v1", "Widget")
    assert not discovery.serves("v1", "Pod"), "a subresource is no kind of its own"


async def test_gitops_engine_520_a_group_that_does_not_answer_is_not_gone() -> None:
    """One failing group made every kind resync every 10 s (gitops-engine#520): only it is out."""
    answers = {path: how for path, how in LEGACY.items() if path != "/apis/example.com/v1"}
    discovery, _ = await read(answers)
    assert discovery.serves("apps/v1", "Deployment")
    assert not discovery.serves("example.com/v1", "Widget")
    assert not discovery.lacks(WIDGET), "nothing is known of the group"
    assert discovery.lacks(GroupKind("other.example.com", "Widget"))


async def test_a_stale_group_is_not_gone() -> None:
    discovery, _ = await read(
        {
            "/api": lambda: aggregated(),
            "/apis": lambda: aggregated(("example.com", [("v1", "Stale", [])])),
        }
    )
    assert not discovery.lacks(WIDGET)


async def test_without_the_core_there_is_nothing() -> None:
    answers = {path: how for path, how in LEGACY.items() if path != "/api/v1"}
    with pytest.raises(ServerFault):
        await read(answers)


@pytest.mark.parametrize("answer", [[], "text", {"items": 5}, {"kind": "X", "versions": [1]}])
async def test_other_json_is_no_api(answer: Any) -> None:
    with pytest.raises(Unreachable):
        await read(dict.fromkeys(("/api", "/apis"), lambda: json(answer)))


def test_paths() -> None:
    deployment = Resource(
        group="apps", version="v1", kind="Deployment", plural="deployments", namespaced=True
    )
    role = Resource(
        group="rbac.authorization.k8s.io",
        version="v1",
        kind="ClusterRole",
        plural="clusterroles",
        namespaced=False,
    )
    assert (
        deployment.path(ObjectRef("apps", "Deployment", "web", "a"))
        == "/apis/apps/v1/namespaces/web/deployments/a"
    )
    assert deployment.collection_path() == "/apis/apps/v1/deployments"
    assert role.path(ObjectRef(role.group, role.kind, "", "a")).endswith("/v1/clusterroles/a")


async def test_an_embedded_cluster() -> None:
    async with EmbeddedClusters(["one"]) as clusters:
        endpoint = await Engine(clusters)._connect()
        async with Transport(endpoint) as transport:
            discovery = Discovery(transport)
            await discovery.refresh()
    preferred = discovery.preferred(GroupKind("autoscaling", "HorizontalPodAutoscaler"))
    assert preferred is not None
    assert preferred.version == "v2"
    assert discovery.lacks(WIDGET)
