"""One object for a person: live beside desired, and no secret value in either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.client.api import ClusterApi
from clusters.client.transport import Transport
from clusters.embedded.serve import EmbeddedClusters
from clusters.engine.inspecting import as_yaml, inspect, masked, presentable
from clusters.fields.rules import ObjectRules
from clusters.model import DriftPolicy, DriftRule, Manifest, Target
from tests.fakes.engine import Engine, config_map

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CANARY = "Y2FuYXJ5LTdkMWY="


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"]) as clusters, Engine(clusters) as one:
        yield one


async def inspected(
    engine: Engine,
    content: dict[str, Any],
    path: str,
    patch: Any,
    rules: ObjectRules = ObjectRules(DriftPolicy.CORRECT),  # noqa: B008
) -> Any:
    async with Transport(await engine._connect()) as transport:
        api = ClusterApi(transport)
        await api.discovery.refresh()
        manifest = Manifest.of(content)
        resource = api.discovery.resource(manifest.api_version, manifest.ref.kind)
        if patch is not None:
            await api.apply(resource, manifest)
            await engine.patch(path, patch)
        return await inspect(api, manifest, rules)


async def test_each_difference_with_its_holder(engine: Engine) -> None:
    path = "/api/v1/namespaces/default/configmaps/a"
    seen = await inspected(engine, config_map("a", x="1", y="1"), path, {"data": {"x": "2"}})
    (difference,) = seen.differences
    assert (difference.path, difference.desired, difference.live, difference.holder) == (
        "data.x",
        "1",
        "2",
        "kubectl-edit/Update",
    )
    assert seen.managers == ("flotilla/Apply", "kubectl-edit/Update")
    assert "managedFields" not in as_yaml(seen.live)


async def test_an_object_that_is_not_there(engine: Engine) -> None:
    seen = await inspected(engine, config_map("a", x="1"), "", None)
    assert (seen.live, seen.differences, as_yaml(seen.live)) == (None, (), "")


async def test_cve_2026_42880_the_diff_of_a_secret_shows_that_it_changed_and_no_more(
    engine: Engine,
) -> None:
    """A server-side diff showed the real values (CVE-2026-42880)."""
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "data": {"same": CANARY, "other": CANARY},
    }
    last = {"kubectl.kubernetes.io/last-applied-configuration": CANARY}
    patch = {"metadata": {"annotations": last}, "data": {"other": "Y2FuYXJ5LW90aGVy"}}
    seen = await inspected(engine, secret, "/api/v1/namespaces/default/secrets/s", patch)
    (difference,) = seen.differences
    assert difference.path == "data.other"
    assert difference.live != difference.desired
    shown = f"{seen}{as_yaml(seen.live)}{as_yaml(seen.desired)}"
    assert CANARY not in shown
    assert "Y2FuYXJ5LW90aGVy" not in shown


def test_cve_2023_40029_last_applied_configuration_is_never_shown() -> None:
    """It repeats the whole object, secrets included (CVE-2023-40029)."""
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": CANARY, "mine": "1"}
    shown = presentable({"kind": "Secret", "metadata": {"annotations": annotations}})
    assert shown["metadata"] == {"annotations": {"mine": "1"}}


async def test_nor_in_a_difference(engine: Engine) -> None:
    mine = config_map("a", x="1")
    mine["metadata"]["annotations"] = {LAST_APPLIED: f"{{{CANARY}}}"}
    path = "/api/v1/namespaces/default/configmaps/a"
    for patch in (
        {"metadata": {"annotations": {LAST_APPLIED: f"other {CANARY}"}}},
        {"metadata": {"annotations": None}},
    ):
        seen = await inspected(engine, mine, path, patch)
        assert seen.differences
        assert CANARY not in f"{seen}{as_yaml(seen.live)}{as_yaml(seen.desired)}"
        await engine.request("DELETE", path)


async def test_cve_2026_45737_a_value_that_looks_like_a_mask_is_masked_as_well(
    engine: Engine,
) -> None:
    """A Secret whose values were `++++` was taken for masked, and hid that it changed."""
    literal = {"plus": "KysrKw==", "mark": "KGhpZGRlbiAjMTIzNDU2KQ=="}
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "data": literal,
    }
    path = "/api/v1/namespaces/default/secrets/s"
    seen = await inspected(engine, secret, path, {"data": {"plus": CANARY}})
    (difference,) = seen.differences
    assert difference.live != difference.desired
    shown = f"{seen}{as_yaml(seen.live)}{as_yaml(seen.desired)}"
    assert all(value not in shown for value in (*literal.values(), "+++", CANARY))


async def test_what_is_left_to_others_is_no_difference(engine: Engine) -> None:
    rule = DriftRule(target=Target(), drift=DriftPolicy.IGNORE, fields=("data.x",))
    path = "/api/v1/namespaces/default/configmaps/a"
    changed = {"data": {"x": "2", "y": "2"}}
    rules = ObjectRules(DriftPolicy.CORRECT, (rule,))
    seen = await inspected(engine, config_map("a", x="1", y="1"), path, changed, rules)
    assert [difference.path for difference in seen.differences] == ["data.y"]


secret_values = st.text(min_size=4) | st.integers(1000) | st.binary(min_size=4).map(repr)


@given(secret_values, secret_values)
def test_a_mark_tells_equal_from_different_and_nothing_else(one: Any, other: Any) -> None:
    assert (masked(one, "a") == masked(other, "a")) is (one == other)
    assert str(masked(one, "a")).startswith("(hidden #")
    assert len(str(masked(one, "a"))) == len("(hidden #123456)")
    assert masked({"k": one}, "a") == {"k": masked(one, "a/k")}
    assert masked(None, "a") is None


def test_a_guess_in_one_secret_tells_nothing_of_another() -> None:
    def secret(name: str) -> Any:
        return presentable(
            {"kind": "Secret", "metadata": {"name": name}, "data": {"a": CANARY, "b": CANARY}}
        )["data"]

    marks = [*secret("theirs").values(), *secret("mine").values()]
    assert len(set(marks)) == 4
    assert secret("mine") == secret("mine")
