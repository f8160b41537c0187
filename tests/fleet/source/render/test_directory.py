"""Directories of plain YAML: which files count, Lists, duplicates, and what is refused where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusters.model import BUNDLE_LABEL, FLEET_LABEL
from fleet.model import ValuesLayer
from fleet.model.problems import InvalidFleet, Problem
from fleet.source.render.files import SourceFiles
from fleet.source.render.render import Renderer, render
from tests.fleet.source.render.building import (
    bundle,
    cluster,
    config_map,
    contents,
    problems_of,
    rendered,
    source_files,
)

HEAD = "apiVersion: v1\nkind: ConfigMap\n"


def names(files: dict[str, str], **settings: Any) -> list[str]:
    return [str(manifest.ref) for manifest in rendered(files, **settings).manifests]


def test_every_yaml_and_json_file_below_the_path_in_order() -> None:
    files = {
        "z.yml": config_map("z"),
        "sub/deep/b.yaml": config_map("b") + "---\n" + config_map("b2") + "---\n# nothing\n",
        "sub/c.json": json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}, indent="\t"
        ),
        "README.md": "# no manifest",
        "script.sh": "#!/bin/sh",
        ".github/workflows/ci.yaml": "on: push",
        ".sops.yaml": "creation_rules: []",
    }
    expected = [f"ConfigMap default/{name}" for name in ("c", "b", "b2", "z")]
    assert names(files) == expected


def test_documents_of_flotilla_are_no_workload() -> None:
    own = "apiVersion: flotilla.dev/v1\nkind: Bundle\nmetadata: {name: web}\n"
    assert names({"fleet.yaml": own, "mixed.yaml": own + "---\n" + config_map("a")}) == [
        "ConfigMap default/a"
    ]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("kustomization.yaml", "kubectl kustomize"),
        ("overlays/dev/kustomization.yml", "kubectl kustomize"),
        ("Kustomization", "kubectl kustomize"),
        ("Chart.yaml", "helm template"),
        ("charts/web/Chart.yaml", "helm template"),
    ],
)
def test_what_other_tools_must_render_is_refused_with_advice(name: str, advice: str) -> None:
    files = {name: "a: 1", "templates/x.yaml": "{{ if }}", "a.yaml": config_map("a")}
    (problem,) = problems_of(files)
    assert problem.startswith(f"{name}:1: ")
    assert "not supported yet" in problem
    assert advice in problem


def test_lists_are_taken_apart_and_places_kept() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
        "- apiVersion: rbac.authorization.k8s.io/v1\n  kind: RoleList\n  items:\n"
        "  - {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}}\n"
    )
    assert names({"l.yaml": text}) == [
        "ConfigMap default/a",
        "Role.rbac.authorization.k8s.io default/r",
    ]
    (problem,) = problems_of({"l.yaml": text.replace("name: r", "nme: r")})
    assert problem == "l.yaml:8: items[1].items[0].metadata.name: is required"
    nested = "{apiVersion: v1, kind: List, items: [" * 9 + "]}" * 9
    assert "too many Lists" in problems_of({"l.yaml": nested})[0]


def test_a_custom_resource_with_items_is_no_list() -> None:
    text = "apiVersion: x.io/v1\nkind: Menu\nmetadata: {name: m}\nitems: [1, 2]\n"
    assert contents(rendered({"m.yaml": text}))[0]["items"] == [1, 2]


def test_an_object_that_is_written_twice_names_both_places() -> None:
    files = {"a.yaml": config_map("other") + "---\n" + config_map("x"), "b/x.yaml": config_map("x")}
    assert problems_of(files) == [
        "b/x.yaml:1: ConfigMap default/x is in this bundle twice, first in a.yaml:6; keep one"
    ]
    other_version = "apiVersion: v1beta9\nkind: ConfigMap\nmetadata: {name: x, namespace: default}"
    assert len(problems_of({"a.yaml": config_map("x"), "b.yaml": other_version})) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 1\n", "a.yaml:1: is no Kubernetes object (found a list)"),
        ("just text\n", "a.yaml:1: is no Kubernetes object (found a text)"),
        ("kind: X\nmetadata: {name: a}\n", "a.yaml:1: apiVersion: is required"),
        ("apiVersion: v1\nmetadata: {name: a}\n", "a.yaml:1: kind: is required"),
        ("apiVersion: v1\nkind: 7\nmetadata: {name: a}\n",
         "a.yaml:2: kind: must be a text (found a number)"),
        ("apiVersion: v1\nkind: ../../x\nmetadata: {name: a}\n", "a.yaml:2: kind: is malformed"),
        ("apiVersion: a/b/c\nkind: X\nmetadata: {name: a}\n", "a.yaml:1: apiVersion: is malformed"),
        (HEAD, "a.yaml:1: metadata: is required (found null)"),
        (HEAD + "metadata: []\n", "a.yaml:3: metadata: is required (found a list)"),
        (HEAD + "metadata:\n  name: ''\n", "a.yaml:4: metadata.name: is required"),
        (HEAD + "metadata:\n  name: 5\n", "a.yaml:4: metadata.name: must be a text"),
        (HEAD + "metadata:\n  name: ../x\n", "a.yaml:4: metadata.name: is no name of an object"),
        (HEAD + 'metadata:\n  name: "a\\u202eb"\n', "metadata.name: is no name of an object"),
        (HEAD + 'metadata:\n  name: "a\\x1b[2J"\n', "found 'a\\x1b[2J'"),
        (HEAD + "metadata:\n  generateName: a-\n", "a.yaml:4: metadata.generateName: objects need"),
        (HEAD + "metadata:\n  name: a\n  namespace: A_b\n", "a.yaml:5: metadata.namespace: is no"),
        (HEAD + "metadata:\n  name: a\n  labels: [x]\n", "a.yaml:5: metadata.labels: must be a"),
        (HEAD + "metadata:\n  name: a\n  labels:\n    x: true\n",
         "a.yaml:6: metadata.labels.x: must be a text; put it in quotes (found a boolean)"),
        (HEAD + "metadata:\n  name: a\n  ownerReferences: [{uid: x}]\n", "must not be in Git"),
        (HEAD + "metadata: {name: a}\ndata: {k: ENC}\nsops: {mac: x}\n",
         "a.yaml:5: sops: the object is encrypted with SOPS"),
        (HEAD + "metadata:\n  name: a\n  labels:\n    flotilla.dev/fleet: other\n",
         "a.yaml:6: metadata.labels['flotilla.dev/fleet']: is set by Flotilla"),
        ("apiVersion: v1\nkind: List\nitems: []\nsops: {mac: x}\n",
         "a.yaml:4: sops: the object is encrypted with SOPS"),
        ("a: 1\na: 2\n", "a.yaml:2: the key 'a' is given twice"),
        ("a: [\n", "a.yaml:"),
        (HEAD + "metadata: {name: a}\ndata:\n  x: ${values.x}\n", "a.yaml:5: data.x: there is no"),
        (HEAD + "metadata: {name: a}\ndata:\n  x: '${values.x}'\n", "a.yaml:5: data.x: there is"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_and_line(text: str, expected: str) -> None:
    assert any(expected in problem for problem in problems_of({"a.yaml": text}))


def test_all_problems_of_all_files_are_shown_at_once() -> None:
    files = {
        "a.yaml": "a: [",
        "b.yaml": "kind: X\nmetadata: {}\n",
        "c.yaml": config_map("c", x="${values.q}"),
        "d.yaml": config_map("d") + "---\n" + config_map("d"),
        "ok.yaml": config_map("ok"),
    }
    shown = problems_of(files)
    assert [problem.partition(":")[0] for problem in shown] == [
        "a.yaml", "b.yaml", "b.yaml", "c.yaml", "d.yaml",
    ]  # fmt: skip


def test_the_same_missing_name_is_shown_once_per_object() -> None:
    text = "\n    ".join(["${cluster.region}"] * 9)
    (problem,) = problems_of({"a.yaml": config_map("a", board=f"|\n    {text}")})
    assert "(9 times in this object)" in problem


def test_objects_can_keep_their_dollars() -> None:
    text = HEAD + "metadata: {name: a, annotations: {flotilla.dev/substitute: disabled}}\n"
    result = rendered({"a.yaml": text + "data: {x: '${values.q}'}\n"})
    assert contents(result)[0]["data"] == {"x": "${values.q}"}
    result = rendered(
        {"a.yaml": config_map("a", x="$${HOME}", z="'${values.q}'")}, substitute=False
    )
    assert contents(result)[0]["data"] == {"x": "$${HOME}", "z": "${values.q}"}


def test_namespaces() -> None:
    files = {
        "1.yaml": config_map("none"),
        "2.yaml": HEAD + "metadata: {name: own, namespace: shop}\n",
        "3.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
        "4.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: ts.x.io}\n"
        "spec: {group: x.io, scope: Cluster, names: {kind: T, plural: ts}}\n",
        "5.yaml": "apiVersion: x.io/v1\nkind: T\nmetadata: {name: t}\n",
        "6.yaml": "apiVersion: y.io/v1\nkind: U\nmetadata: {name: u}\n",
    }
    expected = ["CustomResourceDefinition.apiextensions.k8s.io ts.x.io", "T.x.io t"]
    assert names(files) == [
        "ConfigMap default/none", "ConfigMap shop/own", "Namespace shop", *expected, "U.y.io u",
    ]  # fmt: skip
    assert names(files, namespace="web") == [
        "ConfigMap web/none", "ConfigMap shop/own", "Namespace shop", *expected, "U.y.io web/u",
    ]  # fmt: skip


def test_a_namespace_where_none_belongs_is_left_out_with_a_warning() -> None:
    text = (
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n"
        "metadata:\n  name: r\n  namespace: x\n"
    )
    result = rendered({"r.yaml": text})
    assert str(result.manifests[0].ref) == "ClusterRole.rbac.authorization.k8s.io r"
    assert "namespace" not in result.manifests[0].content["metadata"]
    assert [str(warning) for warning in result.warnings] == [
        "r.yaml:5: metadata.namespace: is left out: objects of this kind are not in a namespace"
    ]


def test_what_only_a_server_sets_is_left_out() -> None:
    exported = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "uid": "1-2",
            "resourceVersion": "77",
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [{"manager": "kubectl"}],
            "selfLink": "/api",
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "keep": "me",
            },
        },
        "status": {"x": 1},
    }
    result = rendered({"a.json": json.dumps(exported)})
    assert contents(result) == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "a",
                "namespace": "default",
                "annotations": {"keep": "me"},
                "labels": {FLEET_LABEL: "acme", BUNDLE_LABEL: "web"},
            },
        }
    ]
    assert "exported from a cluster" in str(result.warnings[0])
    harmless = HEAD + "metadata: {name: a, creationTimestamp: null}\nstatus: {}\n"
    assert rendered({"a.yaml": harmless}).warnings == ()


def test_every_object_carries_our_labels_beside_its_own() -> None:
    files = {
        "a.yaml": HEAD + "metadata: {name: a, labels: {app: web}}\n",
        "b.yaml": HEAD + "metadata: {name: b, labels: null}\n",
        "c.yaml": HEAD + f"metadata: {{name: c, labels: {{{BUNDLE_LABEL}: web}}}}\n",
    }
    ours = {FLEET_LABEL: "acme", BUNDLE_LABEL: "web"}
    labels = [content["metadata"]["labels"] for content in contents(rendered(files))]
    assert labels == [{"app": "web", **ours}, ours, ours]


def test_an_object_that_no_server_takes() -> None:
    files = {"a.yaml": config_map("a", x="'" + "x" * (2 * 2**20) + "${values.more}'")}
    layer = {"more": "y" * (2 * 2**20)}
    (problem,) = problems_of(files, values=[ValuesLayer(inline=layer)])
    assert "larger than an API server takes" in problem


def test_only_files_below_the_path_are_given_and_named_from_the_repository() -> None:
    files = source_files({"apps/web/a.yaml": "kind: X\nmetadata: {name: a}\n"}, root="apps/web")
    with pytest.raises(InvalidFleet, match=r"^apps/web/a.yaml:1: apiVersion: is required"):
        render(bundle(path="apps/web"), cluster(), files, fleet="acme")


def test_what_is_wrong_with_the_folder_itself_is_a_problem() -> None:
    link = Problem(file="a.yaml", line=1, message="the link leaves the repository")
    files = SourceFiles(root="", files={}, problems=(link,))
    renderer = Renderer(fleet="acme")
    with pytest.raises(InvalidFleet, match="leaves the repository"):
        renderer.render(bundle(), cluster(), files)
    assert renderer.render(bundle(), cluster(), SourceFiles(root="", files={})).empty


def test_nothing_at_all_is_allowed_and_flagged() -> None:
    assert rendered({"README.md": "soon"}).empty
    assert not rendered({"a.yaml": config_map("a")}).empty
