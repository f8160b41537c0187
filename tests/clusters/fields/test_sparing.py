"""What is sent of an object of which some fields are left to others."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.fields.ownership import Entry
from clusters.fields.rules import Spare
from clusters.fields.sparing import spared

DESIRED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Thing",
    "metadata": {
        "name": "a",
        "labels": {"flotilla.dev/fleet": "f", "flotilla.dev/bundle": "b", "team": "x"},
    },
    "spec": {
        "replicas": 2,
        "selector": {"app": "a"},
        "containers": [{"name": "main", "image": "i:1", "env": "e"}],
    },
}
LIVE: dict[str, Any] = {
    **DESIRED,
    "metadata": {**DESIRED["metadata"], "resourceVersion": "7"},
    "spec": {
        "replicas": 5,
        "selector": {"app": "z", "more": "m"},
        "containers": [{"name": "main", "image": "i:9", "env": "e"}],
    },
}
MAIN = 'k:{"name":"main"}'
OURS: dict[str, Any] = {
    "f:metadata": {
        "f:labels": {"f:flotilla.dev/fleet": {}, "f:flotilla.dev/bundle": {}, "f:team": {}}
    },
    "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:containers": {MAIN: {".": {}, "f:name": {}, "f:image": {}, "f:env": {}}},
    },
}
REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
IMAGE: dict[str, Any] = {"f:spec": {"f:containers": {MAIN: {"f:image": {}}}}}


def entry(fields: dict[str, Any], manager: str = "flotilla", operation: str = "Apply") -> Entry:
    return Entry(
        manager=manager, operation=operation, subresource="", time=None, fields=orjson.dumps(fields)
    )


def spec(*spares: str, others: tuple[dict[str, Any], ...] = ()) -> Any:
    entries = [entry(OURS), *(entry(fields, "other", "Update") for fields in others)]
    payload = spared(DESIRED, LIVE, entries, [Spare(text) for text in spares])
    assert payload["metadata"].pop("resourceVersion") == "7"
    assert payload["metadata"]["labels"].items() >= {"flotilla.dev/bundle": "b"}.items()
    return payload.get("spec")


def test_ours_alone_is_sent_as_it_is() -> None:
    assert spec("spec.replicas") == {**DESIRED["spec"], "replicas": 5}


def test_what_another_owns_is_not_sent() -> None:
    sent = spec("spec.replicas", others=(REPLICAS,))
    assert "replicas" not in sent


def test_inside_a_list_item() -> None:
    text = "spec.containers[name=main].image"
    assert spec(text)["containers"] == [{"name": "main", "image": "i:9", "env": "e"}]
    assert spec(text, others=(IMAGE,))["containers"] == [{"name": "main", "env": "e"}]


def test_inside_what_is_owned_as_one_the_live_value_is_taken() -> None:
    """Leaving out one key of an atomic mapping would remove it."""
    assert spec("spec.selector.app")["selector"] == {"app": "z"}


def test_the_whole_object_but_for_our_marks() -> None:
    entries = [entry(OURS), entry({"f:metadata": {"f:labels": {"f:team": {}}}}, "other", "Update")]
    sent = spared(DESIRED, LIVE, entries, [Spare("")])
    assert sent == {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {
            "name": "a",
            "resourceVersion": "7",
            "labels": {"flotilla.dev/fleet": "f", "flotilla.dev/bundle": "b"},
        },
        "spec": {**LIVE["spec"], "containers": LIVE["spec"]["containers"]},
    }


def test_an_exception_from_the_exception() -> None:
    payload = spared(
        DESIRED, LIVE, [entry(OURS)], [Spare("spec"), Spare("spec.replicas", left=False)]
    )
    assert payload["spec"] == {**LIVE["spec"], "replicas": 2}


def test_nothing_of_ours_is_known_and_so_nothing_is_sent() -> None:
    payload = spared(DESIRED, LIVE, [], [Spare("spec")])
    assert "spec" not in payload


@pytest.mark.parametrize("entries", [[], [entry(OURS)]])
def test_without_spares_it_is_what_is_desired(entries: list[Entry]) -> None:
    payload = spared(DESIRED, LIVE, entries, [])
    assert payload == {**DESIRED, "metadata": {**DESIRED["metadata"], "resourceVersion": "7"}}


TEXTS = ["", "spec", "spec.replicas", "spec.containers", "spec.containers[name=main].image"]
orders = st.lists(st.builds(Spare, st.sampled_from(TEXTS), st.booleans()), max_size=4)


@given(orders, st.sets(st.sampled_from(["replicas", "image"])))
def test_no_order_of_rules_sends_what_nobody_asked_for(
    spares: list[Spare], taken: set[str]
) -> None:
    """Each field is sent as desired, as it is, or not at all; the manifest stays as it was."""
    others = [{"replicas": REPLICAS, "image": IMAGE}[name] for name in sorted(taken)]
    entries = [entry(OURS), *(entry(fields, "other", "Update") for fields in others)]
    before = orjson.dumps(DESIRED)
    payload = spared(DESIRED, LIVE, entries, spares)
    assert orjson.dumps(DESIRED) == before
    sent = payload.get("spec") or {}
    assert sent.get("replicas") in (None, 2, 5)
    last = next((s for s in reversed(spares) if s.path in ("", "spec", "spec.replicas")), None)
    left = last is not None and last.left
    assert sent.get("replicas") == ((None if "replicas" in taken else 5) if left else 2)
    assert payload["metadata"]["labels"]["flotilla.dev/fleet"] == "f"
