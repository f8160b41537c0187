"""Discovery, OpenAPI and tables over HTTP, as clients first ask for them."""

from __future__ import annotations

from clusters.embedded.serve import EmbeddedClusters
from tests.clusters.embedded.client import Client, config_map, workload

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1,application/json"}
MAPS = "/api/v1/namespaces/default/configmaps"


async def test_all_groups_at_once(client: Client) -> None:
    reply = await client.call("GET", "/apis", headers={"Accept": f"{AGGREGATED},application/json"})
    assert reply.headers["Content-Type"] == AGGREGATED
    groups = {item["metadata"]["name"]: item for item in reply.body["items"]}
    apps = groups["apps"]["versions"][0]
    assert (apps["version"], apps["freshness"]) == ("v1", "Current")
    deployments = next(row for row in apps["resources"] if row["resource"] == "deployments")
    assert deployments["scope"] == "Namespaced"
    below = {row["subresource"]: row["responseKind"]["kind"] for row in deployments["subresources"]}
    assert below == {"scale": "Scale", "status": "Deployment"}
    core = await client.get("/api", headers={"Accept": AGGREGATED})
    assert [item["versions"][0]["version"] for item in core["items"]] == ["v1"]


async def test_one_by_one(client: Client) -> None:
    groups = [group["name"] for group in (await client.get("/apis"))["groups"]]
    assert groups[:2] == ["apiregistration.k8s.io", "apps"]
    for path in ("/apis/apps/v9", "/api/v2", "/nothing", "/apis/none/v1/namespaces/a/b"):
        reply = await client.call("GET", path)
        assert (reply.status, reply.raw) == (404, b"404 page not found\n")
    assert "/apis/apps/v1" in (await client.get("/"))["paths"]


async def test_documents_of_groups_describe_their_kinds(
    clusters: EmbeddedClusters, client: Client
) -> None:
    index = (await client.get("/openapi/v3"))["paths"]
    where = index["apis/apps/v1"]["serverRelativeURL"]
    prefix = "/clusters/one"
    assert where.startswith(f"{prefix}/openapi/v3/apis/apps/v1?hash=")
    document = await client.get(where.removeprefix(prefix))
    schemas = document["components"]["schemas"]
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    deployment = schemas["io.k8s.api.apps.v1.Deployment"]
    assert deployment["x-kubernetes-group-version-kind"] == [kind]
    reference = deployment["properties"]["spec"]["$ref"]
    assert reference.removeprefix("#/components/schemas/") in schemas
    path = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    parameters = document["paths"][path]["patch"]["parameters"]
    assert {"dryRun", "fieldValidation"} <= {parameter["name"] for parameter in parameters}
    asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    binary = await client.call("GET", "/openapi/v2", headers={"Accept": asked})
    assert binary.headers["Content-Type"].endswith("+protobuf")
    assert b"io.k8s.api.apps.v1.Deployment" in binary.raw


async def test_tables_have_the_columns_of_their_kind(client: Client) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    await client.apply(f"{path}/web", workload("Deployment", "web", replicas=2))
    table = await client.get(path, headers=TABLE)
    shown = [column["name"] for column in table["columnDefinitions"] if not column["priority"]]
    assert shown == ["Name", "Ready", "Up-to-date", "Available", "Age"]
    assert table["rows"][0]["cells"][0] == "web"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_rows_carry_as_much_of_their_object_as_is_asked_for(client: Client) -> None:
    await client.create(MAPS, config_map("a", x="1"))
    one = f"{MAPS}/a"
    whole = await client.get(one, headers=TABLE, query={"includeObject": "Object"})
    assert whole["rows"][0]["object"]["data"] == {"x": "1"}
    bare = await client.get(one, headers=TABLE, query={"includeObject": "None"})
    assert "object" not in bare["rows"][0]


async def test_a_form_that_nobody_serves_is_refused(client: Client) -> None:
    reply = await client.call("GET", MAPS, headers={"Accept": "text/html"})
    assert (reply.status, reply.body["reason"]) == (406, "NotAcceptable")
