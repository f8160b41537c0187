"""What happens in the demo: a fleet converges, then a few things need somebody.

Three processes, as in real life: embedded clusters, a server, and the terminal interface (or, when
headless, this one).  The demo's people commit and edit through the same doors as real ones.
"""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
import yaml

from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from fleet.demo import repository
from fleet.view import FleetView

START_TIMEOUT_S = 60.0
CONVERGE_TIMEOUT_S = 180.0
_DRIFTED = "/api/v1/namespaces/observability/configmaps/agent"
_CORRECTED = "/apis/apps/v1/namespaces/payments/deployments/api"
_FAILING_PATCH = """\
  patches:
    - target: {kind: StatefulSet, name: cache}
      clusters: [CLUSTER]
      merge: {spec: {template: {spec: {containers: [{name: cache, image: "cache:fail"}]}}}}
"""


class DemoFailed(Exception):
    """The demo could not go on; the message says why."""


class _Stage:
    """Where the demo plays: folders, processes, and a client."""

    def __init__(self, base: Path, clusters: int, ready_after_s: float) -> None:
        self.names = repository.cluster_names(clusters)
        self.ready_after_s = ready_after_s
        self.repo = base / "fleet"
        self.state = base / "state"
        self.kubeconfig = base / "kubeconfig"
        self.log = base / "log"
        self.api = ApiClient(f"unix:{self.state / 'flotilla.sock'}")
        self._children: list[subprocess.Popen[bytes]] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start the clusters and the server; end them on leaving."""
        repository.create(self.repo, self.names)
        hosts = (str(self.kubeconfig), str(self.ready_after_s), *self.names)
        with self._process("fleet.demo.hosts", *hosts):
            self._wait_for(self.kubeconfig.exists, "the embedded clusters")
            server = (
                "server", "--repo", str(self.repo), "--state", str(self.state),
                "--kubeconfig", str(self.kubeconfig), "--interval", "1",
            )  # fmt: skip
            with self._process("fleet.cli.main", *server):
                self._wait_for(self._answers, "the server")
                yield

    @contextlib.contextmanager
    def _process(self, module: str, *arguments: str) -> Iterator[None]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl+C is for the interface; we end our children
            )
        self._children.append(process)
        try:
            yield
        finally:
            self._children.remove(process)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_for(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not condition():
            died = any(child.poll() is not None for child in self._children)
            if died or time.monotonic() > deadline:
                raise DemoFailed(f"{what} did not start; its last words: {self.last_words()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.api.snapshot()
        except ApiError:
            return False
        return True

    def last_words(self) -> str:
        """The end of the log of the children."""
        return self.log.read_text(errors="replace")[-500:] if self.log.exists() else ""

    def converged(self) -> FleetView:
        """Wait until every cluster is ready.

        Raises:
            DemoFailed: not in time.
        """
        deadline = time.monotonic() + CONVERGE_TIMEOUT_S
        while time.monotonic() < deadline:
            view = self.api.snapshot()
            if len(view.clusters) == len(self.names) and all(
                cluster.state == "Ready" and cluster.bundles_total for cluster in view.clusters
            ):
                return view
            time.sleep(0.1)
        late = [f"{c.name} {c.state}: {c.why}" for c in view.clusters if c.state != "Ready"]
        raise DemoFailed(f"not converged: {'; '.join(late[:5])}; log: {self.last_words()}")

    def edit_by_hand(self, cluster: str, path: str, patch: object) -> None:
        """Do what `kubectl edit` does."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        server = next(c["cluster"] for c in config["clusters"] if c["name"] == cluster)
        request = urllib.request.Request(
            f"{server['server']}{path}?fieldManager=kubectl-edit",
            data=msgspec.json.encode(patch),
            method="PATCH",
            headers={
                "Authorization": f"Bearer {config['users'][0]['user']['token']}",
                "Content-Type": "application/merge-patch+json",
            },
        )
        trust = ssl.create_default_context()
        trust.load_verify_locations(cadata=_authority(server))
        with urllib.request.urlopen(request, context=trust) as answer:
            answer.read()


