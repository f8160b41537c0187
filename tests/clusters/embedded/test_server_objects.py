"""Objects over HTTP: what the recorded scenarios leave out of creating, changing and deleting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from tests.clusters.embedded.client import MERGE, Client, config_map, workload

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


async def test_two_clusters_share_nothing(clusters: EmbeddedClusters, client: Client) -> None:
    await client.create(MAPS, config_map("a"))
    async with Client(clusters.url_of("two"), clusters.token) as other:
        assert (await other.call("GET", f"{MAPS}/a")).status == 404
    assert (await client.call("GET", f"{MAPS}/a")).status == 200
    assert clusters.request_counts("one") == {"create": 1, "get": 1}
    assert clusters.request_counts("two") == {"get": 1}


async def test_an_unknown_cluster_is_not_found(clusters: EmbeddedClusters) -> None:
    async with Client(clusters.url_of("nobody"), clusters.token) as client:
        assert (await client.call("GET", "/version")).status == 404


async def test_without_a_token_only_health_and_version_are_told(
    clusters: EmbeddedClusters,
) -> None:
    async with Client(clusters.url_of("one"), clusters.token) as client:
        del client.session.headers["Authorization"]
        assert (await client.call("GET", "/version")).status == 200
        refused = await client.call("GET", MAPS)
    assert refused.status == 403
    assert 'User "system:anonymous" cannot list' in refused.body["message"]


async def test_an_update_needs_the_latest_version_only_if_it_names_one(client: Client) -> None:
    first = await client.create(MAPS, config_map("a", x="1"))
    await client.merge(f"{MAPS}/a", {"data": {"x": "2"}})
    assert (await client.call("PUT", f"{MAPS}/a", first)).status == 409
    assert (await client.call("PUT", f"{MAPS}/a", config_map("a", x="3"))).status == 200


async def test_a_write_that_changes_nothing_keeps_the_version(client: Client) -> None:
    made = await client.create(MAPS, config_map("a", x="1"))
    same = await client.call("PUT", f"{MAPS}/a", config_map("a", x="1"))
    assert same.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_unknown_fields_are_warned_of_refused_or_ignored(client: Client) -> None:
    body = config_map("a") | {"nonsense": 1}
    warned = await client.call("POST", MAPS, body)
    assert warned.headers.getall("Warning") == ['299 - "unknown field \\"nonsense\\""']
    strict = await client.call("POST", MAPS, body, query={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert strict.body["message"].endswith('strict decoding error: unknown field "nonsense"')
    ignored = await client.call(
        "PUT", f"{MAPS}/a", body, query={"fieldValidation": "Ignore", "dryRun": "All"}
    )
    assert "Warning" not in ignored.headers


async def test_fields_set_twice_are_warned_of_or_refused(client: Client) -> None:
    raw = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}'
    warned = await client.call("POST", MAPS, raw)
    assert warned.headers.getall("Warning") == ['299 - "duplicate field \\"data.x\\""']
    strict = await client.call("POST", MAPS, raw, query={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert 'duplicate field "data.x"' in strict.body["message"]


async def test_a_dry_run_leaves_nothing_behind(client: Client) -> None:
    made = await client.create(MAPS, config_map("a", x="1"))
    query = {"dryRun": "All"}
    dry = await client.call("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, query=query, media=MERGE)
    assert dry.body["data"] == {"x": "2"}
    assert (await client.call("DELETE", f"{MAPS}/a", query=query)).status == 200
    assert (await client.get(f"{MAPS}/a"))["data"] == made["data"]


async def test_finalizers_hold_an_object_until_the_last_is_gone(client: Client) -> None:
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.com/one", "example.com/two"]
    await client.create(MAPS, body)
    marked = (await client.call("DELETE", f"{MAPS}/a")).body
    assert marked["metadata"]["deletionTimestamp"]
    await client.merge(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/two"]}})
    assert (await client.call("GET", f"{MAPS}/a")).status == 200
    await client.merge(f"{MAPS}/a", {"metadata": {"finalizers": None}})
    assert (await client.call("GET", f"{MAPS}/a")).status == 404


async def own(client: Client, policy: str) -> Any:
    owner = await client.create(MAPS, config_map("owner"))
    child = config_map("child")
    child["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": True,
        }
    ]
    await client.create(MAPS, child)
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy}
    return (await client.call("DELETE", f"{MAPS}/owner", options)).body


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
async def test_dependents_go_with_their_owner(client: Client, policy: str) -> None:
    await own(client, policy)
    await client.gone(f"{MAPS}/child")
    await client.gone(f"{MAPS}/owner")


async def test_orphans_stay(client: Client) -> None:
    await own(client, "Orphan")
    await client.gone(f"{MAPS}/owner")
    child = await client.get(f"{MAPS}/child")
    assert "ownerReferences" not in child["metadata"]


async def test_preconditions_of_a_deletion(client: Client) -> None:
    made = await client.create(MAPS, config_map("a"))
    wrong = {"preconditions": {"resourceVersion": "1"}}
    assert (await client.call("DELETE", f"{MAPS}/a", wrong)).status == 409
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    gone = (await client.call("DELETE", f"{MAPS}/a", right)).body
    assert (gone["kind"], gone["status"]) == ("Status", "Success")


async def test_scale_is_a_view_that_can_be_written(client: Client) -> None:
    await client.apply(f"{DEPLOYMENTS}/web", workload("Deployment", "web", replicas=2))
    path = f"{DEPLOYMENTS}/web/scale"
    scale = await client.get(path)
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 2},
        "app=web",
    )
    scale["spec"]["replicas"] = 5
    del scale["metadata"]["resourceVersion"]
    reply = await client.call("PUT", path, scale, query={"fieldManager": "scaler"})
    assert reply.body["spec"] == {"replicas": 5}
    live = await client.get(f"{DEPLOYMENTS}/web")
    assert live["spec"]["replicas"] == 5
    entries = {
        entry.get("subresource"): entry
        for entry in live["metadata"]["managedFields"]
        if entry["manager"] == "scaler"
    }
    assert entries["scale"]["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    negative = {"spec": {"replicas": -1}}
    assert (await client.call("PATCH", path, negative, media=MERGE)).status == 422


async def test_pages_show_one_moment(client: Client) -> None:
    for name in "abcd":
        await client.create(MAPS, config_map(name, {"page": "yes"}))
    query = {"limit": "2", "labelSelector": "page"}
    first = await client.get(MAPS, query=query)
    await client.call("DELETE", f"{MAPS}/c")
    await client.create(MAPS, config_map("bb", {"page": "yes"}))
    query["continue"] = first["metadata"]["continue"]
    rest = await client.get(MAPS, query=query)
    named = [item["metadata"]["name"] for item in first["items"] + rest["items"]]
    assert named == ["a", "b", "c", "d"]
    assert "continue" not in rest["metadata"]


async def test_a_page_of_a_compacted_moment_is_gone(client: Client) -> None:
    for name in "abc":
        await client.create(MAPS, config_map(name, {"page": "yes"}))
    first = await client.get(MAPS, query={"limit": "1"})
    await client.call("POST", "/flotilla/compact")
    reply = await client.call(
        "GET", MAPS, query={"limit": "1", "continue": first["metadata"]["continue"]}
    )
    assert reply.status in (200, 410)
    await client.create(MAPS, config_map("d"))
    await client.call("POST", "/flotilla/compact")
    late = await client.call(
        "GET", MAPS, query={"limit": "1", "continue": first["metadata"]["continue"]}
    )
    assert (late.status, late.body["reason"]) == (410, "Expired")


async def test_secrets_and_services_are_completed(client: Client) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"a": "b"},
    }
    made = await client.create("/api/v1/namespaces/default/secrets", secret)
    assert (made["data"], made["type"], "stringData" in made) == ({"a": "Yg=="}, "Opaque", False)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]},
    }
    path = "/api/v1/namespaces/default/services"
    made = await client.create(path, service)
    assert made["spec"]["clusterIPs"] == [made["spec"]["clusterIP"]]
    assert 30000 <= made["spec"]["ports"][0]["nodePort"] < 32768
    again = await client.call("PUT", f"{path}/s", service)
    assert again.body["spec"]["clusterIP"] == made["spec"]["clusterIP"]


async def test_a_watch_follows_changes_as_they_happen(client: Client) -> None:
    listed = await client.get(MAPS)
    since = listed["metadata"]["resourceVersion"]
    async with client.watch(MAPS, resourceVersion=since, labelSelector="mine") as events:
        await client.create(MAPS, config_map("other"))
        await client.create(MAPS, config_map("a", {"mine": "1"}))
        await client.merge(f"{MAPS}/a", {"data": {"x": "1"}})
        await client.merge(f"{MAPS}/a", {"metadata": {"labels": {"mine": None}}})
        assert await events.take(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_ends_when_its_time_is_up(client: Client) -> None:
    async with client.watch(MAPS, resourceVersion="1", timeoutSeconds="1") as events:
        await events.end()


async def test_many_clients_at_once_lose_nothing(client: Client) -> None:
    await client.create(MAPS, config_map("shared"))
    replies = await asyncio.gather(
        *(client.apply(f"{MAPS}/shared", config_map("shared", **{f"k{n}": "v"}), manager=f"m{n}")
          for n in range(20))
    )  # fmt: skip
    assert {reply.status for reply in replies} == {200}
    shared = await client.get(f"{MAPS}/shared")
    assert set(shared["data"]) == {f"k{n}" for n in range(20)}


async def test_an_autoscaler_is_one_object_in_both_its_versions(client: Client) -> None:
    old = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "targetCPUUtilizationPercentage": 70,
        },
    }
    path = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
    made = await client.create(path.format("v1"), old)
    assert (made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == (
        "autoscaling/v1",
        70,
    )
    [new] = (await client.get(path.format("v2")))["items"]
    target = {"type": "Utilization", "averageUtilization": 70}
    assert new["spec"]["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    ]
    await client.merge(path.format("v2") + "/web", {"spec": {"maxReplicas": 4}})
    again = await client.get(path.format("v1") + "/web")
    assert (again["spec"]["maxReplicas"], again["spec"]["targetCPUUtilizationPercentage"]) == (
        4,
        70,
    )


async def test_a_watch_whose_client_is_gone_is_forgotten(
    clusters: EmbeddedClusters, client: Client
) -> None:
    async with client.watch(MAPS, resourceVersion="1"):
        assert len(clusters.cluster("one").watches) == 1
    for _ in range(200):
        if clusters.cluster("one").watches:
            await asyncio.sleep(0.01)
    shelf = clusters.cluster("one").storage.shelf(("", "configmaps"))
    assert shelf.listeners == []
