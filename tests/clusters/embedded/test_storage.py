"""Storage: one counter, a history to go back in, and an end to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.embedded.storage import Change, Compacted, Event, Storage

KEY = ("", "configmaps")
OTHER = ("", "secrets")


def body(value: int = 0, **metadata: Any) -> dict[str, Any]:
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a", **metadata},
        "data": {"value": value},
    }


def test_all_resources_share_one_counter() -> None:
    storage = Storage()
    first = storage.put(KEY, "ns/a", body())
    second = storage.put(OTHER, "ns/a", body())
    assert second.revision == first.revision + 1 == storage.revision
    assert second.load()["metadata"]["resourceVersion"] == str(second.revision)


def test_what_is_loaded_is_the_callers_own() -> None:
    storage = Storage()
    stored = storage.put(KEY, "ns/a", body(1))
    stored.load()["data"]["value"] = 9
    assert stored.load()["data"] == {"value": 1}


def test_bytes_begin_with_kind_and_hold_the_metadata_in_one_piece() -> None:
    mixed = {
        "data": {},
        "metadata": {"name": "a", "labels": {"x": "y"}},
        "apiVersion": "v1",
        "kind": "X",
    }
    stored = Storage().put(KEY, "a", mixed)
    assert stored.raw.startswith(b'{"kind":"X","apiVersion":"v1","metadata":{')
    assert stored.metadata_raw == b'{"name":"a","labels":{"x":"y"},"resourceVersion":"2"}'
    assert stored.load() == mixed
    assert stored.labels == {"x": "y"}


def test_listeners_hear_every_change_in_order() -> None:
    storage, heard = Storage(), list[Event]()
    storage.listeners.append(heard.append)
    storage.put(KEY, "ns/a", body(1))
    storage.put(KEY, "ns/a", body(2))
    storage.remove(KEY, "ns/a", body(2))
    assert [event.change for event in heard] == [Change.ADDED, Change.MODIFIED, Change.DELETED]
    assert [event.previous is None for event in heard] == [True, False, False]
    assert [event.revision for event in heard] == [2, 3, 4]


def test_lists_are_sorted_as_keys_are() -> None:
    storage = Storage()
    for key in ("b/a", "a-b/a", "a/b", "a/a"):
        storage.put(KEY, key, body())
    assert [stored.key for stored in storage.shelf(KEY).sorted()] == ["a-b/a", "a/a", "a/b", "b/a"]


def test_compaction_forgets_the_past_of_every_resource() -> None:
    storage = Storage()
    storage.put(KEY, "a", body(1))
    before = storage.revision
    storage.put(KEY, "a", body(2))
    storage.compact()
    with pytest.raises(Compacted):
        storage.shelf(KEY).since(before)
    with pytest.raises(Compacted):
        storage.shelf(OTHER).since(before)
    assert storage.shelf(KEY).since(storage.revision) == []


def test_a_full_history_drops_its_oldest_events() -> None:
    storage = Storage(history_max=2)
    revisions = [storage.put(KEY, "a", body(number)).revision for number in range(4)]
    shelf = storage.shelf(KEY)
    assert [event.revision for event in shelf.since(revisions[1])] == revisions[2:]
    with pytest.raises(Compacted) as caught:
        shelf.since(revisions[0])
    assert caught.value.oldest == revisions[1]


writes = st.lists(
    st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 9))), max_size=30
)


@given(writes)
def test_every_moment_can_be_seen_again(script: list[tuple[str, int | None]]) -> None:
    storage = Storage()
    moments: dict[int, dict[str, bytes]] = {storage.revision: {}}
    for key, value in script:
        if value is not None:
            storage.put(KEY, key, body(value))
        elif storage.get(KEY, key) is not None:
            storage.remove(KEY, key, body())
        else:
            continue
        held = storage.shelf(KEY).objects
        moments[storage.revision] = {name: stored.raw for name, stored in held.items()}
    shelf = storage.shelf(KEY)
    for revision, moment in moments.items():
        assert {stored.key: stored.raw for stored in shelf.at(revision)} == moment
        assert [event.revision for event in shelf.since(revision)] == sorted(
            later for later in moments if later > revision
        )
