from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from fleet.store.audit import GENESIS, Anchor, verify_lines
from fleet.store.model import Batch
from fleet.store.store import Store
from tests.fleet.store.places import START, SqlitePlace, StorePlace, draft


async def test_events_get_their_places_in_order(store: Store) -> None:
    first = await store.append([draft(1), draft(2)])
    second = await store.append([draft(3)])

    assert [event.seq for event in first + second] == [1, 2, 3]
    assert first[0].prev_hash == GENESIS
    assert first[1].prev_hash == first[0].hash
    assert second[0].prev_hash == first[1].hash
    assert await store.last_seq() == 3
    assert await store.head() == Anchor(3, second[0].hash)


async def test_events_come_back_as_they_went_in(store: Store) -> None:
    data = {
        "text": "ü \u0000 \U0001f600 'quoted'",
        "nested": [1, 2.5, None, True, {"b": 1, "a": 2}],
    }
    wanted = draft(kind="Drift", actor="eva@example.org", cluster="eu-1", bundle="shop", data=data)
    (appended,) = await store.append([wanted])

    (read,) = await store.read()

    assert read == appended
    assert (read.kind, read.actor, read.cluster, read.bundle) == (
        "Drift", "eva@example.org", "eu-1", "shop",
    )  # fmt: skip
    assert read.at == wanted.at
    assert read.data == data


async def test_an_empty_log(store: Store) -> None:
    assert await store.append([]) == ()
    assert await store.read() == ()
    assert await store.last_seq() == 0
    assert await store.head() == Anchor(0, GENESIS)
    assert (await store.verify()).ok


async def test_reading_selects_and_pages(store: Store) -> None:
    kinds = ["A", "B", "A", "C", "A", "B"]
    clusters = [None, "eu-1", "eu-2", "eu-1", "eu-1", "eu-1"]
    bundles = ["shop", "shop", None, "pay", "pay", "pay"]
    await store.append(
        [
            draft(number, kind=kind, cluster=cluster, bundle=bundle)
            for number, (kind, cluster, bundle) in enumerate(
                zip(kinds, clusters, bundles, strict=True), start=1
            )
        ]
    )

    async def seqs(**query: Any) -> list[int]:
        return [event.seq for event in await store.read(**query)]

    assert await seqs() == [1, 2, 3, 4, 5, 6]
    assert await seqs(after=4) == [5, 6]
    assert await seqs(after=6) == []
    assert await seqs(limit=2) == [1, 2]
    assert await seqs(limit=2, newest=True) == [5, 6]
    assert await seqs(kinds=["A"]) == [1, 3, 5]
    assert await seqs(kinds=["B", "C"], after=2) == [4, 6]
    assert await seqs(cluster="eu-1") == [2, 4, 5, 6]
    assert await seqs(bundle="pay") == [4, 5, 6]
    assert await seqs(cluster="eu-1", bundle="pay", kinds=["B"]) == [6]


@pytest.mark.parametrize(
    "fields",
    [
        {"data": {"n": 2**70}},
        {"data": {"s": object()}},
        {"data": {1: "key"}},
        {"data": {"s": "\ud800"}},
        {"actor": "\ud800"},
        {"cluster": "a\0b"},
    ],
)
async def test_what_is_not_json_is_refused_and_nothing_stored(
    store: Store, fields: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"JSON|Unicode|NUL"):
        await store.append([draft(1), draft(2, **fields)])

    assert await store.last_seq() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET actor = 'nobody' WHERE seq = 1",
        "DELETE FROM event WHERE seq = 2",
        "DELETE FROM event",
    ],
)
async def test_the_database_refuses_changes_to_events(
    store: Store, place: StorePlace, statement: str
) -> None:
    await store.append([draft(1), draft(2)])

    with pytest.raises(Exception, match="append-only"):
        place.execute(statement)

    assert (await store.verify()).events == 2


async def test_sqlite_refuses_replacing_events(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    async with await place.open() as store:
        await store.append([draft(1), draft(2)])

        with pytest.raises(Exception, match="append-only"):
            place.execute("INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 1")


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE event SET actor = 'nobody' WHERE seq = 3", 3),
        ("UPDATE event SET data = '{}' WHERE seq = 1", 1),
        ("UPDATE event SET data = '{\"number\": 4}' WHERE seq = 4", 4),
        ("UPDATE event SET cluster = '' WHERE seq = 2", 2),
        ("UPDATE event SET hash = upper(hash) WHERE seq = 2", 2),
        ("DELETE FROM event WHERE seq = 1", 1),
        ("DELETE FROM event WHERE seq = 3", 3),
        ("UPDATE event SET seq = seq + 10 WHERE seq > 4", 5),
        ("UPDATE event SET seq = -1 WHERE seq = 1", 1),
    ],
)
async def test_verify_names_the_first_changed_event(
    place: StorePlace, statement: str, broken_at: int
) -> None:
    async with await place.open() as store:
        await store.append([draft(number) for number in range(1, 7)])
    place.unprotect_events()
    place.execute(statement)

    async with await place.open(read_only=True) as store:
        report = await store.verify()

    assert report.broken is not None
    assert report.broken.seq == broken_at
    assert not report.ok


async def test_verify_reports_an_event_that_cannot_be_read(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    async with await place.open() as store:
        await store.append([draft(number) for number in range(1, 7)])
    place.unprotect_events()
    place.execute("UPDATE event SET actor = CAST(X'FF' AS TEXT) WHERE seq = 3")

    async with await place.open() as store:
        report = await store.verify()

    assert report.broken is not None
    assert report.broken.seq == 3


async def test_a_log_cut_short_is_found_by_the_anchor_or_the_snapshot(place: StorePlace) -> None:
    async with await place.open() as store:
        await store.append([draft(1), draft(2), draft(3)])
        anchor = await store.head()
        assert (await store.verify(anchor=anchor)).ok
    place.unprotect_events()
    place.execute("DELETE FROM event WHERE seq = 3")

    async with await place.open() as store:
        assert (await store.verify()).ok
        report = await store.verify(anchor=anchor)
        assert report.broken is not None
        assert report.broken.seq == 3

        await store.commit(Batch(events=[draft(30), draft(4)], snapshot=b"{}"))
        other = await store.verify(anchor=anchor)
        assert other.broken is not None
        assert "anchor" in other.broken.why
    place.execute("DELETE FROM event WHERE seq = 4")

    async with await place.open() as store:
        report = await store.verify()
    assert report.broken is not None
    assert report.broken.seq == 4


async def test_an_export_is_verified_without_the_database(store: Store) -> None:
    events = await store.append([draft(number, cluster="eu-1") for number in range(1, 6)])
    file = io.BytesIO()

    assert await store.export(file.write) == 5

    lines = file.getvalue().splitlines(keepends=True)
    report = verify_lines(lines)
    assert report.ok
    assert report.head == Anchor(5, events[-1].hash)
    assert verify_lines([*lines[:2], *lines[3:]]).broken is not None
    assert START.isoformat()[:10].encode() in lines[0]


async def test_long_logs_are_verified_in_pages(store: Store) -> None:
    await store.append([draft(number) for number in range(4_500)])
    file = io.BytesIO()

    assert (await store.verify()).events == 4_500
    assert await store.export(file.write) == 4_500
    assert verify_lines(file.getvalue().splitlines(keepends=True)).events == 4_500
