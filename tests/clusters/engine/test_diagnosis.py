"""Why a workload does not become ready, asked of its Pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import orjson
import pytest

from clusters.client.stream import Seen
from clusters.client.wire import decode_head
from clusters.embedded.serve import EmbeddedClusters
from clusters.engine import diagnosis
from clusters.engine.observer import Observer
from clusters.events import BundleObserved
from clusters.model import Health
from tests.fakes.engine import Engine, deployment, desired_bundle, manifest
from tests.fakes.plans import record


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 0.2)


async def test_a_stuck_image_makes_the_bundle_degraded_and_a_fix_heals_it() -> None:
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.05) as clusters,
        Engine(clusters) as engine,
    ):
        engine.assign(desired_bundle([deployment("web", image="web:fail")]))
        await engine.wait_for(lambda: _health(engine) is Health.DEGRADED)
        last = engine.last_observed()
        assert last is not None
        assert "image pull failed: " in last.message
        assert "pod web-" in last.message
        await engine.converged(desired_bundle([deployment("web", image="web:2")]))


async def test_a_pod_that_finds_no_node_is_named_and_waited_for() -> None:
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.05) as clusters,
        Engine(clusters) as engine,
    ):
        homeless = deployment("web", replicas=1)
        homeless["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "none"}
        engine.assign(desired_bundle([homeless]))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "cannot be scheduled" in last.message
        )
        last = engine.last_observed()
        assert last is not None
        assert last.health is Health.PROGRESSING, "a node may come yet"
        assert "pod web-" in last.message
        await engine.converged(desired_bundle([deployment("web", replicas=1)]))


@pytest.mark.parametrize(
    ("mode", "health"),
    [("WaitForFirstConsumer", Health.HEALTHY), ("Immediate", Health.PROGRESSING)],
)
async def test_kstatus_a_claim_that_waits_for_its_first_consumer_holds_nothing_up(
    mode: str, health: Health
) -> None:
    """Its Pod is in a bundle that waits for this one: each waited for the other for ever."""
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.05) as clusters,
        Engine(clusters) as engine,
    ):
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {
                "storageClassName": "late",
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        engine.assign(bundle := desired_bundle([claim]))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "no volume bound" in last.message
        )
        late = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "late"},
            "provisioner": "example.com/none",
            "volumeBindingMode": mode,
        }
        if health is Health.HEALTHY:
            await engine.request("POST", "/apis/storage.k8s.io/v1/storageclasses", json=late)
            await engine.converged(bundle)
        else:
            await asyncio.sleep(0.6)
            last = engine.last_observed()
            assert last is not None
            assert last.health is health, "without a class nothing says that it may wait"


class Asked:
    """An API whose Pods are told by hand; `meanwhile` happens before the answer."""

    def __init__(self, *pods: dict[str, Any], meanwhile: Callable[[], object] = object) -> None:
        self.pods, self.meanwhile, self.transport = pods, meanwhile, self

    async def send(self, *_: object, **__: object) -> Any:
        self.meanwhile()
        return SimpleNamespace(body=orjson.dumps({"items": self.pods}))


STUCK = {
    "metadata": {"name": "web-1"},
    "status": {
        "phase": "Pending",
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ErrImagePull"}}}],
    },
}
LATE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


class Slow:
    """A Deployment that is on its way, and who watches and asks about it."""

    def __init__(self) -> None:
        self.manifest = manifest(deployment("web"))
        self.record = record(self.manifest)
        watched: Any = SimpleNamespace()
        self.observer = Observer(
            watched, selector="", records={self.record.ref: self.record}, wake=lambda: None
        )
        self.says(1, readyReplicas=1)

    def says(self, version: int, **status: Any) -> None:
        whole = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}
        metadata = {"name": "web", "namespace": "default", "uid": "uid-web", "generation": 1}
        available = {"type": "Available", "status": "True"}
        conditions = [available, *status.pop("conditions", ())]
        body = orjson.dumps(
            {
                "metadata": {**metadata, "resourceVersion": str(version)},
                "spec": {"replicas": 2},
                "status": {**whole, **status, "observedGeneration": 1, "conditions": conditions},
            }
        )
        self.observer.judge(self.record, Seen(decode_head(body).metadata, msgspec.Raw(body)))

    async def ask(self, api: Any) -> Health:
        asks = diagnosis.Diagnosis(api)
        for _ in range(2):
            news = await asks.look([self.record], lambda: {self.record.ref: self.manifest})
            for one in news:
                self.observer.reconsider(one)
            await asyncio.sleep(0)
        return self.record.health


async def test_what_became_ready_while_its_pods_were_asked_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old answer made it Degraded, and no event would ever have said otherwise."""
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 0.0)
    slow = Slow()
    assert await slow.ask(Asked(STUCK)) is Health.DEGRADED
    assert await slow.ask(Asked(STUCK, meanwhile=lambda: slow.says(2))) is Health.HEALTHY


async def test_what_stays_ill_is_asked_about_less_and_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred broken workloads cost a cluster twenty requests a second, for ever."""
    slow, seconds, asked = Slow(), 0.0, []
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 5.0)
    monkeypatch.setattr(diagnosis, "monotonic", lambda: seconds)
    api: Any = Asked(STUCK, meanwhile=lambda: asked.append(seconds))
    looks = diagnosis.Diagnosis(api)
    while seconds < 600.0:
        await looks.look([slow.record], lambda: {slow.record.ref: slow.manifest})
        assert looks.due_at is not None
        seconds += 1.0
    assert asked[:3] == [5.0, 11.0, 21.0]
    assert len(asked) < 20


async def test_what_gave_up_stays_so_while_its_pods_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two crashes its Pods look well: its own status says that its time is over."""
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 0.0)
    slow = Slow()
    slow.says(2, readyReplicas=1, conditions=[LATE])
    assert await slow.ask(Asked(STUCK)) is Health.DEGRADED
    assert "pod web-1" in slow.record.message
    assert await slow.ask(Asked()) is Health.DEGRADED
    assert "ProgressDeadlineExceeded" in slow.record.message


async def test_a_slow_workload_is_not_called_degraded() -> None:
    clusters = EmbeddedClusters(["one"], ready_after_s=1.0)
    async with clusters, Engine(clusters) as engine:
        await engine.converged(desired_bundle([deployment("web")]))
        assert all(event.health is not Health.DEGRADED for event in engine.of(BundleObserved))


def _health(engine: Engine) -> Health | None:
    last = engine.last_observed()
    return last.health if last else None
