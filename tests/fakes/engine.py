"""One reconciler against one embedded cluster, with everything it reported at hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import aiohttp

from clusters.client.transport import Endpoint
from clusters.embedded.serve import EmbeddedClusters
from clusters.engine.reconciler import Reconciler
from clusters.engine.terms import Terms
from clusters.events import BundleObserved, ClusterEvent
from clusters.model import (
    BUNDLE_LABEL,
    FLEET_LABEL,
    BundleName,
    BundlePolicy,
    ClusterName,
    DesiredBundle,
    DesiredState,
    Digest,
    Health,
    Manifest,
    Revision,
    canonical_json,
    digest_of,
)
from clusters.records import FieldSets
from tests.fakes.journal import MemoryJournal

Event = TypeVar("Event", bound=ClusterEvent)
WAIT_S = 60.0
TERMS = Terms(selector=f"{FLEET_LABEL}=test")


def manifest(content: Mapping[str, Any], bundle: str = "app") -> Manifest:
    """A manifest with the marks that rendering puts on."""
    metadata = dict(content.get("metadata", {}))
    metadata["labels"] = {
        **metadata.get("labels", {}),
        FLEET_LABEL: "test",
        BUNDLE_LABEL: bundle,
    }
    return Manifest.of({**content, "metadata": metadata})


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def deployment(name: str, image: str = "web:1", replicas: int = 2) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    }


def desired_bundle(
    contents: Iterable[Mapping[str, Any]],
    *,
    name: str = "app",
    policy: BundlePolicy = BundlePolicy(),  # noqa: B008
    **more: Any,
) -> DesiredBundle:
    manifests = tuple(manifest(content, name) for content in contents)
    digest = digest_of(canonical_json(sorted(m.digest for m in manifests)))
    return DesiredBundle(
        name=BundleName(name),
        digest=Digest(digest),
        revision=Revision("0" * 40),
        manifests=manifests,
        policy=policy,
        **more,
    )


class Engine:
    """Drives a reconciler.  Use as an async context manager."""

    def __init__(
        self,
        clusters: EmbeddedClusters,
        name: str = "one",
        journal: MemoryJournal | None = None,
        terms: Terms = TERMS,
    ) -> None:
        self.clusters = clusters
        self.name = ClusterName(name)
        self.journal = journal or MemoryJournal()
        self.events: list[ClusterEvent] = []
        self.field_sets = FieldSets()
        self.terms = terms
        self.token = clusters.token
        self._arrived = asyncio.Event()
        self._generation = 0
        self._task: asyncio.Task[None] | None = None
        self.reconciler = self._new()
        self.http: aiohttp.ClientSession

    def _new(self) -> Reconciler:
        return Reconciler(
            self.name,
            connect=self._connect,
            journal=self.journal,
            report=self._report,
            terms=self.terms,
            field_sets=self.field_sets,
        )

    async def _connect(self) -> Endpoint:
        async def headers(renew: bool) -> dict[str, str]:
            return {"Authorization": f"Bearer {self.token}"}

        return Endpoint(server=self.clusters.url_of(self.name), headers=headers)

    async def _report(self, event: ClusterEvent) -> None:
        self.events.append(event)
        self._arrived.set()

    async def __aenter__(self) -> Engine:
        self.http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.clusters.token}"}
        )
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            await self.http.close()

    def start(self) -> None:
        self._task = asyncio.create_task(self.reconciler.run())

    async def stop(self) -> None:
        if self._task:
            task, self._task = self._task, None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def restart(self, *, forget_field_sets: bool = True) -> None:
        """Stop as a crash would, and start anew with what the journal has."""
        await self.stop()
        if forget_field_sets:
            self.field_sets = FieldSets()
        self.reconciler = self._new()
        self.start()

    def assign(self, *bundles: DesiredBundle, suspended: str | None = None) -> int:
        self._generation += 1
        self.reconciler.assign(
            DesiredState(
                generation=self._generation,
                bundles={bundle.name: bundle for bundle in bundles},
                suspended=suspended,
            )
        )
        return self._generation

    async def wait_for(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                if self._task and self._task.done():
                    self._task.result()
                self._arrived.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), 0.05)

    async def converged(self, *bundles: DesiredBundle) -> None:
        """Assign bundles and wait until all of them are applied and healthy."""
        generation = self.assign(*bundles)
        await self.wait_for(lambda: all(self._healthy(b, generation) for b in bundles))

    def _healthy(self, bundle: DesiredBundle, generation: int) -> bool:
        last = self.last_observed(bundle.name)
        return bool(
            last
            and last.generation == generation
            and last.applied_digest == bundle.digest
            and last.health is Health.HEALTHY
        )

    def last_observed(self, bundle: str = "app") -> BundleObserved | None:
        found = [e for e in self.of(BundleObserved) if e.bundle == bundle]
        return found[-1] if found else None

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def request(self, method: str, path: str, **more: Any) -> Any:
        async with self.http.request(
            method, self.clusters.url_of(self.name) + path, **more
        ) as response:
            return await response.json()

    async def patch(self, path: str, body: Mapping[str, Any], manager: str = "kubectl-edit") -> Any:
        return await self.request(
            "PATCH",
            path,
            params={"fieldManager": manager},
            json=body,
            headers={"Content-Type": "application/merge-patch+json"},
        )
