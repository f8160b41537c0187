"""The part of an object that a field set names, and its hash: what "our values" means."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.fields.projection import projection_hash, projection_hasher, value_at
from tests.clusters.fields.field_sets import FIELDS, field_sets, live, values


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


def test_value_at_a_path() -> None:
    path = ("f:spec", "f:containers", 'k:{"name":"web"}', "f:image")
    assert value_at(live(), path) == "nginx:1"
    assert value_at(live(containers=[]), path) is None


@given(values, field_sets)
def test_a_field_set_that_was_understood_once_hashes_alike(
    value: Any, fields: dict[str, Any]
) -> None:
    written = orjson.dumps(fields)
    for _ in range(2):
        assert projection_hasher(written)(value) == projection_hash(value, fields)


def test_a_node_that_is_ours_without_its_fields_hashes_whatever_they_are() -> None:
    fields = {"f:spec": {".": {}}}
    assert projection_hash(live(), fields) == projection_hash(live(replicas=9), fields)
    assert projection_hash(live(), fields) != projection_hash({}, fields)


def test_the_hash_is_the_one_that_stores_already_hold() -> None:
    """Apply sets outlive a version of the program: another hash would look like drift."""
    assert projection_hash(live(), FIELDS) == "b416c08eac020e83"
