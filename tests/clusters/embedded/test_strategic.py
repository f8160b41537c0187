"""Strategic merge patch: lists by key, directives, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.schema import Schemas
from clusters.embedded.status import ApiStatus
from clusters.embedded.strategic import strategic_merge

POD = Schemas().builtin("", "v1", "Pod")
assert POD is not None


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


A, B = {"name": "a", "image": "i:1"}, {"name": "b", "image": "i:1"}
VOLUME = {"name": "v", "emptyDir": {}}


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        (pod(A, B), pod({"name": "b", "image": "i:2"}), pod(A, {"name": "b", "image": "i:2"})),
        (pod(A), pod(B), pod(B, A)),
        (pod(A, B), pod({"name": "a", "$patch": "delete"}), pod(B)),
        (pod(A), pod({"$patch": "replace"}, B), pod(B)),
        (pod(A), {"spec": {"$patch": "replace", "nodeName": "n"}}, {"spec": {"nodeName": "n"}}),
        (pod(A), {"spec": {"$patch": "delete"}}, {"spec": {}}),
        (pod(A, nodeName="n"), {"spec": {"nodeName": None}}, pod(A)),
        (
            pod({**A, "args": ["-x", "-y"]}),
            pod({"name": "a", "args": ["-z"]}),
            pod({**A, "args": ["-z"]}),
        ),
        (
            {"metadata": {"finalizers": ["x", "y"]}},
            {"metadata": {"finalizers": ["y", "z"]}},
            {"metadata": {"finalizers": ["x", "y", "z"]}},
        ),
        (
            {"metadata": {"finalizers": ["x", "y"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}},
            {"metadata": {"finalizers": ["y"]}},
        ),
        (
            pod(A, B),
            {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}},
            pod(B, A),
        ),
        (
            {"spec": {"volumes": [VOLUME]}},
            {
                "spec": {
                    "volumes": [
                        {
                            "name": "v",
                            "$retainKeys": ["name", "hostPath"],
                            "hostPath": {"path": "/"},
                        }
                    ]
                }
            },
            {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}},
        ),
        (
            {"metadata": {"labels": {"a": "1"}}},
            {"metadata": {"labels": {"b": "2", "a": None}}},
            {"metadata": {"labels": {"b": "2"}}},
        ),
    ],
)
def test_merging(live: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    frozen = repr(live)
    assert POD is not None
    assert strategic_merge(live, patch, POD) == expected
    assert repr(live) == frozen


@pytest.mark.parametrize(
    ("before", "patch", "order", "after"),
    [
        ("abc", "c", None, "abc"),
        ("abc", "bna", None, "bnac"),
        ("abc", "n", None, "nabc"),
        ("abcd", "db", None, "acdb"),
        ("abc", "", "cba", "cba"),
        ("abc", "n", "anb", "anbc"),
        ("abc", "", "c", "abc"),
    ],
)
def test_order_of_merged_items(before: str, patch: str, order: str | None, after: str) -> None:
    def items(names: str) -> list[dict[str, Any]]:
        return [{"name": name, "image": "i:1"} for name in names]

    spec: dict[str, Any] = {"containers": items(patch)} if patch else {}
    if order is not None:
        spec["$setElementOrder/containers"] = [{"name": name} for name in order]
    assert POD is not None
    merged = strategic_merge(pod(*items(before)), {"spec": spec}, POD)
    assert "".join(item["name"] for item in merged["spec"]["containers"]) == after


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ([], 400),
        ({"spec": {"$retainKeys": 5}}, 400),
        ({"spec": {"$setElementOrder/containers": 5}}, 400),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": 5}}, 400),
        ({"spec": {"$retainKeys": ["a"], "nodeName": "n"}}, 422),
        ({"spec": {"containers": [{"image": "x"}]}}, 500),
        ({"spec": {"$patch": "explode"}}, 500),
    ],
)
def test_refusals(patch: Any, code: int) -> None:
    assert POD is not None
    with pytest.raises(ApiStatus) as refusal:
        strategic_merge({**pod(A), "metadata": {}}, patch, POD)
    assert refusal.value.code == code
