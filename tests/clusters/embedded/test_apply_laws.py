"""Laws of server-side apply, over generated configurations and managers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.embedded import fieldset
from clusters.embedded.apply import server_side_apply
from clusters.embedded.comparison import compare
from clusters.embedded.fieldset import difference, includes, intersection, same, union
from clusters.embedded.ownership import track_update
from clusters.embedded.schema import Schema, Schemas
from clusters.embedded.status import ApiStatus
from clusters.embedded.typed import fields_of

SCHEMA: Schema = Schemas().from_crd(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer"},
                    "m": {"type": "object", "additionalProperties": {"type": "string"}},
                    "set": {
                        "type": "array",
                        "x-kubernetes-list-type": "set",
                        "items": {"type": "string"},
                    },
                    "list": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["id"],
                        "items": {
                            "type": "object",
                            "properties": {
                                "id": {"type": "string"},
                                "v": {"type": "string"},
                                "w": {"type": "string"},
                            },
                        },
                    },
                    "whole": {"type": "array", "items": {"type": "string"}},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        },
    }
)
VERSION = "t.example.com/v1"
VALUES = st.sampled_from("abc")
ITEMS = st.dictionaries(
    VALUES, st.fixed_dictionaries({}, optional={"v": VALUES, "w": VALUES}), min_size=1, max_size=3
).map(lambda items: [{"id": key, **rest} for key, rest in items.items()])
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(0, 2),
        "m": st.dictionaries(VALUES, VALUES, min_size=1, max_size=3),
        "set": st.lists(VALUES, unique=True, min_size=1, max_size=3),
        "list": ITEMS,
        "whole": st.lists(VALUES, max_size=2),
        "free": st.dictionaries(VALUES, VALUES, min_size=1, max_size=2),
    },
).filter(bool)
"""Without empty containers, which the real server treats in ways of their own."""
MANAGERS = st.sampled_from(("one", "two", "three"))
NOW = "2026-01-01T00:00:00Z"


def config(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": "T", "metadata": {"name": "t"}, "spec": spec}


def applied(live: Any, spec: dict[str, Any], manager: str, *, force: bool = True) -> Any:
    return server_side_apply(
        live,
        config(spec),
        manager=manager,
        force=force,
        schema=SCHEMA,
        now=NOW,
        api_version=VERSION,
    )


def updated(live: Any, spec: dict[str, Any], manager: str) -> Any:
    return track_update(
        live, {**live, "spec": spec}, manager=manager, schema=SCHEMA, now=NOW, api_version=VERSION
    )


def owners(live: Any) -> dict[str, Any]:
    return {
        f"{entry['manager']}/{entry['operation']}": entry["fieldsV1"]
        for entry in live["metadata"].get("managedFields", ())
    }


def content(live: Any) -> Any:
    kept = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return {**live, "metadata": kept}


WRITES = st.lists(st.tuples(MANAGERS, st.booleans(), SPECS), min_size=1, max_size=5)


def history(writes: list[tuple[str, bool, dict[str, Any]]]) -> Any:
    live = None
    for manager, by_apply, spec in writes:
        if by_apply or live is None:
            live = applied(live, spec, manager)
        else:
            live = updated(live, spec, manager)
    return live


@given(WRITES, MANAGERS, SPECS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_applying_again_changes_nothing(
    writes: list[Any], manager: str, spec: dict[str, Any], force: bool
) -> None:
    live = applied(history(writes), spec, manager)
    assert applied(live, spec, manager, force=force) is live


@given(WRITES, MANAGERS, SPECS)
@settings(max_examples=60, deadline=None)
def test_an_applier_owns_what_it_applied_and_it_is_live(
    writes: list[Any], manager: str, spec: dict[str, Any]
) -> None:
    live = applied(history(writes), spec, manager)
    wanted = difference(
        fields_of(SCHEMA, config(spec)),
        fieldset.of_paths(("f:apiVersion",), ("f:kind",), ("f:metadata", "f:name")),
    )
    assert same(owners(live).get(f"{manager}/Apply", {}), wanted)
    assert includes(fields_of(SCHEMA, content(live)), wanted)


@given(WRITES)
@settings(max_examples=60, deadline=None)
def test_nobody_owns_what_is_not_there(writes: list[Any]) -> None:
    live = history(writes)
    there = {
        path[:depth]
        for path in fieldset.paths(fields_of(SCHEMA, content(live)))
        for depth in range(1, len(path) + 1)
    }
    for fields in owners(live).values():
        assert set(fieldset.paths(fields)) <= there


@given(WRITES, MANAGERS, SPECS)
@settings(max_examples=60, deadline=None)
def test_ownership_of_changed_values_moves_and_is_never_doubled(
    writes: list[Any], manager: str, spec: dict[str, Any]
) -> None:
    live = history(writes)
    after = applied(live, spec, manager)
    difference_made = compare(SCHEMA, content(live), content(after))
    written = union(difference_made.modified, difference_made.added)
    for name, fields in owners(after).items():
        if name != f"{manager}/Apply":
            assert not intersection(fields, written)
            assert includes(owners(live)[name], fields)


@given(SPECS, SPECS)
@settings(max_examples=80, deadline=None)
def test_managers_without_conflict_commute(left: dict[str, Any], right: dict[str, Any]) -> None:
    try:
        one = applied(applied(None, left, "one", force=False), right, "two", force=False)
        two = applied(applied(None, right, "two", force=False), left, "one", force=False)
    except ApiStatus:
        return
    assert owners(one) == owners(two)
    assert unordered(content(one)) == unordered(content(two))


def unordered(value: Any) -> Any:
    """Order associative lists, whose items come in the order in which managers came."""
    if isinstance(value, dict):
        return {
            key: sorted(item, key=str) if key in ("set", "list") and item else unordered(item)
            for key, item in value.items()
        }
    return value


@given(SPECS, SPECS, SPECS)
@settings(max_examples=80, deadline=None)
def test_omitting_removes_exactly_what_was_solely_owned(
    mine: dict[str, Any], theirs: dict[str, Any], less: dict[str, Any]
) -> None:
    live = applied(applied(None, mine, "one"), theirs, "two")
    after = applied(live, less, "one", force=True)
    before, now = fields_of(SCHEMA, content(live)), fields_of(SCHEMA, content(after))
    owned = owners(live).get("one/Apply", {})
    kept = union(owners(after)["one/Apply"], owners(live)["two/Apply"])
    solely = difference(owned, kept)
    assert same(difference(before, now), solely)


@given(SPECS, SPECS)
@settings(max_examples=50, deadline=None)
def test_a_conflict_names_who_holds_and_leaves_no_trace(
    theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    live = applied(None, theirs, "two")
    frozen = repr(live)
    clash = compare(SCHEMA, content(live), content(applied(live, mine, "one")))
    if intersection(owners(live)["two/Apply"], union(clash.modified, clash.added)):
        with pytest.raises(ApiStatus) as refusal:
            applied(live, mine, "one", force=False)
        assert refusal.value.code == 409
        assert refusal.value.details is not None
        causes = {cause.message for cause in refusal.value.details.causes}
        assert causes == {'conflict with "two"'}
    else:
        applied(live, mine, "one", force=False)
    assert repr(live) == frozen
