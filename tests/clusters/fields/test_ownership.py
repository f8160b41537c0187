"""Field ownership: what of a live object is ours, and who took what is not any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given

from clusters.fields.ownership import (
    Entry,
    changed_paths,
    dotted,
    holder_of,
    leaves,
    lost_paths,
    our_entry,
)
from clusters.fields.projection import project, projection_hash
from tests.clusters.fields.field_sets import field_sets, values


def entry(
    manager: str, fields: Any, operation: str = "Update", minute: int = 0, sub: str = ""
) -> Entry:
    return Entry(
        manager=manager,
        operation=operation,
        subresource=sub,
        time=datetime(2026, 1, 1, 0, minute, tzinfo=UTC),
        fields=orjson.dumps(fields),
    )


@given(field_sets)
def test_nothing_is_lost_to_itself(fields: dict[str, Any]) -> None:
    assert lost_paths(fields, fields) == []


@given(field_sets, field_sets)
def test_lost_and_kept_make_up_what_was_ours(before: dict[str, Any], after: dict[str, Any]) -> None:
    lost, now = set(lost_paths(before, after)), set(leaves(after))
    assert lost.isdisjoint(now)
    assert lost | (set(leaves(before)) & now) == set(leaves(before))


@given(field_sets)
def test_all_is_lost_when_our_entry_is_gone(fields: dict[str, Any]) -> None:
    assert lost_paths(fields, None) == list(leaves(fields))


@given(values, values, field_sets)
def test_what_differs_has_a_path(one: Any, other: Any, fields: dict[str, Any]) -> None:
    differ = projection_hash(one, fields) != projection_hash(other, fields)
    assert bool(list(changed_paths(one, other, fields))) is differ


@given(values, field_sets)
def test_an_object_does_not_differ_from_itself(value: Any, fields: dict[str, Any]) -> None:
    assert list(changed_paths(value, value, fields)) == []
    assert project(value, fields) == project(value, fields)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), "spec.replicas"),
        (("f:spec", 'k:{"name":"web"}', "f:image"), "spec[name=web].image"),
        (
            ("f:ports", 'k:{"containerPort":80,"protocol":"TCP"}'),
            "ports[containerPort=80,protocol=TCP]",
        ),
        (("f:finalizers", 'v:"a/b"'), "finalizers[=a/b]"),
        (("f:args", "i:2"), "args[2]"),
        (
            ("f:metadata", "f:labels", "f:app.kubernetes.io/name"),
            "metadata.labels.app.kubernetes.io/name",
        ),
    ],
)
def test_paths_are_written_as_people_do(path: tuple[str, ...], text: str) -> None:
    assert dotted(path) == text


def test_our_entry_is_that_of_our_apply() -> None:
    ours = entry("flotilla", {"f:a": {}}, "Apply")
    others = [
        entry("flotilla", {}, "Update"),
        entry("flotilla", {}, "Apply", sub="status"),
        entry("kubectl", {}, "Apply"),
    ]
    assert our_entry([*others, ours]) is ours
    assert our_entry(others) is None


REPLICAS = [("f:spec", "f:replicas")]


def test_the_latest_holder_is_named() -> None:
    held = {"f:spec": {"f:replicas": {}}}
    entries = [entry("hpa", held, minute=9, sub="scale"), entry("kubectl-edit", held, minute=3)]
    for ordered in (entries, entries[::-1]):
        found = holder_of(REPLICAS, ordered)
        assert found is not None
        assert found.label == "hpa/Update:scale"


def test_a_holder_may_hold_what_is_above_or_below() -> None:
    above, below = {"f:spec": {}}, {"f:spec": {"f:replicas": {"f:inner": {}}}}
    for fields in (above, below):
        assert holder_of(REPLICAS, [entry("x", fields)]) is not None
    assert holder_of(REPLICAS, [entry("x", {"f:spec": {"f:paused": {}}})]) is None


def test_a_removed_field_names_nobody() -> None:
    assert holder_of(REPLICAS, [entry("flotilla", {"f:spec": {"f:replicas": {}}}, "Apply")]) is None
