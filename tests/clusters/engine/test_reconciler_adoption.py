"""Objects that were there before us, on a live cluster: left, adopted, or taken from kubectl."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.events import ApplyFailed, DriftFound, NoticeKind, ObjectNoted, ObjectsApplied
from clusters.model import AdoptPolicy, BundlePolicy, DriftPolicy, DriftRule, Target
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle
from tests.fakes.journal import MemoryJournal

CONFIGS = "/api/v1/namespaces/default/configmaps"
A = f"{CONFIGS}/a"
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
NEVER = BundlePolicy(adopt=AdoptPolicy.NEVER)
ALWAYS = BundlePolicy(adopt=AdoptPolicy.ALWAYS)
HELM = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters, Engine(clusters) as one:
        yield one


async def made(engine: Engine, manager: str = "kubectl-create", **metadata: Any) -> Any:
    body = config_map("a", x="1", theirs="t")
    body["metadata"].update(metadata)
    return await engine.request("POST", CONFIGS, params={"fieldManager": manager}, json=body)


def adopted(engine: Engine) -> list[str]:
    return [e.words for e in engine.of(ObjectNoted) if e.kind is NoticeKind.ADOPTED]


class TestDecision:
    async def test_a_new_object_costs_one_request(self, engine: Engine) -> None:
        contents = [config_map(f"c{number}") for number in range(20)]
        await engine.wait_for(lambda: engine.events)
        before = engine.clusters.request_counts("one")
        await engine.converged(desired_bundle(contents))
        after = engine.clusters.request_counts("one")
        assert after["patch"] - before.get("patch", 0) == 20
        assert after.get("get", 0) == before.get("get", 0)
        assert adopted(engine) == []

    async def test_what_belongs_to_helm_is_left_byte_for_byte(self, engine: Engine) -> None:
        """Two tools that force their fields on one object fight for ever."""
        before = await made(engine, manager="helm", annotations=HELM)
        engine.assign(desired_bundle([config_map("a", x="1")]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        reason = engine.of(ApplyFailed)[0].reason
        assert "belongs to Helm release shop/web" in reason
        assert "helm/Update" in reason
        assert await engine.request("GET", A) == before
        last = engine.last_observed()
        assert last is not None
        assert reason in last.refused

    async def test_a_refusal_is_no_storm(self, engine: Engine) -> None:
        await made(engine)
        engine.assign(desired_bundle([config_map("a", x="1")], policy=NEVER))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        before = engine.clusters.request_counts("one")
        await asyncio.sleep(0.4)
        after = engine.clusters.request_counts("one")
        assert after["patch"] == before["patch"]
        assert len(engine.of(ApplyFailed)) == 1

    async def test_the_owner_lets_go_and_we_take_it(self, engine: Engine) -> None:
        await made(engine, manager="helm", annotations=HELM)
        bundle = desired_bundle([config_map("a", x="1")])
        engine.assign(bundle)
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        await engine.patch(A, {"metadata": {"annotations": None}}, manager="helm")
        engine.reconciler.poke()
        await engine.wait_for(lambda: adopted(engine))

    async def test_never(self, engine: Engine) -> None:
        before = await made(engine)
        engine.assign(desired_bundle([config_map("a", x="1")], policy=NEVER))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        assert "policy.adopt is never" in engine.of(ApplyFailed)[0].reason
        assert await engine.request("GET", A) == before

    async def test_what_has_no_owner_is_adopted_and_that_is_told(self, engine: Engine) -> None:
        await made(engine)
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        assert adopted(engine) == ["kubectl-create/Update"]
        live = await engine.request("GET", A)
        assert live["data"] == {"x": "1", "theirs": "t"}, "what is not ours stays"

    async def test_always_takes_it_even_from_helm(self, engine: Engine) -> None:
        await made(engine, manager="helm", annotations=HELM)
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=ALWAYS))
        assert adopted(engine) == ["helm/Update"]

    async def test_a_refused_object_is_never_deleted(self, engine: Engine) -> None:
        await made(engine)
        both = [config_map("a", x="1"), config_map("b")]
        engine.assign(desired_bundle(both, policy=NEVER))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        await engine.converged(desired_bundle(both[1:], policy=NEVER))
        await engine.wait_for(lambda: len(engine.journal.members[engine.name]) == 1)
        assert (await engine.request("GET", A))["data"]["theirs"] == "t"

    async def test_a_lost_apply_set_makes_nobody_a_stranger(self, engine: Engine) -> None:
        bundle = desired_bundle([config_map("a", x="1")], policy=NEVER)
        await engine.converged(bundle)
        engine.journal = MemoryJournal()
        engine.events.clear()
        await engine.restart()
        await engine.converged(bundle)
        assert engine.of(ApplyFailed) == []
        assert adopted(engine) == []

    async def test_what_took_the_name_of_ours_is_asked_about(self, engine: Engine) -> None:
        """Deleted by hand and made anew by Helm: overwriting it would be taking it."""
        bundle = desired_bundle([config_map("a", x="1")])
        await engine.converged(bundle)
        await engine.stop()
        await engine.request("DELETE", A)
        await made(engine, manager="helm", annotations=HELM)
        await engine.restart()
        engine.assign(bundle)
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        assert "Helm release shop/web" in engine.of(ApplyFailed)[0].reason
        assert engine.of(DriftFound)
        assert (await engine.request("GET", A))["data"] == {"x": "1", "theirs": "t"}

    async def test_nor_is_it_taken_by_a_release(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        engine.assign(desired_bundle([config_map("a", x="2")], suspended="asked"))
        await engine.request("DELETE", A)
        await made(engine, manager="helm", annotations=HELM)
        await asyncio.sleep(0.1)
        engine.assign(desired_bundle([config_map("a", x="2")]))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        assert "Helm release shop/web" in engine.of(ApplyFailed)[0].reason
        assert (await engine.request("GET", A))["data"] == {"x": "1", "theirs": "t"}

    async def test_rules_hold_for_what_is_adopted(self, engine: Engine) -> None:
        await made(engine)
        rules = BundlePolicy(
            rules=(DriftRule(target=Target(), drift=DriftPolicy.IGNORE, fields=("data.x",)),)
        )
        await engine.converged(desired_bundle([config_map("a", x="9", y="1")], policy=rules))
        assert (await engine.request("GET", A))["data"] == {"x": "1", "y": "1", "theirs": "t"}


class Kubectl:
    """The real kubectl against the engine's cluster."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self._home = home
        self._config = home / "kubeconfig"
        engine.clusters.write_kubeconfig(self._config)

    async def __call__(self, *args: str, stdin: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "KUBECONFIG": str(self._config), "HOME": str(self._home)},
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate(stdin.encode())
        assert process.returncode == 0, out.decode()
        return out.decode()


