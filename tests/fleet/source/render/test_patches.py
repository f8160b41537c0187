"""Patches: what they target, what they change, and how they fail without telling a secret."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.model import ClusterName, Target
from fleet.model import Patch, Place, ValuesLayer
from fleet.model.selector import parse_selector
from tests.fleet.source.render.building import cluster, contents, problems_of, rendered

PLACE = Place(file="bundles.yaml", line=31)
ANY = Target()
SECRET = "hunter2-cAnArY"
FILES = {
    "a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1', v: '2'}\n",
    "b.yaml": f"apiVersion: v1\nkind: Secret\nmetadata: {{name: b, namespace: vault}}\n"
    f"stringData: {{password: {SECRET}}}\n",
}


def patch(target: Target = ANY, **settings: Any) -> Patch:
    return Patch(target=target, place=PLACE, **settings)


def annotated(target: Target) -> set[str]:
    one = patch(target, merge={"metadata": {"annotations": {"seen": "yes"}}})
    return {
        content["metadata"]["name"]
        for content in contents(rendered(FILES, patches=[one]))
        if "annotations" in content["metadata"]
    }


@pytest.mark.parametrize(
    ("target", "names"),
    [
        (Target(), {"a", "b"}),
        (Target(kind="ConfigMap"), {"a"}),
        (Target(name="b"), {"b"}),
        (Target(namespace="default"), {"a"}),
        (Target(namespace="vault", kind="Secret", name="b"), {"b"}),
        (Target(group=""), {"a", "b"}),
    ],
)
def test_targets(target: Target, names: set[str]) -> None:
    assert annotated(target) == names


def data_of(*patches: Patch, on: str = "eu-1", **labels: str) -> dict[str, Any]:
    result = rendered(
        {"a.yaml": FILES["a.yaml"]}, patches=patches, on=cluster(on, properties=None, **labels)
    )
    data: dict[str, Any] = contents(result)[0]["data"]
    return data


def test_merge_patches_merge_and_null_removes() -> None:
    assert data_of(patch(merge={"data": {"x": None, "z": "3"}})) == {"v": "2", "z": "3"}


def test_operations_of_rfc_6902_in_order() -> None:
    operations = [
        {"op": "test", "path": "/data/x", "value": "1"},
        {"op": "replace", "path": "/data/x", "value": "9"},
        {"op": "move", "from": "/data/v", "path": "/data/w"},
        {"op": "add", "path": "/data/q~1r", "value": "s"},
    ]
    assert data_of(patch(json6902=operations)) == {"x": "9", "w": "2", "q/r": "s"}


def test_later_patches_see_earlier_ones() -> None:
    first = patch(merge={"data": {"z": "new"}})
    second = patch(json6902=[{"op": "copy", "from": "/data/z", "path": "/data/x"}])
    assert data_of(first, second)["x"] == "new"


def test_patches_for_some_clusters() -> None:
    by_name = patch(clusters=[ClusterName("eu-1")], merge={"data": {"x": "name"}})
    by_label = patch(when=parse_selector("env=prod"), merge={"data": {"v": "label"}})
    both = patch(
        clusters=[ClusterName("eu-1")],
        when=parse_selector("env=prod"),
        merge={"data": {"z": "both"}},
    )
    patches = (by_name, by_label, both)
    assert data_of(*patches, on="us-1") == {"x": "1", "v": "2"}
    assert data_of(*patches, on="eu-1") == {"x": "name", "v": "2"}
    assert data_of(*patches, on="us-1", env="prod") == {"x": "1", "v": "label"}
    assert data_of(*patches, env="prod") == {"x": "name", "v": "label", "z": "both"}


def test_placeholders_in_patches_also_where_files_have_none() -> None:
    one = patch(
        merge={"data": {"x": "${cluster.name}"}},
    )
    two = patch(json6902=[{"op": "add", "path": "/data/v", "value": "${values.v}"}])
    files = {"a.yaml": FILES["a.yaml"].replace("'1'", "'${values.none}'")}
    layers = [ValuesLayer(inline={"v": "why"})]
    result = rendered(files, patches=[one, two], substitute=False, values=layers)
    assert contents(result)[0]["data"] == {"x": "eu-1", "v": "why"}
    (problem,) = problems_of(FILES, patches=[patch(merge={"data": {"x": "${values.q}"}})])
    assert problem == "bundles.yaml:31: spec.patches: there is no values.q"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (patch(Target(kind="Deployment", name="a"), merge={}),
         "the bundle has no object that matches its target (kind 'Deployment', name 'a')"),
        (patch(json6902=[{"op": "remove", "path": "/data/none"}]), "the object has no such path"),
        (patch(json6902=[{"op": "test", "path": "/stringData/password", "value": "x"}]),
         "the value is another one"),
        (patch(json6902=[{"op": "replace", "path": "/stringData/password/0", "value": "x"}]),
         "operation 1 (replace /stringData/password/0)"),
        (patch(json6902=[{"op": "explode", "path": "/data"}]), "no operation of RFC 6902"),
        (patch(json6902=[{"op": "add", "path": "data", "value": 1}]), "operation 1 (add data)"),
        (patch(json6902=[{"op": "replace", "path": "", "value": 3}]), "leaves no object"),
        (patch(merge={"metadata": {"name": "other"}}), "a patch cannot rename or move"),
        (patch(merge={"metadata": None}), "leaves an object whose metadata is required"),
        (patch(merge={"metadata": {"labels": {"flotilla.dev/bundle": "x"}}}), "set by Flotilla"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_patch_is_said_without_the_secret(broken: Patch, message: str) -> None:
    found = problems_of(FILES, patches=[broken])
    assert any(message in problem for problem in found), found
    assert not any(SECRET in problem for problem in found)


def test_a_patch_for_other_clusters_need_not_match() -> None:
    other = patch(Target(name="none"), clusters=[ClusterName("us-1")], merge={})
    assert len(rendered(FILES, patches=[other]).manifests) == 2


def test_copies_of_copies_end() -> None:
    doubled = [{"op": "copy", "from": "/data", "path": f"/data/{n}"} for n in range(40)]
    (problem,) = problems_of({"a.yaml": FILES["a.yaml"]}, patches=[patch(json6902=doubled)])
    assert "copies more than" in problem


def test_an_object_that_is_too_deep_to_be_written_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(90):
        deep = {"a": deep}
    added = [
        {"op": "add", "path": "/data" + "/a" * (90 * n) + "/a", "value": deep} for n in range(30)
    ]
    (problem,) = problems_of({"a.yaml": FILES["a.yaml"]}, patches=[patch(json6902=added)])
    assert "nested too deep" in problem
    copied = [*added, {"op": "copy", "from": "/data", "path": "/more"}]
    (problem,) = problems_of({"a.yaml": FILES["a.yaml"]}, patches=[patch(json6902=copied)])
    assert "nested too deep" in problem
