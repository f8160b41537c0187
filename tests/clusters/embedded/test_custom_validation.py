"""Custom objects: pruned, defaulted, and judged by their own schema and rules."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded import cel
from clusters.embedded.custom_validation import validate_create, validate_update
from clusters.embedded.defaults import stored_form
from clusters.embedded.schema import ANYTHING, Schema, Schemas


def schema(**properties: Any) -> Schema:
    spec = {"type": "object", "properties": properties}
    return Schemas().from_crd({"type": "object", "properties": {"spec": spec}})


def custom(spec: Any, **metadata: Any) -> dict[str, Any]:
    named = {"name": "a", "namespace": "n", "resourceVersion": "1", **metadata}
    return {"apiVersion": "e.com/v1", "kind": "T", "metadata": named, "spec": spec}


def formed(kind: Schema, spec: Any) -> dict[str, Any]:
    return stored_form(custom(spec), kind, group="e.com", kind="T").content


def causes(kind: Schema, spec: Any, old: Any = None) -> list[str]:
    if old is None:
        found = validate_create(formed(kind, spec), schema=kind, namespaced=True)
    else:
        found = validate_update(formed(kind, spec), formed(kind, old), schema=kind)
    return [str(cause) for cause in found]


NESTED = schema(
    color={"type": "string", "default": "red", "enum": ["red", "blue"]},
    box={
        "type": "object",
        "default": {},
        "properties": {"size": {"type": "integer", "default": 3}, "note": {"type": "string"}},
    },
    items={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
        "items": {
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "string"}, "n": {"type": "integer", "default": 1}},
        },
    },
    tags={"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    named={"type": "object", "additionalProperties": {"type": "object", "properties": {}}},
    maybe={"type": "string", "nullable": True},
    pod={"type": "object", "x-kubernetes-embedded-resource": True, "properties": {}},
)


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        ({}, {"color": "red", "box": {"size": 3}}),
        ({"color": None}, {"color": "red", "box": {"size": 3}}),
        ({"color": "blue", "box": {"size": 5}}, {"color": "blue", "box": {"size": 5}}),
        ({"items": [{"id": "a"}]}, {"items": [{"id": "a", "n": 1}]}),
        ({"junk": 1, "box": {"junk": 1}}, {"box": {"size": 3}}),
        ({"free": {"any": {"thing": [1]}}}, {"free": {"any": {"thing": [1]}}}),
        ({"maybe": None}, {"maybe": None}),
        (
            {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"x": 1}, "spec": {}}},
            {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"x": 1}}},
        ),
    ],
)
def test_pruning_and_defaulting(spec: Any, stored: Any) -> None:
    content = formed(NESTED, spec)["spec"]
    assert content == {"color": "red", "box": {"size": 3}, **stored}


def test_unknown_fields_are_noted_by_path() -> None:
    body = custom({"box": {"x": 1}, "items": [{"id": "a", "y": 1}]}, oops=1)
    decoded = stored_form(body, NESTED, group="e.com", kind="T")
    assert sorted(decoded.unknown) == ["metadata.oops", "spec.box.x", "spec.items[0].y"]


VALUES = schema(
    i={"type": "integer", "minimum": 1, "maximum": 9, "multipleOf": 2},
    x={"type": "number", "minimum": 0, "exclusiveMinimum": True},
    s={"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
    t={"type": "string", "format": "date-time"},
    b={"type": "boolean"},
    p={"x-kubernetes-int-or-string": True},
    l={"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer"}},
    m={
        "type": "object",
        "minProperties": 1,
        "maxProperties": 2,
        "additionalProperties": {"type": "string"},
    },
    o={
        "type": "object",
        "required": ["must"],
        "properties": {"must": {"type": "string"}, "a": {"type": "string"}},
    },
    one={
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
)


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"i": 4, "x": 0.5, "s": "abc", "b": False, "p": "50%", "l": [1], "m": {"a": "b"}}, None),
        ({"p": 5, "t": "2026-01-01T00:00:00Z", "one": {"a": "x"}}, None),
        ({"i": 0}, "spec.i: Invalid value: 0: spec.i in body should be greater than or equal to 1"),
        ({"i": 10}, "spec.i: Invalid value: 10: spec.i in body should be less than or equal to 9"),
        ({"i": 3}, "spec.i: Invalid value: 3: spec.i in body should be a multiple of 2"),
        (
            {"i": "x"},
            'spec.i: Invalid value: "string": spec.i in body must be of type integer: "st',
        ),
        ({"i": 1.5}, 'spec.i: Invalid value: "number": spec.i in body must be of type integer'),
        ({"i": None}, 'spec.i: Invalid value: "null": spec.i in body must be of type integer: "nu'),
        ({"x": 0}, "spec.x: Invalid value: 0: spec.x in body should be greater than 0"),
        ({"s": "a"}, 'spec.s: Invalid value: "a": spec.s in body should be at least 2 chars long'),
        ({"s": "abcde"}, "spec.s: Too long: may not be more than 4 bytes"),
        ({"s": "A1"}, "spec.s: Invalid value: \"A1\": spec.s in body should match '^[a-z]+$'"),
        ({"t": "soon"}, 'spec.t: Invalid value: "soon": spec.t in body must be of type date-time'),
        ({"b": "yes"}, 'spec.b: Invalid value: "string": spec.b in body must be of type boolean'),
        (
            {"p": True},
            'spec.p: Invalid value: "boolean": spec.p in body must be of type integer,st',
        ),
        ({"l": []}, "spec.l: Invalid value: 0: spec.l in body should have at least 1 items"),
        ({"l": [1, 2, 3]}, "spec.l: Too many: 3: must have at most 2 items"),
        ({"l": ["x"]}, 'spec.l[0]: Invalid value: "string": spec.l[0] in body must be of type int'),
        ({"m": {}}, "spec.m: Invalid value: 0: spec.m in body should have at least 1 properties"),
        ({"m": {"a": 1}}, 'spec.m.a: Invalid value: "integer": spec.m.a in body must be of type'),
        ({"o": {"a": "x"}}, "spec.o.must: Required value"),
        (
            {"one": {}},
            'spec.one: Invalid value: "": "spec.one" must validate one and only one schema (oneOf)',
        ),
    ],
)
def test_values(spec: Any, cause: str | None) -> None:
    found = causes(VALUES, spec)
    assert len(found) == (cause is not None), found
    assert cause is None or found[0].startswith(cause), found


def test_items_of_sets_and_list_maps_are_unique() -> None:
    spec = {"tags": ["a", "b", "a"], "items": [{"id": "x"}, {"id": "x"}]}
    assert causes(NESTED, spec) == [
        'spec.tags[2]: Duplicate value: "a"',
        'spec.items[1]: Duplicate value: {"id":"x"}',
    ]


def test_what_did_not_change_is_not_judged_again() -> None:
    old, new = {"s": "A1", "i": 2}, {"s": "A1", "i": 4}
    assert causes(VALUES, new, old) == []
    assert len(causes(VALUES, {"s": "B2"}, old)) == 1


RULES = schema(
    low={"type": "integer"},
    high={"type": "integer"},
    name={
        "type": "string",
        "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "name is fixed"},
            {"rule": "self != 'root'", "reason": "FieldValueForbidden", "message": "not root"},
        ],
    },
    ports={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["n"],
        "items": {
            "type": "object",
            "required": ["n"],
            "properties": {"n": {"type": "integer"}, "p": {"type": "integer"}},
            "x-kubernetes-validations": [{"rule": "!has(self.p) || self.p >= self.n"}],
        },
    },
    ratio={
        "type": "number",
        "x-kubernetes-validations": [
            {
                "rule": "self < 1.0",
                "messageExpression": "'ratio is ' + string(self)",
                "fieldPath": "",
            }
        ],
    },
    texts={
        "type": "array",
        "items": {"type": "string"},
        "x-kubernetes-validations": [{"rule": "self.all(t, t.lowerAscii() == t)"}],
    },
)
RULES_ROOT = Schemas().from_crd(
    {
        "type": "object",
        "properties": {"spec": RULES.raw["properties"]["spec"]},
        "x-kubernetes-validations": [
            {"rule": "self.metadata.name != 'bad'", "message": "bad name"},
            {"rule": "!has(self.spec.low) || self.spec.low <= self.spec.high"},
        ],
    }
)


@pytest.mark.parametrize(
    ("spec", "old", "cause"),
    [
        ({"name": "a", "ports": [{"n": 1, "p": 2}], "ratio": 0, "texts": ["a"]}, None, None),
        ({"name": "root"}, None, "spec.name: Forbidden: not root"),
        ({"name": "b"}, {"name": "a"}, 'spec.name: Invalid value: "string": name is fixed'),
        ({"name": "b"}, {"low": 1, "high": 1}, None),
        (
            {"ports": [{"n": 5, "p": 2}]},
            None,
            'spec.ports[0]: Invalid value: "object": failed rule: !has(self.p) || self.p >= self.n',
        ),
        ({"ratio": 2}, None, 'spec.ratio: Invalid value: "number": ratio is 2'),
        ({"texts": ["A"]}, None, 'spec.texts: Invalid value: "array": failed rule: self.all('),
        (
            {"low": 2, "high": 1},
            None,
            ': Invalid value: "object": failed rule: !has(self.spec.low) || self.spec.low <=',
        ),
        ({"low": 2}, None, ': Invalid value: "object": '),
    ],
)
def test_rules_in_cel(spec: Any, old: Any, cause: str | None) -> None:
    found = causes(RULES_ROOT, spec, old)
    assert len(found) == (cause is not None), found
    assert cause is None or cause.removeprefix(": ") in found[0], found


def test_rules_wait_until_the_object_is_sound() -> None:
    assert causes(RULES_ROOT, {"low": "x"})[-1].startswith(
        '<nil>: Invalid value: "null": some validation rules were not checked'
    )


@pytest.mark.parametrize(
    "rule",
    [
        "self.spec.s.split(',').size() == 2",
        "self.spec.s.replace(',', '').matches('^[a-z]+$')",
        "self.spec.s.indexOf(',') == 1 && self.spec.s.substring(2) == 'b'",
        "['a', 'b'].join('-') == 'a-b' && self.spec.s.upperAscii() == 'A,B'",
        "quantity(self.spec.q).isGreaterThan(quantity('100m')) && isQuantity('1Gi')",
        "isURL(self.spec.u) && url(self.spec.u).getScheme() == 'https'",
        "url(self.spec.u).getHost() == 'x.example.com:8443'",
        "isIP(self.spec.ip) && ip(self.spec.ip).family() == 4 && !isIP('x')",
        "self.spec.l.isSorted() && self.spec.l.sum() == 6 && self.spec.l.max() == 3",
        "self.spec.s.find('[a-z]') == 'a' && self.spec.s.findAll('[a-z]').size() == 2",
        "cidr('10.0.0.0/8').containsIP(self.spec.ip)",
        "duration(self.spec.d) > duration('1m')",
    ],
)
def test_functions_that_rules_use(rule: str) -> None:
    spec = {
        "s": "a,b",
        "q": "1",
        "u": "https://x.example.com:8443/p",
        "ip": "10.1.2.3",
        "l": [1, 2, 3],
        "d": "3600s",
    }
    kinds: dict[type, Any] = {
        str: {"type": "string"},
        list: {"type": "array", "items": {"type": "integer"}},
    }
    kind = Schemas().from_crd(
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {key: kinds[type(value)] for key, value in spec.items()},
                }
            },
            "x-kubernetes-validations": [{"rule": rule}],
        }
    )
    assert causes(kind, spec) == []


def test_a_schema_without_rules_costs_nothing() -> None:
    assert cel.compiled(VALUES) is None
    assert cel.compiled(RULES) is cel.compiled(RULES)


def test_a_kind_of_which_nothing_is_known_is_kept_as_it_is() -> None:
    body = custom({"a": None, "b": [1]})
    frozen = repr(body)
    decoded = stored_form(body, ANYTHING, group="e.com", kind="T")
    assert decoded.content == body
    assert repr(body) == frozen