WEB_YAML = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default, annotations: {team: shop, note: left}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: main, image: "web:0", env: [{name: OLD, value: "1"}, {name: KEPT, value: "1"}]}
"""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
class TestTakeOver:
    async def test_what_kubectl_applied_is_ours_whole(self, engine: Engine, tmp_path: Path) -> None:
        kubectl = Kubectl(engine, tmp_path)
        await kubectl("apply", "-f", "-", stdin=WEB_YAML)
        await kubectl("annotate", "deployment", "web", "by-hand=1")
        web = deployment("web", image="web:1", replicas=2)
        web["metadata"]["annotations"] = {"team": "shop"}
        container = web["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "KEPT", "value": "2"}]
        await engine.converged(desired_bundle([web]))
        live = await engine.request("GET", WEB)
        annotations = live["metadata"]["annotations"]
        assert annotations["team"] == "shop"
        assert annotations["by-hand"] == "1", "a field of another hand is not ours to remove"
        assert "note" not in annotations, "what is not in Git is gone"
        assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations
        assert live["spec"]["replicas"] == 2
        assert live["spec"]["template"]["spec"]["containers"][0]["env"] == container["env"]
        managers = [entry["manager"] for entry in live["metadata"]["managedFields"]]
        assert "kubectl-client-side-apply" not in managers

        del container["env"]
        await engine.converged(desired_bundle([web]))
        shown = await kubectl("get", "deployment", "web", "-o", "yaml")
        assert "KEPT" not in shown, "removed in Git, and so on the cluster"
        assert (
            await kubectl(
                "diff", "-f", "-", stdin=await kubectl("get", "deployment", "web", "-o", "yaml")
            )
            == ""
        )

    async def test_a_change_in_between_is_not_overwritten_blindly(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        kubectl = Kubectl(engine, tmp_path)
        await kubectl("apply", "-f", "-", stdin=WEB_YAML)
        engine.assign(desired_bundle([deployment("web", image="web:1")]))
        for number in range(10):
            await kubectl("annotate", "--overwrite", "deployment", "web", f"tick={number}")
        await engine.wait_for(lambda: engine.of(ObjectsApplied))
        live = await engine.request("GET", WEB)
        assert live["metadata"]["annotations"]["tick"] == "9"

    async def test_never_means_never(self, engine: Engine, tmp_path: Path) -> None:
        kubectl = Kubectl(engine, tmp_path)
        await kubectl("apply", "-f", "-", stdin=WEB_YAML)
        engine.assign(desired_bundle([deployment("web")], policy=NEVER))
        await engine.wait_for(lambda: engine.of(ApplyFailed))
        assert "kubectl-client-side-apply/Update" in engine.of(ApplyFailed)[0].reason
        live = await engine.request("GET", WEB)
        assert "kubectl.kubernetes.io/last-applied-configuration" in live["metadata"]["annotations"]
