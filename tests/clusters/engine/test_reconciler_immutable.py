"""Immutable fields on a live cluster: replaced by the rule, and nothing deleted without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from clusters.client.api import ClusterApi
from clusters.embedded.serve import EmbeddedClusters
from clusters.events import ApplyFailed, NoticeKind, ObjectNoted, Pruned
from clusters.model import BundlePolicy
from tests.fakes.engine import Engine, deployment, desired_bundle

REPLACE = BundlePolicy(replace_immutable=True)
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
Body = dict[str, Any]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters, Engine(clusters) as one:
        yield one


def reselected(app: str = "new", **container: Any) -> Body:
    """A Deployment with another selector, which no server changes."""
    body = deployment("web")
    body["spec"]["selector"] = {"matchLabels": {"app": app}}
    body["spec"]["template"]["metadata"] = {"labels": {"app": app}}
    body["spec"]["template"]["spec"]["containers"][0].update(container)
    return body


async def uid(engine: Engine, path: str = WEB) -> Any:
    return (await engine.request("GET", path)).get("metadata", {}).get("uid")


def deletes(engine: Engine) -> int:
    return engine.clusters.request_counts("one").get("delete", 0)


def replaced(engine: Engine) -> list[str]:
    return [e.words for e in engine.of(ObjectNoted) if e.kind is NoticeKind.REPLACED]


async def refused(engine: Engine) -> str:
    await engine.wait_for(lambda: engine.of(ApplyFailed))
    await asyncio.sleep(0.2)
    assert deletes(engine) == 0
    return engine.of(ApplyFailed)[0].reason


async def test_it_is_deleted_and_made_anew_where_the_bundle_allows_it(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    before = await uid(engine)
    await engine.converged(desired_bundle([reselected()], policy=REPLACE))
    live = await engine.request("GET", WEB)
    assert live["metadata"]["uid"] != before
    assert live["spec"]["selector"] == {"matchLabels": {"app": "new"}}
    assert replaced(engine) == ["spec.selector"]
    assert engine.of(ApplyFailed) == []
    assert engine.of(Pruned) == [], "it did not leave"


async def test_without_permission_the_field_and_the_policy_line_are_named(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web")]))
    before = await uid(engine)
    engine.assign(desired_bundle([reselected()]))
    said = await refused(engine)
    assert said.startswith(
        "spec.selector cannot be changed: policy.replaceImmutable: true in Bundle app lets it be "
        "deleted and made anew ("
    )
    assert await uid(engine) == before


async def test_flux_kc734_an_invalid_spec_never_deletes(engine: Engine) -> None:
    """Every refusal was taken for an immutable field, and a Service was deleted for a typo."""
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    before = await uid(engine)
    engine.assign(desired_bundle([deployment("web", replicas=-1)], policy=REPLACE))
    await refused(engine)
    assert await uid(engine) == before


async def test_flux_kc734_not_even_with_an_immutable_field_beside(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    before = await uid(engine)
    engine.assign(desired_bundle([reselected(ports=[{"containerPort": 99999}])], policy=REPLACE))
    await refused(engine)
    assert await uid(engine) == before


async def test_nothing_goes_unless_the_new_one_would_come(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The update is refused for one field only; what a create would refuse is asked first."""
    namespace = {"apiVersion": "v1", "kind": "ResourceQuota"}
    quota: Body = {
        **namespace,
        "metadata": {"name": "none", "namespace": "default"},
        "spec": {"hard": {"pods": "0"}},
    }
    await engine.converged(desired_bundle([quota, deployment("web")], policy=REPLACE))
    before = await uid(engine)
    await engine.wait_for(lambda: engine.reconciler.api)
    api = engine.reconciler.api
    assert api is not None

    async def refuse(*_: object) -> None:
        from clusters.errors import Forbidden

        raise Forbidden("exceeded quota")

    monkeypatch.setattr(api, "try_create", refuse)
    engine.assign(desired_bundle([quota, reselected()], policy=REPLACE))
    said = await refused(engine)
    assert "would not take the new object either: exceeded quota" in said
    assert await uid(engine) == before


