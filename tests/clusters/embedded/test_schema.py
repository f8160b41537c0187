"""How definitions become merge shapes."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.schema import ANYTHING, Scalar, Schema, Schemas, Shape


def at(kind: tuple[str, str, str], path: str) -> Schema:
    node = Schemas().builtin(*kind)
    assert node is not None
    for step in path.split("."):
        node = node.items if step == "[]" else node.child(step)
        assert node is not None, step
    return node


DEPLOYMENT = ("apps", "v1", "Deployment")
CONTAINERS = "spec.template.spec.containers"


@pytest.mark.parametrize(
    ("kind", "path", "shape", "atomic", "keys"),
    [
        (DEPLOYMENT, CONTAINERS, Shape.LIST, False, ("name",)),
        (DEPLOYMENT, f"{CONTAINERS}.[].ports", Shape.LIST, False, ("containerPort", "protocol")),
        (DEPLOYMENT, f"{CONTAINERS}.[].args", Shape.LIST, True, ()),
        (DEPLOYMENT, "metadata.finalizers", Shape.LIST, False, ()),
        (DEPLOYMENT, "metadata.labels", Shape.MAP, False, ()),
        (DEPLOYMENT, "spec.selector", Shape.MAP, True, ()),
        (DEPLOYMENT, "spec.template.spec.nodeSelector", Shape.MAP, True, ()),
        (("", "v1", "Service"), "spec.ports", Shape.LIST, False, ("port", "protocol")),
        (("", "v1", "ConfigMap"), "data", Shape.MAP, False, ()),
    ],
)
def test_merge_shapes(
    kind: tuple[str, str, str], path: str, shape: Shape, atomic: bool, keys: Any
) -> None:
    node = at(kind, path)
    assert (node.shape, node.atomic, node.keys) == (shape, atomic, keys)


@pytest.mark.parametrize(
    ("path", "scalar"),
    [
        ("spec.replicas", Scalar.INTEGER),
        ("spec.paused", Scalar.BOOLEAN),
        ("spec.strategy.rollingUpdate.maxSurge", Scalar.INT_OR_STRING),
        (f"{CONTAINERS}.[].image", Scalar.STRING),
        (f"{CONTAINERS}.[].resources.limits.cpu", Scalar.QUANTITY),
    ],
)
def test_scalars(path: str, scalar: Scalar) -> None:
    assert at(DEPLOYMENT, path).scalar is scalar


def test_keys_have_their_defaults() -> None:
    ports = at(DEPLOYMENT, f"{CONTAINERS}.[].ports")
    assert ports.items.default_of("protocol") == "TCP"
    assert ports.items.default_of("containerPort") is None


def test_what_there_is_not() -> None:
    assert Schemas().builtin("apps", "v1", "Widget") is None
    deployment = Schemas().builtin(*DEPLOYMENT)
    assert deployment is not None
    assert deployment.child("nonsense") is None


def test_nodes_are_resolved_once_and_definitions_may_be_recursive() -> None:
    deployment = Schemas().builtin(*DEPLOYMENT)
    assert deployment is Schemas().builtin(*DEPLOYMENT)
    crd = ("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
    schema = at(crd, "spec.versions.[].schema.openAPIV3Schema")
    assert schema.child("properties").extra is schema  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("raw", "declared", "extra"),
    [
        ({}, False, True),
        ({"properties": {"a": {"type": "string"}}}, False, False),
        ({"properties": {"x": {"type": "string"}}}, True, True),
        ({"additionalProperties": {"type": "string"}}, False, True),
        ({"additionalProperties": False}, False, False),
        (
            {"properties": {"a": {}}, "x-kubernetes-preserve-unknown-fields": True},
            False,
            True,
        ),
    ],
)
def test_which_keys_a_custom_map_takes(raw: Any, declared: bool, extra: bool) -> None:
    kind = Schemas().from_crd({"properties": {"spec": {"type": "object", **raw}}})
    spec = kind.child("spec")
    assert spec is not None
    assert spec.declares("x") is declared
    assert (spec.child("x") is not None) is extra


def test_below_what_preserves_unknown_fields_all_merges() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    outer = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {"inner": inner},
    }
    kind = Schemas().from_crd({"properties": {"spec": outer}})
    node = kind.child("spec").child("inner")  # type: ignore[union-attr]
    assert node is not None
    assert node.child("unknown") is ANYTHING
    assert not node.preserves


def test_metadata_of_custom_kinds_is_typed_whatever_they_say() -> None:
    kind = Schemas().from_crd({"properties": {"metadata": {"type": "string"}}})
    metadata = kind.child("metadata")
    assert metadata is not None
    assert metadata.child("finalizers") is not None
    assert kind.child("apiVersion") is not None
