"""A small HTTP client for tests: requests, watches, and waiting for something to become so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any

import aiohttp
import orjson

Body = dict[str, Any]
PATIENCE_S = 60.0
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Reply:
    """An answer: its status, headers and parsed body."""

    def __init__(self, status: int, headers: Any, raw: bytes) -> None:
        self.status = status
        self.headers = headers
        self.raw = raw

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)


class Client:
    """Speaks to one cluster."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"})

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.session.close()

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        media: str = "application/json",
    ) -> Reply:
        data = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        sent = {"Content-Type": media} if data is not None else {}
        async with self.session.request(
            method, self.url + path, data=data, params=query, headers={**sent, **(headers or {})}
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **options: Any) -> Any:
        return (await self.call("GET", path, **options)).body

    async def create(self, path: str, body: Body, **options: Any) -> Body:
        reply = await self.call("POST", path, body, **options)
        assert reply.status == 201, reply.raw
        created: Body = reply.body
        return created

    async def apply(self, path: str, body: Body, *, manager: str = "fleet", **query: str) -> Reply:
        return await self.call(
            "PATCH", path, body, query={"fieldManager": manager, **query}, media=APPLY
        )

    async def merge(self, path: str, body: Body, *, manager: str = "hand") -> Reply:
        return await self.call("PATCH", path, body, query={"fieldManager": manager}, media=MERGE)

    async def until(self, path: str, holds: Callable[[Any], object]) -> Any:
        """Read a path again and again until what it says holds.

        Raises:
            TimeoutError: it never did; with what was said last.
        """
        said: Any = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    said = (await self.call("GET", path)).body
                    if holds(said):
                        return said
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise TimeoutError(f"{path} still says {said}") from error

    async def gone(self, path: str) -> None:
        """Wait until nothing is found at a path."""
        await self.until(path, lambda said: said.get("code") == 404)

    @asynccontextmanager
    async def watch(
        self, path: str, *, headers: dict[str, str] | None = None, **query: str
    ) -> AsyncIterator[Events]:
        async with self.session.get(
            self.url + path, params={"watch": "true", **query}, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            yield Events(answer)


class Events:
    """The events of an open watch."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self) -> Body | None:
        """Give the next event; None when the stream has ended."""
        async with asyncio.timeout(PATIENCE_S):
            line = await self._answer.content.readline()
        return orjson.loads(line) if line else None

    async def end(self) -> None:
        """Read until the stream ends."""
        while await self.next() is not None:
            pass

    async def take(self, count: int) -> list[tuple[str, str]]:
        """Give type and name of the next events."""
        found = []
        for _ in range(count):
            event = await self.next()
            assert event is not None
            found.append((event["type"], event["object"]["metadata"].get("name", "")))
        return found


def config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Body:
    metadata: Body = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def workload(kind: str, name: str, image: str = "nginx:1", **spec: Any) -> Body:
    """Make a Deployment, StatefulSet or DaemonSet."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }
    content = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": content,
    }


def condition(body: Body, kind: str) -> Body:
    """Give a condition of an object; empty when it has none of this type."""
    for held in (body.get("status") or {}).get("conditions") or ():
        if held["type"] == kind:
            found: Body = held
            return found
    return {}
