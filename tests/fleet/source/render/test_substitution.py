"""`${…}`: names, types, escapes, and everything that is no name."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.source.render.substitution import (
    INSERTED_MAX,
    UNRESOLVED_MAX,
    UnknownName,
    Variables,
    has_placeholders,
    names_in,
    substitute,
)
from tests.fleet.source.render.building import cluster

VALUES = {
    "n": 3,
    "yes": True,
    "text": "hello",
    "ratio": 0.5,
    "nothing": None,
    "list": ["a", {"b": 2}],
    "map": {"x": 1, "deep": {"y": "z"}},
    "raw": "${cluster.name}",
}
VARIABLES = Variables(
    cluster=cluster(
        "eu-1", properties={"vpc": "10.0.0.0/8"}, env="prod", **{"topology.kubernetes.io/zone": "a"}
    ),
    values=VALUES,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${cluster.name}", "eu-1"),
        ("${ cluster.name }", "eu-1"),
        ("${cluster.labels.env}", "prod"),
        ("${cluster.labels.topology.kubernetes.io/zone}", "a"),
        ("${cluster.properties.vpc}", "10.0.0.0/8"),
        ("${values.n}", 3),
        ("${values.yes}", True),
        ("${values.ratio}", 0.5),
        ("${values.nothing}", None),
        ("${values.map}", {"x": 1, "deep": {"y": "z"}}),
        ("${values.map.deep.y}", "z"),
        ("${values.list}", ["a", {"b": 2}]),
        ("${values.list.1.b}", 2),
        ("${values.raw}", "${cluster.name}"),
        ("n=${values.n}, yes=${values.yes}, ratio=${values.ratio}", "n=3, yes=true, ratio=0.5"),
        ("${cluster.name}${cluster.name}", "eu-1eu-1"),
        ("$${cluster.name}", "${cluster.name}"),
        ("$$${cluster.name}", "$${cluster.name}"),
        ("a$${b", "a${b"),
        (
            "${HOME} ${datasource} ${VAR:-x} ${#a[@]} ${}",
            "${HOME} ${datasource} ${VAR:-x} ${#a[@]} ${}",
        ),
        ("${__data.fields.Cluster} ${cluster} ${a", "${__data.fields.Cluster} ${cluster} ${a"),
        ("${HOME}", "${HOME}"),
        ("${at_${cluster.name}}", "${at_eu-1}"),
        ("$ {x} $x $(x) {x} $$", "$ {x} $x $(x) {x} $$"),
        ("", ""),
    ],
)
def test_what_a_text_becomes(text: str, expected: Any) -> None:
    replaced, unresolved = substitute(text, VARIABLES.resolve)
    assert unresolved == ()
    assert replaced == expected
    assert type(replaced) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${values.m}", "there is no values.m"),
        ("${values.map.deep.yy}", "did you mean values.map.deep.y?"),
        ("${values.list.7}", "there is no values.list.7"),
        ("${values.n.x}", "there is no values.n.x"),
        ("${cluster.labels.envv}", "eu-1 has no cluster.labels.envv; did you mean cluster.labels"),
        ("${cluster.properties.x}", "cluster eu-1 has no cluster.properties.x"),
        ("${cluster.nam}", "there is no cluster.nam; did you mean cluster.name?"),
        ("${clustr.name}", "there is no clustr.name; did you mean cluster.name?"),
        ("${Values.text}", "there is no Values.text; did you mean values.text?"),
        ("${value.n} x", "there is no value.n; did you mean values.n? (write $${ to keep"),
        ("${values.n:-5}", "there is no values.n:-5; did you mean values.n?"),
        ("${values.}", "there is no values."),
        ("a ${cluster.name", "${cluster.name has no }"),
        ("${values.${cluster.name}}", "${values. has no }"),
        ("x${values.map}", "values.map is a mapping, which no text can hold"),
        ("x${values.list}", "is a list"),
        ("x${values.nothing}", "is null"),
    ],
)  # fmt: skip
def test_what_is_no_name(text: str, message: str) -> None:
    _, unresolved = substitute({"a": [text]}, VARIABLES.resolve)
    assert any(message in one.message for one in unresolved), unresolved
    assert {one.path for one in unresolved} == {("a", 0)}


def test_keys_are_replaced_too_and_must_stay_different() -> None:
    replaced, unresolved = substitute({"on-${cluster.name}": 1}, VARIABLES.resolve)
    assert (replaced, unresolved) == ({"on-eu-1": 1}, ())
    _, unresolved = substitute({"${cluster.name}": 1, "eu-1": 2}, VARIABLES.resolve)
    assert "become the same" in unresolved[0].message


def test_without_values_only_the_cluster_has_names() -> None:
    with pytest.raises(UnknownName, match="only cluster"):
        Variables(cluster=cluster()).resolve("values.x")


def test_values_cannot_be_blown_up() -> None:
    big = Variables(cluster=cluster(), values={"big": "x" * (INSERTED_MAX // 4), "m": {"a": [0]}})
    _, unresolved = substitute(["${values.big}"] * 4, big.resolve)
    assert unresolved == ()
    _, unresolved = substitute("-".join(["${values.big}"] * 50), big.resolve)
    assert "insert more than" in unresolved[0].message


def test_only_the_first_of_many_problems_are_listed() -> None:
    _, unresolved = substitute([f"${{values.q{n}}}" for n in range(10_000)], VARIABLES.resolve)
    assert [one.name for one in unresolved] == [f"values.q{n}" for n in range(UNRESOLVED_MAX)]


TEXT = st.lists(
    st.sampled_from(
        ["${", "}", "$", ".", " ", "a", "cluster.", "values.", "name", "${cluster.name}"]
    ),
    max_size=6,
).map("".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def escaped(content: Any) -> Any:
    match content:
        case str():
            return content.replace("${", "$${")
        case dict():
            return {escaped(key): escaped(value) for key, value in content.items()}
        case list():
            return [escaped(item) for item in content]
        case _:
            return content


@given(content=JSON)
def test_whatever_is_escaped_stays_as_it_was(content: Any) -> None:
    assert substitute(escaped(content), VARIABLES.resolve) == (content, ())


@given(content=JSON)
def test_every_name_without_a_value_is_reported(content: Any) -> None:
    before = copy.deepcopy(content)
    _, unresolved = substitute(content, VARIABLES.resolve)
    assert content == before
    assert {name for name in names_in(content) if not has_value(name)} <= {
        one.name for one in unresolved
    }
    if unresolved:
        assert has_placeholders(content)


def has_value(name: str) -> bool:
    try:
        VARIABLES.resolve(name)
    except UnknownName:
        return False
    return True
