"""Sets of fields: algebra, canonical form, words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.embedded import fieldset
from clusters.embedded.fieldset import (
    BadFieldSet,
    difference,
    includes,
    intersection,
    recursive_difference,
    same,
    union,
)

ELEMENTS = st.sampled_from(("f:a", "f:b", 'k:{"name":"x"}', 'v:"t"'))
PATHS = st.lists(ELEMENTS, min_size=1, max_size=4).map(tuple)
PATH_SETS = st.sets(PATHS, max_size=6)


def build(paths: set[fieldset.Path]) -> fieldset.FieldSet:
    return fieldset.of_paths(*paths)


@given(PATH_SETS)
def test_a_set_is_the_paths_that_it_was_built_of(paths: set[fieldset.Path]) -> None:
    fields = build(paths)
    assert set(fieldset.paths(fields)) == paths
    assert all(fieldset.has(fields, path) for path in paths)
    assert fieldset.parse(fields) == fields
    assert fieldset.ordered(fields) == fields


@given(PATH_SETS, PATH_SETS)
def test_operations_are_those_of_sets_of_paths(
    left: set[fieldset.Path], right: set[fieldset.Path]
) -> None:
    a, b = build(left), build(right)
    assert set(fieldset.paths(union(a, b))) == left | right
    assert set(fieldset.paths(intersection(a, b))) == left & right
    assert set(fieldset.paths(difference(a, b))) == left - right
    assert includes(a, b) is (left >= right)
    assert same(a, b) is (left == right)
    below = {p for p in left if any(p[: len(q)] == q for q in right)}
    assert set(fieldset.paths(recursive_difference(a, b))) == left - below


@given(PATH_SETS)
def test_leaves_have_nothing_below(paths: set[fieldset.Path]) -> None:
    leaves = set(fieldset.leaves(build(paths)))
    assert leaves == {p for p in paths if not any(q != p and q[: len(p)] == p for q in paths)}


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ({'k:{"b":1, "a":"x"}': {}}, {'k:{"a":"x","b":1}': {}}),
        ({"v: true": {".": {}}}, {"v:true": {}}),
        ({"f:a": {".": {}, "f:b": {}}}, {"f:a": {".": {}, "f:b": {}}}),
    ],
)
def test_sets_from_outside_become_canonical(raw: Any, canonical: Any) -> None:
    assert fieldset.parse(raw) == canonical


@pytest.mark.parametrize("raw", [[], {"x:a": {}}, {"k:[1]": {}}, {"v:{": {}}, {"f:a": 1}])
def test_what_is_no_set_is_refused(raw: Any) -> None:
    with pytest.raises(BadFieldSet):
        fieldset.parse(raw)


def test_paths_are_written_as_the_server_writes_them() -> None:
    path = ("f:spec", 'k:{"port":80,"protocol":"TCP"}', 'v:"t"', "i:3")
    assert fieldset.path_text(path) == '.spec[port=80,protocol="TCP"][="t"][3]'
