"""JSON merge patch: the examples of RFC 7386 and the laws of layers."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.source.render.merge import merge_layers, merge_patch


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(target: Any, patch: Any, expected: Any) -> None:
    assert merge_patch(target, patch) == expected


def without_nulls() -> st.SearchStrategy[Any]:
    scalars = st.booleans() | st.integers() | st.text(max_size=3)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=8,
    )


LAYERS = st.dictionaries(st.sampled_from("abc"), without_nulls(), max_size=3)


@given(target=LAYERS, patch=LAYERS)
def test_a_layer_wins_and_neither_is_touched(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    merged = merge_patch(target, patch)
    assert (target, patch) == before
    assert merge_patch(merged, patch) == merged
    assert merged.keys() == target.keys() | patch.keys()


NESTED = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from("abc"), st.integers()), max_size=3
)


@given(layers=st.lists(NESTED, max_size=4))
def test_layers_of_one_shape_merge_in_any_grouping(layers: list[Any]) -> None:
    whole = merge_layers(layers)
    for cut in range(len(layers) + 1):
        assert merge_patch(merge_layers(layers[:cut]), merge_layers(layers[cut:])) == whole
