"""The whole product as a person runs it: embedded clusters, a repository, and `flotilla server`.

Each in a process of its own; the server's clock starts when its process does.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import yaml

from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from fleet.control.process import raise_file_limit
from fleet.view import FleetView
from tests.benchmarks.sites import Sites, cpu_s, embedded, rss_mb
from tests.benchmarks.workload import manifests
from tests.fleet.source.gits import WorkTree

TIMEOUT_S = 900.0
LOOK_S = 0.1


def fleet_files(clusters: list[str], objects: int) -> Mapping[str, str]:
    """A repository of one bundle that goes to all clusters."""
    documents: list[dict[str, object]] = [
        {"kind": "Fleet", "metadata": {"name": "bench"}, "spec": {}},
        *(
            {
                "kind": "Cluster",
                "metadata": {"name": name, "labels": {"env": "bench"}},
                "spec": {"connection": {"context": name}},
            }
            for name in clusters
        ),
        {
            "kind": "Bundle",
            "metadata": {"name": "bench"},
            "spec": {"source": {"path": "app"}, "placement": {"selector": "env"}},
        },
    ]
    files = {
        f"fleet/{number:04}.yaml": yaml.safe_dump({"apiVersion": "flotilla.dev/v1", **document})
        for number, document in enumerate(documents)
    }
    objects_of = [manifest.content for manifest in manifests(objects)]
    for number, content in enumerate(objects_of):
        metadata = {k: v for k, v in content["metadata"].items() if k != "labels"}
        files[f"app/{number:05}.yaml"] = yaml.safe_dump({**content, "metadata": metadata})
    return files


class RunningServer:
    """`flotilla server`, which can be killed and started again."""

    def __init__(self, folder: Path, sites: Sites) -> None:
        self._folder = folder
        self.sites = sites
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix:{folder / 'state' / 'flotilla.sock'}"
        self.api = ApiClient(self.address, timeout_s=60.0)
        self.started_at = datetime.now(UTC)
        self._started = 0.0

    def start(self) -> None:
        """Start the process."""
        self.started_at, self._started = datetime.now(UTC), monotonic()
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "fleet.cli.main", "server",
                    "--repo", str(self._folder / "repo"), "--state", str(self._folder / "state"),
                    "--kubeconfig", str(self.sites.kubeconfig),
                ],
                stdout=log,
                stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def cpu_s(self) -> float:
        assert self._process is not None
        return cpu_s(self._process.pid)

    @property
    def rss_mb(self) -> float:
        assert self._process is not None
        return rss_mb(self._process.pid)

    async def converged(self) -> float:
        """Wait until every cluster was seen since the start and is ready; seconds since then."""

        def correct(view: FleetView) -> bool:
            return len(view.clusters) == len(self.sites.contexts) and all(
                cluster.state == "Ready"
                and cluster.bundles_total
                and cluster.last_seen
                and cluster.last_seen > self.started_at
                for cluster in view.clusters
            )

        return await self.seen(correct)

    async def seen(self, correct: Callable[[FleetView], object]) -> float:
        """Wait for a view; seconds since the start of the process.

        Raises:
            TimeoutError: it does not come; the message is the end of the server's log.
        """
        while monotonic() - self._started < TIMEOUT_S:
            with contextlib.suppress(ApiError):
                if correct(await asyncio.to_thread(self.api.snapshot)):
                    return monotonic() - self._started
            if self._process is not None and self._process.poll() is not None:
                break
            await asyncio.sleep(LOOK_S)
        raise TimeoutError((self._folder / "log").read_text(errors="replace")[-2_000:])


@asynccontextmanager
async def running_server(*, clusters: int, objects: int) -> AsyncIterator[RunningServer]:
    """Serve clusters, lay out a repository, start a server."""
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        async with embedded(clusters) as sites:
            WorkTree.make(Path(name) / "repo", fleet_files(list(sites.contexts), objects))
            server = RunningServer(Path(name), sites)
            server.start()
            try:
                yield server
            finally:
                server.kill()
