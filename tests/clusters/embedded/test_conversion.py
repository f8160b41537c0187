"""Decoding into types: what is dropped, kept, refused, and noted for strict validation."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.conversion import (
    Undecodable,
    duplicate_fields,
    typed_form,
    yaml_duplicates,
)
from clusters.embedded.schema import Schema, Schemas


def schema(group: str, version: str, kind: str) -> Schema:
    found = Schemas().builtin(group, version, kind)
    assert found is not None
    return found


DEPLOYMENT = schema("apps", "v1", "Deployment")
CONFIG_MAP = schema("", "v1", "ConfigMap")
SECRET = schema("", "v1", "Secret")


def in_container(**fields: Any) -> dict[str, Any]:
    container = {"name": "a", **fields}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def container_of(body: dict[str, Any]) -> dict[str, Any]:
    content = typed_form(body, DEPLOYMENT).content
    container: dict[str, Any] = content["spec"]["template"]["spec"]["containers"][0]
    return container


def test_structs_that_are_always_there_appear() -> None:
    assert typed_form({"spec": {"replicas": 0}}, DEPLOYMENT).content == {
        "metadata": {},
        "spec": {"replicas": 0, "template": {"metadata": {}, "spec": {}}, "strategy": {}},
        "status": {},
    }


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"tty": False, "stdin": None, "workingDir": "", "args": [], "env": None}, {}),
        ({"tty": True}, {"tty": True}),
        ({"securityContext": {"privileged": False}}, {"securityContext": {"privileged": False}}),
        ({"securityContext": {}}, {"securityContext": {}}),
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
        ({"resources": {"limits": {"cpu": 2}}}, {"resources": {"limits": {"cpu": "2"}}}),
        ({"resources": {"limits": {}}}, {}),
        ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}),
        ({"args": ["x", None]}, {"args": ["x", ""]}),
    ],
)
def test_empty_and_equal_values(fields: dict[str, Any], kept: dict[str, Any]) -> None:
    assert container_of(in_container(**fields)) == {"name": "a", "resources": {}, **kept}


def test_typing_twice_is_typing_once() -> None:
    once = typed_form(in_container(args=["x"]), DEPLOYMENT).content
    assert typed_form(once, DEPLOYMENT).content == once


def test_null_in_a_map_of_strings_is_empty() -> None:
    assert typed_form({"data": {"a": None}}, CONFIG_MAP).content["data"] == {"a": ""}


def test_unknown_fields_are_dropped_and_noted_by_path() -> None:
    decoded = typed_form({**in_container(nope=1), "top": 1}, DEPLOYMENT)
    assert decoded.strict_errors == [
        'unknown field "spec.template.spec.containers[0].nope"',
        'unknown field "top"',
    ]
    assert "top" not in decoded.content


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (
            CONFIG_MAP,
            {"data": {"a": 5}},
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": "x"}},
            "string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            DEPLOYMENT,
            {"spec": {"replicas": 1.5}},
            "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            DEPLOYMENT,
            {"spec": {"template": {"spec": {"containers": {}}}}},
            "object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Con",
        ),
        (
            DEPLOYMENT,
            {"metadata": {"labels": []}},
            "array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
        ),
        (
            DEPLOYMENT,
            {"spec": {"paused": "yes"}},
            "string into Go struct field DeploymentSpec.spec.paused of type bool",
        ),
        (DEPLOYMENT, in_container(resources={"limits": {"cpu": "x"}}), "quantities must match"),
        (SECRET, {"data": {"a": "no base64!"}}, "illegal base64 data at input byte 2"),
    ],
)
def test_wrong_types_are_refused_as_go_refuses_them(
    kind: Schema, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(Undecodable) as refusal:
        typed_form(body, kind)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"a":1}', []),
        (b'{"a":1,"a":2}', ['duplicate field "a"']),
        (b'{"s":{"l":[{"x":1},{"x":1,"x":1,"x":2}]}}', ['duplicate field "s.l[1].x"']),
        (b"{nope", []),
    ],
)
def test_duplicate_fields(raw: bytes, found: list[str]) -> None:
    assert duplicate_fields(raw) == found


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"a: 1\nb:\n  c: 1\n  c: 2\n", '  line 4: key "c" already set in map'),
        (b'{"a": 1, "a": 2}', '  line 1: key "a" already set in map'),
        (b"a: 1\nb: 1\n", None),
        (b'{"a": 1}', None),
        (b"a: [", None),
    ],
)
def test_yaml_duplicates(raw: bytes, line: str | None) -> None:
    said = yaml_duplicates(raw)
    assert (said.splitlines()[1] if said else None) == line
