"""A whole fleet in one test: a Git repository, embedded clusters, and a server, all real.

The clusters and the server share the test's event loop; the server is spoken to over its socket.
`FleetWorld` is what a test holds: it commits, edits by hand, breaks clusters, and waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from clusters.bookkeeping.mirror import NAMESPACE
from clusters.embedded.serve import EmbeddedClusters
from fleet.api.client import ApiClient
from fleet.control.runtime import Runtime, open_runtime
from fleet.control.settings import ServerSettings
from fleet.view import (
    BundleOnCluster,
    ClusterView,
    CommandRequest,
    CommandResult,
    DeletionsView,
    DriftView,
    FleetView,
)
from fleet.view_deletions import hash_of_lists
from tests.fleet.source.gits import WorkTree

WAIT_S = 60.0
FLEET_FILE = """\
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: {name: test}
spec: {guards: {inventoryShrink: {max: 100%}}}
"""


def cluster_document(name: str, labels: str = "env: dev", connection: str = "") -> str:
    return (
        "apiVersion: flotilla.dev/v1\n"
        "kind: Cluster\n"
        f"metadata: {{name: {name}, labels: {{{labels}}}}}\n"
        f"spec: {{connection: {{{connection or f'context: {name}'}}}}}\n"
    )


def bundle_document(name: str, placement: str = "selector: env", more: str = "") -> str:
    return (
        "apiVersion: flotilla.dev/v1\n"
        "kind: Bundle\n"
        f"metadata: {{name: {name}}}\n"
        "spec:\n"
        f"  source: {{path: apps/{name}}}\n"
        f"  placement: {{{placement}}}\n"
        f"{more}"
    )


def config_map(name: str, namespace: str = "default", **data: str) -> str:
    values = ", ".join(f"{key}: {value!r}" for key, value in data.items())
    return (
        "apiVersion: v1\n"
        "kind: ConfigMap\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"data: {{{values}}}\n"
    )


def deployment(name: str, image: str = "web:1", replicas: int = 1) -> str:
    return (
        "apiVersion: apps/v1\n"
        "kind: Deployment\n"
        f"metadata: {{name: {name}, namespace: default}}\n"
        "spec:\n"
        f"  replicas: {replicas}\n"
        f"  selector: {{matchLabels: {{app: {name}}}}}\n"
        "  template:\n"
        f"    metadata: {{labels: {{app: {name}}}}}\n"
        f"    spec: {{containers: [{{name: main, image: {image!r}}}]}}\n"
    )


def simple_fleet(names: Iterable[str]) -> dict[str, str]:
    """The files of a fleet with two bundles of ConfigMaps: `app` has three, `other` has one."""
    return {
        "fleet.yaml": FLEET_FILE,
        **{f"clusters/{name}.yaml": cluster_document(name) for name in names},
        "bundles/app.yaml": bundle_document("app"),
        "bundles/other.yaml": bundle_document("other"),
        "apps/app/one.yaml": config_map("one", color="red"),
        "apps/app/two.yaml": config_map("two", color="red"),
        "apps/app/three.yaml": config_map("three", color="red"),
        "apps/other/four.yaml": config_map("four", color="red"),
    }


class FleetWorld:
    """A running fleet.  Made by `fleet_world`."""

    def __init__(
        self,
        clusters: EmbeddedClusters,
        tree: WorkTree,
        settings: ServerSettings,
        http: aiohttp.ClientSession,
    ) -> None:
        self.clusters = clusters
        self.tree = tree
        self.settings = settings
        self.api = ApiClient(settings.address)
        self._http = http
        self._runtime: Runtime | None = None
        self._task: asyncio.Task[None] | None = None
        self._open: contextlib.AsyncExitStack | None = None

    @property
    def runtime(self) -> Runtime:
        assert self._runtime is not None
        return self._runtime

    async def start(self, **changed: Any) -> None:
        """Start the server, with other settings where they are given."""
        self.settings = replace(self.settings, **changed)
        self._open = contextlib.AsyncExitStack()
        self._runtime = await self._open.enter_async_context(open_runtime(self.settings))
        self._task = asyncio.create_task(self._runtime.run(), name="runtime")

    async def stop(self) -> None:
        """Stop the server as SIGTERM does."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._open is not None:
            await self._open.aclose()
        self._task = self._open = self._runtime = None

    async def restart(self, **changed: Any) -> None:
        await self.stop()
        await self.start(**changed)

    # --- what a person does ---

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        """Commit files and make the server look."""
        revision = self.tree.commit(files, message)
        self.look()
        return revision

    def remove(self, *names: str) -> str:
        """Remove files or folders, commit, and make the server look."""
        self.tree.git("rm", "-r", "--quiet", *names)
        revision = self.tree.commit_all("remove")
        self.look()
        return revision

    def look(self) -> None:
        if self._runtime is not None:
            self._runtime.intake.look_now()

    async def command(
        self, command: str, target: str, reason: str = "", key: str | None = None, **arguments: Any
    ) -> CommandResult:
        """Send a command over the socket.

        Raises:
            Refused: the server says no.
        """
        request = CommandRequest(
            command=command, target=target, reason=reason, arguments=arguments, actor="alice"
        )
        return await asyncio.to_thread(self.api.command, request, key=key)

    def deletions(self, bundle: str) -> DeletionsView:
        """The deletions of a bundle that wait for a person.

        Raises:
            StopIteration: none do (yet).
        """
        return next(
            need.deletions
            for need in self.view.needs
            if need.deletions is not None and need.deletions.bundle == bundle
        )

    async def confirm_prune(self, bundle: str, *clusters: str, reason: str = "") -> CommandResult:
        """Confirm the deletions that wait now, as one who has read them.

        Raises:
            Refused: the server says no.
        """
        waits = self.deletions(bundle)
        read = {name: waits.hashes[name] for name in clusters or waits.hashes}
        return await self.command(
            "confirmPrune",
            f"bundle/{bundle}",
            reason=reason,
            clusters=list(clusters),
            listHash=hash_of_lists(read),
        )

    async def request(self, cluster: str, method: str, path: str, **more: Any) -> Any:
        """Ask a cluster directly, as kubectl would."""
        url = self.clusters.url_of(cluster) + path
        async with self._http.request(method, url, **more) as answer:
            return await answer.json()

    async def edit(
        self, cluster: str, path: str, patch: Mapping[str, Any], manager: str = "kubectl-edit"
    ) -> Any:
        """Change an object by hand."""
        return await self.request(
            cluster,
            "PATCH",
            path,
            params={"fieldManager": manager},
            json=patch,
            headers={"Content-Type": "application/merge-patch+json"},
        )

    async def config_maps(self, cluster: str, namespace: str = "default") -> dict[str, Any]:
        """The ConfigMaps of a namespace that carry our label, by name."""
        found = await self.request(
            cluster,
            "GET",
            f"/api/v1/namespaces/{namespace}/configmaps",
            params={"labelSelector": "flotilla.dev/fleet"},
        )
        return {item["metadata"]["name"]: item for item in found["items"]}

    def writes(self, cluster: str) -> int:
        """How many writes a cluster has answered: all but those of the lease and of its record."""
        counts = self.clusters.cluster(cluster).namespace_counts
        return sum(
            count
            for (namespace, verb), count in counts.items()
            if verb in WRITING and namespace != NAMESPACE
        )

    # --- what a person sees ---

    @property
    def view(self) -> FleetView:
        return self.runtime.publisher.snapshot(datetime.now(UTC))

    def cluster(self, name: str) -> ClusterView:
        return next(c for c in self.view.clusters if c.name == name)

    def placement(self, cluster: str, bundle: str) -> BundleOnCluster:
        return next(p for p in self.view.placements if p.cluster == cluster and p.bundle == bundle)

    def drift(self) -> list[DriftView]:
        return list(self.view.drift)

    def need(self, kind: str) -> str:
        """The sentence of the first need of a kind, or an empty one."""
        return next((need.sentence for need in self.view.needs if need.kind == kind), "")

    async def until(self, condition: Callable[[], object], timeout_s: float = WAIT_S) -> None:
        """Wait for a condition; say how the fleet stands if it does not come."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            if self._task is not None and self._task.done():
                self._task.result()
            with contextlib.suppress(StopIteration):
                if condition():
                    return
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"it did not come to that; {self._standing()}")
            await asyncio.sleep(0.01)

    async def converged(self, *names: str, revision: str = "") -> None:
        """Wait until these clusters (default: all) are ready at the commit in force."""
        wanted = names or self.clusters.names
        newest = revision or self.tree.git("rev-parse", "HEAD")

        def done() -> bool:
            view = self.view
            states = {c.name: c.state for c in view.clusters}
            return view.git.revision == newest and all(
                states.get(name) == "Ready" for name in wanted
            )

        await self.until(done)

    async def never(self, condition: Callable[[], object], for_s: float = 0.4) -> None:
        """Hold that a condition does not come true within a while."""
        deadline = asyncio.get_running_loop().time() + for_s
        while asyncio.get_running_loop().time() < deadline:
            assert not condition()
            await asyncio.sleep(0.02)

    def _standing(self) -> str:
        if self._runtime is None:
            return "no server runs"
        view = self.view
        lines = [f"git {view.git.revision[:8]} {view.git.error} {view.git.problems}"]
        lines += [f"{c.name} {c.state}: {c.why}" for c in view.clusters]
        lines += [f"needs {need.kind} {need.subject}: {need.sentence}" for need in view.needs]
        lines += [f"{event.seq} {event.sentence}" for event in view.events[-8:]]
        return "\n".join(lines)


WRITING = ("patch", "delete", "deletecollection", "apply")


@asynccontextmanager
async def fleet_world(
    names: Iterable[str] = ("a", "b", "c"),
    files: Mapping[str, str] | None = None,
    *,
    started: bool = True,
    interval_s: float = 30.0,
    **settings: Any,
) -> AsyncIterator[FleetWorld]:
    """Lay out a repository, serve clusters, start a server."""
    # Not pytest's own folder: the path of a unix socket has an end (108 bytes).
    base = Path(tempfile.mkdtemp(prefix="fleet-"))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        clusters = await stack.enter_async_context(EmbeddedClusters(names, ready_after_s=0.02))
        clusters.write_kubeconfig(base / "kubeconfig")
        tree = WorkTree.make(base / "repo", files or simple_fleet(clusters.names))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {clusters.token}"})
        )
        given = ServerSettings(
            repo=str(tree.path),
            state_dir=base / "state",
            kubeconfig=base / "kubeconfig",
            interval_s=interval_s,
        )
        world = FleetWorld(clusters, tree, replace(given, **settings), http)
        stack.push_async_callback(world.stop)
        if started:
            await world.start()
        yield world
