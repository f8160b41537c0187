"""What may be done on a cluster, asked of the cluster; and what time it has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp

from clusters.bookkeeping.lease import LEASE_NAMESPACE
from clusters.client.transport import Endpoint, Transport
from clusters.embedded.serve import EmbeddedClusters
from clusters.engine.rights import ALWAYS, FOR_ANY_BUNDLE, clock_ahead_s, missing

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SUBJECTS = [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}]


@asynccontextmanager
async def asked_as(clusters: EmbeddedClusters, user: str = "") -> AsyncIterator[Transport]:
    async def headers(_: bool) -> Mapping[str, str]:
        token = {"Authorization": f"Bearer {clusters.token}"}
        return {**token, "Impersonate-User": user} if user else token

    async with Transport(Endpoint(server=clusters.url_of("a"), headers=headers)) as transport:
        yield transport


async def grant(clusters: EmbeddedClusters, name: str, rules: list[object]) -> None:
    role = {"metadata": {"name": name}, "rules": rules}
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": SUBJECTS,
    }
    headers = {"Authorization": f"Bearer {clusters.token}"}
    async with aiohttp.ClientSession(clusters.url_of("a") + "/", headers=headers) as http:
        for plural, kind, body in (
            ("clusterroles", "ClusterRole", role),
            ("clusterrolebindings", "ClusterRoleBinding", binding),
        ):
            url = f"{clusters.url_of('a')}{RBAC}/{plural}"
            whole = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, **body}
            async with http.post(url, json=whole) as answer:
                assert answer.status == 201, await answer.text()


async def test_an_administrator_may_do_everything_and_a_stranger_nothing() -> None:
    async with EmbeddedClusters(["a"]) as clusters:
        async with asked_as(clusters) as transport:
            assert await missing(transport, (*ALWAYS, *FOR_ANY_BUNDLE)) == []
        async with asked_as(clusters, "bob") as transport:
            assert await missing(transport, (*ALWAYS, *FOR_ANY_BUNDLE)) == [
                *ALWAYS,
                *FOR_ANY_BUNDLE,
            ]


async def test_what_is_granted_is_not_missing_any_more() -> None:
    async with EmbeddedClusters(["a"]) as clusters:
        verbs = ["get", "create", "update"]
        await grant(
            clusters,
            "leases",
            [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs}],
        )
        reads = ["get", "list", "watch"]
        await grant(clusters, "all", [{"apiGroups": ["*"], "resources": ["*"], "verbs": reads}])
        async with asked_as(clusters, "bob") as transport:
            assert [str(right) for right in await missing(transport, ALWAYS)] == [
                f"create configmaps in {LEASE_NAMESPACE}",
                f"patch configmaps in {LEASE_NAMESPACE}",
                f"delete configmaps in {LEASE_NAMESPACE}",
            ]
            wished = await missing(transport, FOR_ANY_BUNDLE)
            assert [right.verb for right in wished] == ["create", "patch", "delete"]


async def test_the_clock_of_a_cluster_is_compared_with_ours() -> None:
    async with EmbeddedClusters(["a"]) as clusters, asked_as(clusters) as transport:
        here = await clock_ahead_s(transport, datetime.now(UTC))
        there = await clock_ahead_s(transport, datetime.now(UTC) - timedelta(hours=1))
    assert here is not None
    assert abs(here) < 60
    assert there is not None
    assert abs(there - 3600) < 60