def _authority(server: dict[str, str]) -> str:
    return base64.b64decode(server["certificate-authority-data"]).decode()


def tell(
    *,
    clusters: int,
    ready_after_s: float,
    folder: Path | None,
    headless: bool,
    say: Callable[[str], None],
) -> int:
    """Run the demo; return the exit code.

    Raises:
        DemoFailed: it could not go on.
    """
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _leave)  # a terminal that is closed takes clusters and server along
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flotilla-")))
        elif folder.exists() and any(folder.iterdir()):
            raise DemoFailed(f"{folder} is not empty; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        stage = _Stage(folder, clusters, ready_after_s)
        started = time.monotonic()
        say(f"starting {clusters} embedded clusters and a server …")
        stack.enter_context(stage.running())
        if headless:
            return _sum_up(stage, started, say)
        thread = threading.Thread(target=_happen, args=(stage,), daemon=True)
        thread.start()
        return _open_interface(stage)


def _leave(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _sum_up(stage: _Stage, started: float, say: Callable[[str], None]) -> int:
    view = stage.converged()
    converged_s = time.monotonic() - started
    cluster = stage.names[-1]
    edited = time.monotonic()
    stage.edit_by_hand(cluster, _CORRECTED, {"spec": {"replicas": 7}})
    corrected = _wait_for_correction(stage, cluster)
    objects = sum(c.objects for c in view.clusters)
    print(f"clusters   {len(view.clusters)} ready of {len(view.clusters)}")
    print(f"bundles    {', '.join(b.name for b in view.bundles)}")
    print(f"objects    {objects}")
    print(f"converged  {converged_s:.1f} s after the start, processes included")
    print(f"drift      {corrected}, put back after {(time.monotonic() - edited) * 1000:.0f} ms")
    say("the fleet is as Git says; `flotilla demo` without --headless opens the interface")
    return 0


def _wait_for_correction(stage: _Stage, cluster: str) -> str:
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        for drift in stage.api.snapshot().drift:
            if drift.cluster == cluster and drift.state == "corrected":
                paths = ", ".join(drift.paths)
                return f"{drift.kind} {drift.name} on {cluster}: {paths} changed by {drift.who}"
        time.sleep(0.02)
    raise DemoFailed(f"the edit on {cluster} was not corrected; log: {stage.last_words()}")


def _happen(stage: _Stage) -> None:
    """Everything that makes the demo worth watching, once the fleet has converged."""
    with contextlib.suppress(ApiError, DemoFailed):
        stage.converged()
        last = [name for name in stage.names if name.startswith("prod-us")][-1]
        bundle = "bundles/payments.yaml"
        repository.replace(stage.repo, bundle, "dependsOn", "strategy: ring\n  dependsOn")
        repository.commit(stage.repo, "Carry payments through the ring", author="bob")
        with (stage.repo / "bundles/cache.yaml").open("a") as file:
            file.write(_FAILING_PATCH.replace("CLUSTER", last))
        repository.commit(stage.repo, f"Try another cache on {last}", author="bob")
        stage.api.snapshot()
        stage.edit_by_hand(stage.names[-1], _DRIFTED, {"data": {"scrape_interval": "5s"}})
        repository.replace(stage.repo, "apps/payments/api.yaml", "2.8.0", "2.8.1")
        repository.commit(stage.repo, "Payments 2.8.1", author="bob")


def _open_interface(stage: _Stage) -> int:
    os.environ.setdefault("FLOTILLA_ACTOR", "alice")
    # Who hands over to kubectl or k9s means the demo's clusters, whatever else is configured here.
    os.environ["KUBECONFIG"] = str(stage.kubeconfig)
    for found in entry_points(group="flotilla.ui", name="tui"):
        code: int = found.load()(["--server", str(stage.api.address)]) or 0
        return code
    raise DemoFailed("this installation has no terminal interface; use --headless")
