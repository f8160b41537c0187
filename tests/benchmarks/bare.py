"""The limit: the same requests as the engine's by the least code that aiohttp allows.

Nothing is parsed, stored, judged or reported; what a request costs here, any client of this server
in this process pays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import aiohttp

from clusters.client.limits import SLOTS_MAX
from clusters.client.transport import Endpoint
from clusters.model import Manifest
from tests.benchmarks.sites import Sites, session
from tests.benchmarks.workload import NAMESPACE, PATHS, SELECTOR, path_of

APPLY = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
FORCED = {"fieldManager": "flotilla", "force": "true"}


async def apply(sites: Sites, contexts: Sequence[str], manifests: Sequence[Manifest]) -> None:
    """Apply the objects to each cluster, as many at once as the engine may have in flight."""
    await asyncio.gather(*(_apply_all(sites, context, manifests) for context in contexts))


async def _apply_all(sites: Sites, context: str, manifests: Sequence[Manifest]) -> None:
    endpoint = await sites.endpoint(context)
    async with session(endpoint) as http:
        todo = iter(manifests)
        if manifests[0].ref.kind == "Namespace":
            await _apply(http, endpoint, next(todo))

        async def work() -> None:
            for manifest in todo:
                await _apply(http, endpoint, manifest)

        await asyncio.gather(*(work() for _ in range(min(SLOTS_MAX, len(manifests)))))


async def _apply(http: aiohttp.ClientSession, endpoint: Endpoint, manifest: Manifest) -> None:
    url = endpoint.server + path_of(manifest)
    async with http.patch(url, params=FORCED, data=manifest.body, headers=APPLY) as answer:
        body = await answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{answer.status}: {body[:300]!r}")


async def look(sites: Sites, contexts: Sequence[str]) -> None:
    """List every kind of each cluster in pages, as an engine that was restarted must."""
    await asyncio.gather(*(_look(sites, context) for context in contexts))


async def _look(sites: Sites, context: str) -> None:
    endpoint = await sites.endpoint(context)
    async with session(endpoint) as http:
        for path in ("/version", "/api/v1/namespaces/kube-system", "/api", "/apis"):
            async with http.get(endpoint.server + path) as answer:
                await answer.read()
        await asyncio.gather(*(_list(http, endpoint, kind) for kind in PATHS))


async def _list(http: aiohttp.ClientSession, endpoint: Endpoint, kind: str) -> None:
    path = PATHS[kind].replace(f"/namespaces/{NAMESPACE}", "")
    shape = "" if kind == "Deployment" else ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    params = {"labelSelector": SELECTOR, "limit": "500"}
    while True:
        async with http.get(
            endpoint.server + path,
            params=params,
            headers={"Accept": f"application/json{shape},application/json"},
        ) as answer:
            body = await answer.read()
        _, found, rest = body[:400].partition(b'"continue":"')
        if not found:
            return
        params = {**params, "continue": rest.partition(b'"')[0].decode()}


async def watch(http: aiohttp.ClientSession, endpoint: Endpoint, kind: str) -> AsyncIterator[bytes]:
    """The lines of a watch from now on, whole objects."""
    path = PATHS[kind].replace(f"/namespaces/{NAMESPACE}", "")
    async with http.get(
        endpoint.server + path, params={"labelSelector": SELECTOR, "limit": "1"}
    ) as answer:
        listed = await answer.json()
    params = {
        "watch": "true",
        "labelSelector": SELECTOR,
        "resourceVersion": listed["metadata"]["resourceVersion"],
    }
    async with http.get(endpoint.server + path, params=params) as answer:
        pending = b""
        async for chunk in answer.content.iter_any():
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                yield line
