"""The real kubectl against an embedded cluster."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clusters.embedded.serve import EmbeddedClusters

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed"),
]
SAMPLES = Path(__file__).parents[4] / "shared" / "samples"

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1"}]
"""


@dataclass
class Kubectl:
    """Runs kubectl against one cluster."""

    config: Path
    home: Path

    async def run(self, *args: str, stdin: str = "", code: int | None = 0) -> str:
        """Run a command; gives its output, both streams together."""
        environment = {**os.environ, "KUBECONFIG": str(self.config), "HOME": str(self.home)}
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate(stdin.encode())
        text = out.decode()
        assert code is None or process.returncode == code, f"kubectl {args}: {text}"
        return text


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    """A kubectl with a context for a fresh cluster."""
    async with EmbeddedClusters(["one"], ready_after_s=0.2) as clusters:
        config = tmp_path / "kubeconfig"
        clusters.write_kubeconfig(config)
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        yield Kubectl(config, tmp_path)


async def test_a_day_with_a_deployment(kubectl: Kubectl) -> None:
    run = kubectl.run
    assert "created" in await run("create", "namespace", "shop")
    await run("config", "set-context", "--current", "--namespace", "shop")
    assert "created" in await run("apply", "-f", "-", stdin=WEB)
    assert "successfully rolled out" in await run("rollout", "status", "deploy/web")
    assert "condition met" in await run("wait", "--for=condition=Available", "deploy/web")
    assert "2/2" in await run("get", "deploy", "web")
    assert "Running" in await run("get", "pods", "-o", "wide")
    assert "NewReplicaSetAvailable" in await run("describe", "deploy", "web")
    assert "scaled" in await run("scale", "deploy/web", "--replicas", "3")
    newer = WEB.replace("nginx:1", "nginx:2")
    assert "+      - image: nginx:2" in await run("diff", "-f", "-", stdin=newer, code=1)
    conflict = await run("apply", "--server-side", "-f", "-", stdin=newer, code=1)
    assert 'conflict with "kubectl" with subresource "scale"' in conflict
    forced = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    assert "serverside-applied" in await run(*forced, stdin=newer)
    await run("rollout", "status", "deploy/web")
    await run("rollout", "undo", "deploy/web")
    await run("patch", "deploy", "web", "-p", '{"spec":{"paused":true}}')
    assert "imitate" in await run("logs", "deploy/web", code=1)
    assert "deleted" in await run("delete", "deploy", "web")
    assert "deleted" in await run("delete", "namespace", "shop")


async def test_questions_about_the_api(kubectl: Kubectl) -> None:
    run = kubectl.run
    assert "deployments" in await run("api-resources", "--verbs=list", "-o", "name")
    assert "maxSurge" in await run("explain", "deployment.spec.strategy.rollingUpdate")
    assert await run("auth", "can-i", "delete", "pods") == "yes\n"
    assert await run("auth", "can-i", "delete", "pods", "--as", "bob", code=1) == "no\n"
    assert "Server Version: v1.36.2" in await run("version")


async def test_editing_and_watching(kubectl: Kubectl) -> None:
    run = kubectl.run
    await run("create", "configmap", "settings", "--from-literal=mode=slow")
    watching = asyncio.create_task(
        run("get", "configmap", "settings", "-w", "--request-timeout=1s", code=None)
    )
    os.environ["KUBE_EDITOR"] = f'{sys.executable} -c "{_EDITOR}"'
    try:
        assert "edited" in await run("edit", "configmap", "settings")
    finally:
        del os.environ["KUBE_EDITOR"]
    assert await run("get", "cm", "settings", "-o", "jsonpath={.data.mode}") == "fast"
    assert (await watching).count("settings") >= 1


_EDITOR = (
    "import sys,pathlib; p=pathlib.Path(sys.argv[1]); "
    "p.write_text(p.read_text().replace('mode: slow','mode: fast'))"
)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample manifests are not here")
async def test_kube_prometheus_comes_up_whole(kubectl: Kubectl) -> None:
    manifests = SAMPLES / "kube-prometheus" / "manifests"
    await kubectl.run("apply", "--server-side", "-f", str(manifests / "setup"))
    await kubectl.run("wait", "--for=condition=Established", "--all", "crd")
    await kubectl.run("apply", "--server-side", "-f", str(manifests))
    for kind in ("deploy", "daemonset"):
        await kubectl.run("rollout", "status", kind, "-n", "monitoring")
    available = ("wait", "--for=condition=Available", "apiservice", "v1beta1.metrics.k8s.io")
    await kubectl.run(*available)
    found = await kubectl.run("get", "-f", str(manifests), "-o", "name")
    assert len(found.splitlines()) > 100
