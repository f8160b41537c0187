"""What differs between two values."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.comparison import compare
from tests.clusters.embedded.test_merging import OBJECT

A, A2, B = {"id": "a", "v": 1}, {"id": "a", "v": 2}, {"id": "b"}
KEY_A, KEY_B = 'k:{"id":"a"}', 'k:{"id":"b"}'


@pytest.mark.parametrize(
    ("old", "new", "removed", "modified", "added"),
    [
        ({}, {}, {}, {}, {}),
        ({"map": {"a": "1"}}, {"map": {"a": "2"}}, {}, {"f:map": {"f:a": {}}}, {}),
        ({}, {"map": {"a": "1"}}, {}, {}, {"f:map": {".": {}, "f:a": {}}}),
        ({"map": {"a": "1"}}, {}, {"f:map": {".": {}, "f:a": {}}}, {}, {}),
        ({"map": None}, {"map": {"a": "1"}}, {}, {}, {"f:map": {"f:a": {}}}),
        ({"map": None}, {"map": {}}, {}, {"f:map": {}}, {}),
        ({}, {"map": {}}, {}, {}, {"f:map": {}}),
        ({"whole": ["a"]}, {"whole": ["b"]}, {}, {"f:whole": {}}, {}),
        ({"fixed": {"a": "1"}}, {"fixed": {}}, {}, {"f:fixed": {}}, {}),
        (
            {"list": [A]},
            {"list": [A2, B]},
            {},
            {"f:list": {KEY_A: {"f:v": {}}}},
            {"f:list": {KEY_B: {".": {}, "f:id": {}}}},
        ),
        ({"list": [A, B]}, {"list": [B, A]}, {}, {}, {}),
        (
            {"list": [A, B]},
            {"list": [B]},
            {"f:list": {KEY_A: {".": {}, "f:id": {}, "f:v": {}}}},
            {},
            {},
        ),
        # Where one key names several items, they are one field together.
        ({"list": [A, A]}, {"list": [A, A2]}, {}, {"f:list": {KEY_A: {}}}, {}),
        ({"list": [A, A]}, {"list": [A, A]}, {}, {}, {}),
        (
            {"list": [B]},
            {"list": [B, B]},
            {"f:list": {KEY_B: {".": {}, "f:id": {}}}},
            {},
            {"f:list": {KEY_B: {}}},
        ),
        (
            {"list": [B, B]},
            {"list": [B]},
            {"f:list": {KEY_B: {}}},
            {},
            {"f:list": {KEY_B: {".": {}, "f:id": {}}}},
        ),
    ],
)
def test_differences(old: Any, new: Any, removed: Any, modified: Any, added: Any) -> None:
    found = compare(OBJECT, old, new)
    assert (found.removed, found.modified, found.added) == (removed, modified, added)
    assert found.is_same is not bool(removed or modified or added)


def test_true_is_not_one() -> None:
    old, new = {"map": {"a": True}}, {"map": {"a": 1}}
    assert compare(OBJECT, old, new).modified == {"f:map": {"f:a": {}}}
