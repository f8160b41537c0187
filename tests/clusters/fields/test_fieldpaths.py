"""Field paths: written as drift shows them, found in objects, set and dropped there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.fields.fieldpaths import covers, drop, problem_of, put, resolve
from clusters.fields.ownership import dotted
from clusters.fields.projection import Path, look_up, value_at

WEB: dict[str, Any] = {
    "metadata": {"name": "web", "labels": {"app": "x", "app.kubernetes.io/name": "web"}},
    "spec": {
        "replicas": 2,
        "containers": [
            {"name": "main", "image": "a:1", "ports": [{"containerPort": 80}]},
            {"name": "side", "image": "b:1"},
        ],
        "finalizers": ["example.com/hold", "other"],
    },
}
MAIN = 'k:{"name":"main"}'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.replicas", ("f:spec", "f:replicas")),
        ("metadata.labels.app", ("f:metadata", "f:labels", "f:app")),
        (
            "metadata.labels.app.kubernetes.io/name",
            ("f:metadata", "f:labels", "f:app.kubernetes.io/name"),
        ),
        ("spec.containers[name=main].image", ("f:spec", "f:containers", MAIN, "f:image")),
        ("spec.containers[name=main]", ("f:spec", "f:containers", MAIN)),
        (
            "spec.containers[name=main].ports[containerPort=80,protocol=TCP]",
            (
                "f:spec", "f:containers", MAIN, "f:ports",
                'k:{"containerPort":80,"protocol":"TCP"}',
            ),
        ),
        (
            "spec.finalizers[=example.com/hold]",
            ("f:spec", "f:finalizers", 'v:"example.com/hold"'),
        ),
    ],
)  # fmt: skip
def test_what_a_text_names(text: str, path: Path) -> None:
    assert problem_of(text) is None
    assert list(resolve(text, WEB)) == [path]
    assert covers(text, path)
    assert covers(text, (*path, "f:below"))


@pytest.mark.parametrize("text", ["spec.x", "spec.containers[name=none]", "spec.replicas.x", "spe"])
def test_what_is_not_there(text: str) -> None:
    assert list(resolve(text, WEB)) == []


def test_a_name_is_not_the_beginning_of_another() -> None:
    name = ("f:metadata", "f:labels", "f:app.kubernetes.io/name")
    assert not covers("metadata.labels.app", name)
    assert not covers("spec.rep", ("f:spec", "f:replicas"))
    assert not covers("spec.replicas.x", ("f:spec", "f:replicas"))


def test_dropping_leaves_no_empty_shells() -> None:
    one: dict[str, Any] = {"spec": {"a": {"b": {"c": 1}}, "d": 2}}
    drop(one, ("f:spec", "f:a", "f:b", "f:c"))
    assert one == {"spec": {"d": 2}}


def test_putting_makes_the_way() -> None:
    one: dict[str, Any] = {}
    put(one, ("f:spec", "f:containers", MAIN, "f:image"), "a:2")
    put(one, ("f:spec", "f:finalizers", 'v:"x"'), "x")
    put(one, ("f:spec", "f:finalizers", 'v:"x"'), "x")
    assert one == {"spec": {"containers": [{"name": "main", "image": "a:2"}], "finalizers": ["x"]}}


names = st.sampled_from(["a", "b.c", "b", "app.kubernetes.io/name", "x-y"])
values = st.recursive(
    st.integers(0, 3) | st.sampled_from(["", "t"]),
    lambda inner: (
        st.dictionaries(names, inner, min_size=1, max_size=3)
        | st.lists(
            st.builds(lambda n, v: {"name": n, "v": v}, st.sampled_from("pqr"), inner),
            min_size=1, max_size=3, unique_by=lambda item: item["name"],
        )
    ),
    max_leaves=8,
)  # fmt: skip
objects = st.dictionaries(names, values, min_size=1, max_size=3)


def paths_of(value: Any, prefix: Path = ()) -> list[Path]:
    below: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        below = [(f"f:{key}", inner) for key, inner in value.items()]
    elif isinstance(value, list):
        below = [(f'k:{{"name":"{item["name"]}"}}', item) for item in value]
    found = [prefix] if prefix else []
    return found + [path for step, inner in below for path in paths_of(inner, (*prefix, step))]


@given(objects)
def test_every_path_that_is_shown_can_be_copied(content: dict[str, Any]) -> None:
    for path in paths_of(content):
        text = dotted(path)
        assert problem_of(text) is None
        assert path in resolve(text, content)
        assert covers(text, path)
        assert all(dotted(found) == text for found in resolve(text, content))


@given(objects)
def test_what_is_put_is_there_and_what_is_dropped_is_not(content: dict[str, Any]) -> None:
    for path in paths_of(content):
        if path[-1] == "f:name" and path[-2].startswith("k:"):
            continue  # without its key, an item is another one
        changed = copy.deepcopy(content)
        drop(changed, path)
        assert not look_up(changed, path)[0]
        put(changed, path, "new")
        assert value_at(changed, path) == "new" or path[-1].startswith("k:")
