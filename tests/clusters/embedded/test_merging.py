"""Merging and removing by schema: order, identity, atomic parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.embedded.merging import merge, remove
from clusters.embedded.schema import Schema

KEYED = Schema(
    {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
        "items": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "v": {"type": "integer"}},
        },
    }
)
SET = Schema({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}})
OBJECT = Schema(
    {
        "type": "object",
        "properties": {
            "list": KEYED.raw,
            "whole": {"type": "array", "items": {"type": "string"}},
            "fixed": {
                "type": "object",
                "x-kubernetes-map-type": "atomic",
                "additionalProperties": {"type": "string"},
            },
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
)
NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ("ab", "b", "ab"),
        ("ab", "ba", "ba"),
        ("ab", "bc", "abc"),
        ("ab", "ca", "cab"),
        ("abc", "ca", "bca"),
        ("abcd", "dxb", "acdxb"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
    ],
)
def test_order_of_a_merged_set(old: str, new: str, merged: str) -> None:
    assert "".join(merge(SET, list(old), list(new))) == merged


@given(NAMES, NAMES)
def test_merged_sets_hold_all_once_in_the_order_of_the_newer(
    old: list[str], new: list[str]
) -> None:
    out = merge(SET, old, new)
    assert sorted(out) == sorted(set(old) | set(new))
    assert [item for item in out if item in new] == new
    assert merge(SET, out, new) is out


@pytest.mark.parametrize(
    ("old", "new", "merged"),
    [
        ({"map": {"a": "1"}}, {"map": {"b": "2"}}, {"map": {"a": "1", "b": "2"}}),
        ({"fixed": {"a": "1"}}, {"fixed": {"b": "2"}}, {"fixed": {"b": "2"}}),
        ({"whole": ["a"]}, {"whole": ["b"]}, {"whole": ["b"]}),
        (
            {"list": [{"id": "a", "v": 1}]},
            {"list": [{"id": "b"}, {"id": "a", "v": 2}]},
            {"list": [{"id": "b"}, {"id": "a", "v": 2}]},
        ),
        ({"map": {"a": "1"}}, {"map": None}, {"map": {"a": "1"}}),
        ({"map": {}}, {"map": None}, {"map": None}),
        ({}, {"map": {}}, {"map": {}}),
    ],
)
def test_merging_maps(old: Any, new: Any, merged: Any) -> None:
    assert merge(OBJECT, old, new) == merged


def test_nothing_new_is_the_old_object() -> None:
    old = {"map": {"a": "1"}, "list": [{"id": "a", "v": 1}], "whole": ["x"]}
    for new in ({}, {"map": {"a": "1"}}, {"list": [{"id": "a"}]}, {"whole": ["x"]}):
        assert merge(OBJECT, old, new) is old


def test_unchanged_parts_are_shared() -> None:
    old = {"map": {"a": "1"}, "list": [{"id": "a", "v": 1}]}
    merged = merge(OBJECT, old, {"map": {"a": "2"}})
    assert merged["list"] is old["list"]


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"f:map": {}}, {"list": [{"id": "a", "v": 1}, {"id": "b"}]}),
        ({"f:map": {"f:a": {}}}, {"map": {"b": "2"}, "list": [{"id": "a", "v": 1}, {"id": "b"}]}),
        (
            {"f:map": {"f:a": {}, "f:b": {}}},
            {"map": None, "list": [{"id": "a", "v": 1}, {"id": "b"}]},
        ),
        (
            {"f:list": {'k:{"id":"a"}': {".": {}, "f:v": {}}}},
            {"map": {"a": "1", "b": "2"}, "list": [{"id": "b"}]},
        ),
        (
            {"f:list": {'k:{"id":"a"}': {"f:v": {}}}},
            {"map": {"a": "1", "b": "2"}, "list": [{"id": "a"}, {"id": "b"}]},
        ),
    ],
)
def test_removing_fields(fields: Any, left: Any) -> None:
    value = {"map": {"a": "1", "b": "2"}, "list": [{"id": "a", "v": 1}, {"id": "b"}]}
    assert remove(OBJECT, value, fields) == left
