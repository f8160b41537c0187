"""Which fields a value sets, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.schema import Schema
from clusters.embedded.typed import SchemaMismatch, fields_of
from tests.clusters.embedded.test_merging import OBJECT

FREE = Schema({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
KEY_A = 'k:{"id":"a"}'


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({}, {}),
        ({"map": {"a": "1"}}, {"f:map": {"f:a": {}}}),
        ({"map": {}}, {"f:map": {}}),
        ({"map": None}, {"f:map": {}}),
        ({"fixed": {"a": "1"}}, {"f:fixed": {}}),
        ({"whole": []}, {"f:whole": {}}),
        ({"list": []}, {}),
        ({"list": [{"id": "a"}]}, {"f:list": {KEY_A: {".": {}, "f:id": {}}}}),
    ],
)
def test_fields_of_a_value(value: Any, fields: Any) -> None:
    assert fields_of(OBJECT, value) == fields


def test_undeclared_maps_are_granular_and_their_keys_members() -> None:
    value = {"a": {"b": 1, "c": []}, "d": {}}
    assert fields_of(FREE, value) == {"f:a": {".": {}, "f:b": {}, "f:c": {}}, "f:d": {}}


def test_repeated_items_are_one_field_where_they_are_allowed() -> None:
    value = {"list": [{"id": "a", "v": 1}, {"id": "a"}]}
    assert fields_of(OBJECT, value, duplicates=True) == {"f:list": {KEY_A: {}}}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"no": 1}, ".no: field not declared in schema"),
        ({"map": 5}, ".map: expected map, got &{5}"),
        ({"whole": {"a": [1, "x"]}}, ".whole: expected list, got &{map[a:[1 x]]}"),
        ({"list": [None]}, ".list: element 0: associative list with keys may not have a null"),
        ({"list": ["x"]}, ".list: element 0: associative list with keys may not have non-map"),
        ({"list": [{"v": 1}]}, 'omits all key fields ["id"]'),
        ({"list": [{"id": "a"}, {"id": "a"}]}, 'duplicate entries for key [id="a"]'),
        ({"list": [{"id": "a", "v": "x"}]}, '.list[id="a"].v: expected numeric (int or float)'),
        ({"whole": ["a", 1]}, ".whole[1]: expected string, got &value.valueUnstructured{Value:1}"),
        ({"fixed": {"a": [1]}}, "Value:[]interface {}{1}}"),
    ],
)
def test_what_does_not_fit(value: Any, message: str) -> None:
    with pytest.raises(SchemaMismatch) as refusal:
        fields_of(OBJECT, value)
    assert message in str(refusal.value)
