"""JSON patch and merge patch, and how bad ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.patches import json_patch, merge_patch
from clusters.embedded.status import ApiStatus

OBJECT: dict[str, Any] = {"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"list": [1, 2]}}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"spec": None}, {"metadata": OBJECT["metadata"]}),
        ({"spec": {"list": [3]}}, {**OBJECT, "spec": {"list": [3]}}),
        (
            {"spec": {"new": {"a": None, "b": 1}}},
            {**OBJECT, "spec": {"list": [1, 2], "new": {"b": 1}}},
        ),
        ({"spec": 5}, {**OBJECT, "spec": 5}),
        ({"absent": None}, OBJECT),
        ({"spec": {"list": [{"a": None}]}}, {**OBJECT, "spec": {"list": [{}]}}),
    ],
)
def test_merge_patch(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    frozen = repr(OBJECT)
    assert merge_patch(OBJECT, patch) == expected
    assert repr(OBJECT) == frozen


def test_json_patch_runs_in_order() -> None:
    operations = [
        {"op": "test", "path": "/spec/list/0", "value": 1},
        {"op": "add", "path": "/spec/list/-", "value": 3},
        {"op": "remove", "path": "/metadata/labels/a"},
        {"op": "replace", "path": "/metadata/labels/b", "value": "9"},
        {"op": "copy", "from": "/spec/list", "path": "/spec/copy"},
        {"op": "move", "from": "/spec/copy", "path": "/moved"},
    ]
    assert json_patch(OBJECT, operations) == {
        "metadata": {"labels": {"b": "9"}},
        "spec": {"list": [1, 2, 3]},
        "moved": [1, 2, 3],
    }


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/list/0", "value": 9},
        {"op": "remove", "path": "/spec/none"},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "add", "path": "/a/b/c", "value": 1},
        {"op": "add", "path": "/spec/list/7", "value": 1},
        {"op": "fly", "path": "/spec"},
        {"path": "/spec"},
        {"op": "replace", "path": "", "value": []},
    ],
)
def test_operations_that_do_not_fit_are_unprocessable(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiStatus) as refusal:
        json_patch(OBJECT, [operation])
    assert (refusal.value.code, refusal.value.reason) == (422, "Invalid")
    assert refusal.value.body()["details"] == {}


@pytest.mark.parametrize(
    ("operations", "code"), [({}, 400), ([1], 400), ("x", 400), ([{}] * 10_001, 413)]
)
def test_what_is_no_json_patch_is_a_bad_request(operations: Any, code: int) -> None:
    with pytest.raises(ApiStatus) as refusal:
        json_patch(OBJECT, operations)
    assert refusal.value.code == code


def test_what_is_no_merge_patch_is_a_bad_request() -> None:
    with pytest.raises(ApiStatus) as refusal:
        merge_patch(OBJECT, [])
    assert refusal.value.code == 400