async def test_argocd_a_namespace_or_claim_is_never_replaced(engine: Engine) -> None:
    """Deleting one deletes what it holds, whatever the policy says."""
    claim: Body = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "one",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    path = "/api/v1/namespaces/default/persistentvolumeclaims/data"
    bundle = desired_bundle([claim], policy=REPLACE)
    engine.assign(bundle)
    await engine.wait_for(lambda: (last := engine.last_observed()) and last.applied == 1)
    before = await uid(engine, path)
    claim["spec"]["storageClassName"] = "two"
    engine.assign(desired_bundle([claim], policy=REPLACE))
    await refused(engine)
    assert await uid(engine, path) == before


async def test_what_asks_to_be_kept_is_kept(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    keep = {"metadata": {"annotations": {"flotilla.dev/prune": "disabled"}}}
    await engine.patch(WEB, keep)
    await asyncio.sleep(0.1)
    engine.assign(desired_bundle([reselected()], policy=REPLACE))
    assert "annotated flotilla.dev/prune: disabled" in await refused(engine)


async def test_what_asks_to_be_kept_at_the_last_moment_is_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch had not shown it yet, and the deletion named no version."""
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    before, ask = await uid(engine), ClusterApi.try_create

    async def asked(api: ClusterApi, *more: Any) -> None:
        observer = engine.reconciler._observer
        assert observer is not None
        monkeypatch.setattr(observer, "_take_one", lambda *_: None)
        await engine.patch(WEB, {"metadata": {"annotations": {"flotilla.dev/prune": "disabled"}}})
        await ask(api, *more)

    monkeypatch.setattr(ClusterApi, "try_create", asked)
    engine.assign(desired_bundle([reselected()], policy=REPLACE))
    assert "annotated flotilla.dev/prune: disabled" in await refused(engine)
    assert await uid(engine) == before


async def test_finalizers_are_waited_for(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    before = await uid(engine)
    await engine.patch(WEB, {"metadata": {"finalizers": ["example.com/hold"]}})
    engine.assign(bundle := desired_bundle([reselected()], policy=REPLACE))
    await engine.wait_for(
        lambda: (
            (last := engine.last_observed())
            and "made anew once the old one is gone" in last.message
            and "example.com/hold" in last.message
        )
    )
    assert await uid(engine) == before
    await engine.patch(WEB, {"metadata": {"finalizers": None}})
    await engine.converged(bundle)
    assert await uid(engine) != before


async def test_a_crash_in_between_leaves_nothing_undone(engine: Engine) -> None:
    await engine.converged(desired_bundle([deployment("web")], policy=REPLACE))
    before = await uid(engine)
    await engine.patch(WEB, {"metadata": {"finalizers": ["example.com/hold"]}})
    engine.assign(bundle := desired_bundle([reselected()], policy=REPLACE))
    await engine.wait_for(lambda: replaced(engine))
    await engine.stop()
    await engine.patch(WEB, {"metadata": {"finalizers": None}})
    assert await uid(engine) is None
    await engine.restart()
    await engine.converged(bundle)
    assert await uid(engine) not in (None, before)


async def test_a_job_runs_anew_with_its_new_template(engine: Engine) -> None:
    def job(image: str) -> Body:
        spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "migrate", "namespace": "default"},
            "spec": {"template": {"spec": spec}},
        }

    await engine.converged(desired_bundle([job("migrate:1")], policy=REPLACE))
    await engine.converged(desired_bundle([job("migrate:2")], policy=REPLACE))
    live = await engine.request("GET", "/apis/batch/v1/namespaces/default/jobs/migrate")
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "migrate:2"
    assert replaced(engine) == ["spec.template"]
