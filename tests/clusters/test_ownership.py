"""Field ownership: what of a live object is ours, and who took what is not any more."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.ownership import (
    Entry,
    changed_paths,
    dotted,
    holder_of,
    leaves,
    lost_paths,
    our_entry,
    project,
    projection_hash,
    value_at,
)

FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:containers": {
            'k:{"name":"web"}': {
                ".": {},
                "f:name": {},
                "f:image": {},
                "f:ports": {
                    'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                },
            }
        },
        "f:finalizers": {'v:"example.com/hold"': {}},
    },
}


def live(**changes: Any) -> dict[str, Any]:
    web = {"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}], "tty": False}
    spec = {
        "replicas": 2,
        "containers": [{"name": "side", "image": "busybox"}, web | changes.pop("web", {})],
        "finalizers": ["other", "example.com/hold"],
        "paused": False,
    }
    return {"metadata": {"labels": {"app": "x", "b": "y"}, "uid": "1"}, "spec": spec | changes}


def entry(
    manager: str, fields: Any, operation: str = "Update", minute: int = 0, sub: str = ""
) -> Entry:
    return Entry(
        manager=manager,
        operation=operation,
        subresource=sub,
        time=datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
        fields=orjson.dumps(fields),
    )


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"paused": True}, True, id="a field of nobody"),
        pytest.param({"web": {"tty": True}}, True, id="a field beside ours in our item"),
        pytest.param({"replicas": 3}, False, id="a value of ours"),
        pytest.param({"replicas": None}, False, id="a value of ours nulled"),
        pytest.param({"web": {"image": "evil"}}, False, id="a value in an item of ours"),
        pytest.param({"web": {"name": "other"}}, False, id="our item renamed"),
        pytest.param({"containers": []}, False, id="our item removed"),
        pytest.param({"finalizers": ["other"]}, False, id="our member removed"),
        pytest.param({"finalizers": ["example.com/hold"]}, True, id="another's member removed"),
        pytest.param(
            {"web": {"ports": [{"containerPort": 80, "protocol": "TCP"}]}},
            True,
            id="a key that the server defaults",
        ),
        pytest.param(
            {"web": {"ports": [{"containerPort": 80, "protocol": "UDP"}]}},
            False,
            id="another port of the same number",
        ),
    ],
)
def test_projection_changes_with_our_fields_only(changed: dict[str, Any], same: bool) -> None:
    before = projection_hash(live(), FIELDS)
    assert (projection_hash(live(**changed), FIELDS) == before) is same


def test_a_missing_field_is_not_an_empty_one() -> None:
    fields = {"f:data": {"f:x": {}}}
    hashes = {projection_hash(body, fields) for body in ({"data": {"x": None}}, {"data": {}}, {})}
    assert len(hashes) == 3


def test_no_field_set_projects_to_nothing() -> None:
    """A server that keeps no managedFields leaves us nothing to compare, and so no drift."""
    assert projection_hash(live(), {}) == projection_hash(live(replicas=9), {})


@given(st.randoms(use_true_random=False))
def test_the_order_of_lists_does_not_count(shuffled: random.Random) -> None:
    body = live()
    before = projection_hash(body, FIELDS)
    shuffled.shuffle(body["spec"]["containers"])
    shuffled.shuffle(body["spec"]["finalizers"])
    assert projection_hash(body, FIELDS) == before


@given(st.lists(st.sampled_from(["side", "web", "log"]), unique=True), st.integers(0, 5))
def test_other_items_do_not_count(others: list[str], at: int) -> None:
    web = {"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]}
    items = [{"name": name} for name in others if name != "web"]
    items.insert(at % (len(items) + 1), web)
    assert projection_hash(live(containers=items), FIELDS) == projection_hash(live(), FIELDS)


names = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"m"', "i:0"])
field_sets: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just({}), lambda inner: st.dictionaries(names | st.just("."), inner, max_size=3)
)


@given(field_sets)
def test_nothing_is_lost_to_itself(fields: dict[str, Any]) -> None:
    assert lost_paths(fields, fields) == []


@given(field_sets, field_sets)
def test_lost_and_kept_make_up_what_was_ours(before: dict[str, Any], after: dict[str, Any]) -> None:
    lost, now = set(lost_paths(before, after)), set(leaves(after))
    assert lost.isdisjoint(now)
    assert lost | (set(leaves(before)) & now) == set(leaves(before))


@given(field_sets)
def test_all_is_lost_when_our_entry_is_gone(fields: dict[str, Any]) -> None:
    assert lost_paths(fields, None) == list(leaves(fields))


values = st.recursive(
    st.none() | st.integers(0, 2) | st.sampled_from(["m", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(values, values, field_sets)
def test_what_differs_has_a_path(one: Any, other: Any, fields: dict[str, Any]) -> None:
    differ = projection_hash(one, fields) != projection_hash(other, fields)
    assert bool(list(changed_paths(one, other, fields))) is differ


@given(values, field_sets)
def test_an_object_does_not_differ_from_itself(value: Any, fields: dict[str, Any]) -> None:
    assert list(changed_paths(value, value, fields)) == []
    assert project(value, fields) == project(value, fields)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), "spec.replicas"),
        (("f:spec", 'k:{"name":"web"}', "f:image"), "spec[name=web].image"),
        (
            ("f:ports", 'k:{"containerPort":80,"protocol":"TCP"}'),
            "ports[containerPort=80,protocol=TCP]",
        ),
        (("f:finalizers", 'v:"a/b"'), "finalizers[=a/b]"),
        (("f:args", "i:2"), "args[2]"),
        (
            ("f:metadata", "f:labels", "f:app.kubernetes.io/name"),
            "metadata.labels.app.kubernetes.io/name",
        ),
    ],
)
def test_paths_are_written_as_people_do(path: tuple[str, ...], text: str) -> None:
    assert dotted(path) == text


def test_value_at_a_path() -> None:
    path = ("f:spec", "f:containers", 'k:{"name":"web"}', "f:image")
    assert value_at(live(), path) == "nginx:1"
    assert value_at(live(containers=[]), path) is None


def test_our_entry_is_that_of_our_apply() -> None:
    ours = entry("flotilla", {"f:a": {}}, "Apply")
    others = [
        entry("flotilla", {}, "Update"),
        entry("flotilla", {}, "Apply", sub="status"),
        entry("kubectl", {}, "Apply"),
    ]
    assert our_entry([*others, ours]) is ours
    assert our_entry(others) is None


REPLICAS = [("f:spec", "f:replicas")]


def test_the_latest_holder_is_named() -> None:
    held = {"f:spec": {"f:replicas": {}}}
    entries = [entry("hpa", held, minute=9, sub="scale"), entry("kubectl-edit", held, minute=3)]
    for ordered in (entries, entries[::-1]):
        found = holder_of(REPLICAS, ordered)
        assert found is not None
        assert found.label == "hpa/Update:scale"


def test_a_holder_may_hold_what_is_above_or_below() -> None:
    above, below = {"f:spec": {}}, {"f:spec": {"f:replicas": {"f:inner": {}}}}
    for fields in (above, below):
        assert holder_of(REPLICAS, [entry("x", fields)]) is not None
    assert holder_of(REPLICAS, [entry("x", {"f:spec": {"f:paused": {}}})]) is None


def test_a_removed_field_names_nobody() -> None:
    assert holder_of(REPLICAS, [entry("flotilla", {"f:spec": {"f:replicas": {}}}, "Apply")]) is None
