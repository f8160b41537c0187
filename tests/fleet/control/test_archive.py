"""Old events leave the database, and nothing else is lost: not the chain, not the state."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.control.archive import archive, verify_archive
from fleet.control.ledger import Ledger
from fleet.state import facts
from fleet.state.snapshots import dump
from fleet.store.audit import Anchor
from fleet.store.errors import StoreDamaged, StoreError
from fleet.store.event_log import PRUNED
from fleet.store.model import EventDraft
from fleet.store.store import Store
from tests.fakes.postgres import PostgresServer, postgres_server
from tests.fleet.store.places import PostgresPlace, SqlitePlace, StorePlace

__all__ = ["postgres_server"]
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    if request.param == "sqlite":
        return SqlitePlace(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return PostgresPlace(tmp_path, server.create_schema())


@pytest.fixture
async def store(place: StorePlace, folder: Path) -> AsyncIterator[Store]:
    """Thirty days of a fleet, one cluster a day."""
    async with await place.open() as opened:
        ledger = Ledger(opened, archive=folder)
        state = await ledger.recover()
        for day in range(30):
            fact = facts.ClustersJoined(at=START + day * DAY, clusters=[f"c{day}"])
            state.fold(fact)
            await ledger.record([fact], state, rendered={}, answers={})
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


async def cut(store: Store, folder: Path, days: int) -> int:
    await Ledger(store, archive=folder).keep_snapshot()
    before, now = START + days * DAY, START + 40 * DAY
    done = await archive(store, before=before, folder=folder, actor="ada", now=now)
    return done.events if done else 0


def files(folder: Path) -> list[str]:
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    return sorted(path.name for path in folder.iterdir())


async def crash(*_: object) -> int:
    raise ZeroDivisionError


def shorten(folder: Path) -> None:
    (file,) = folder.iterdir()
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


async def state_of(store: Store, folder: Path) -> bytes:
    return dump(await Ledger(store, archive=folder).recover())


async def test_the_chain_goes_on_through_archives_into_the_database(
    store: Store, folder: Path
) -> None:
    before, head = await state_of(store, folder), await store.head()
    assert await cut(store, folder, 10) == 10
    assert await cut(store, folder, 20) == 10
    assert await cut(store, folder, 20) == 0

    report = await store.verify(anchor=head)
    assert report.ok, report
    assert (report.start.seq, report.head.seq, report.events) == (20, 32, 12)
    archived = verify_archive(folder, through=report.start)
    assert archived.ok, archived
    assert archived.head == report.start == await store.checkpoint()
    assert files(folder) == [
        "events-000000000001-000000000010.jsonl",
        "events-000000000011-000000000020.jsonl",
    ]
    said = await store.read(kinds=[PRUNED])
    assert [(event.actor, event.data["through"]) for event in said] == [("ada", 10), ("ada", 20)]
    assert (await store.read())[0].seq == 21
    after = await Ledger(store, archive=folder).recover()
    after.alive_at = START + 29 * DAY
    assert dump(after) == before


async def test_the_state_comes_back_from_the_archive_where_no_snapshot_can_be_read(
    store: Store, folder: Path
) -> None:
    await cut(store, folder, 20)
    whole = await state_of(store, folder)
    await store.save_snapshot(await store.last_seq(), b'{"written": "by another version"}')
    assert await state_of(store, folder) == whole

    shorten(folder)
    with pytest.raises(StoreDamaged, match="put its files back"):
        await state_of(store, folder)
    shutil.rmtree(folder)
    with pytest.raises(StoreDamaged, match="put its files back"):
        await state_of(store, folder)


@pytest.mark.parametrize("days", [15, 20, 25])
async def test_a_crash_before_the_events_are_deleted_leaves_no_archive_that_overlaps(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    whole = await state_of(store, folder)
    await cut(store, folder, 10)
    with monkeypatch.context() as crashing:
        crashing.setattr(store, "prune", crash)
        with pytest.raises(ZeroDivisionError):
            await cut(store, folder, 20)
    assert len(files(folder)) == 2
    start = await store.checkpoint()
    assert verify_archive(folder, through=start).head == start, "nothing of it counts yet"
    await store.save_snapshot(await store.last_seq(), b'{"written": "by another version"}')
    assert (await Ledger(store, archive=folder).recover()).clusters.keys() == {
        f"c{day}" for day in range(30)
    }

    await cut(store, folder, days)
    assert files(folder)[1:] == [f"events-000000000011-{days:012}.jsonl"]
    report = await store.verify()
    assert report.ok, report
    assert verify_archive(folder, through=report.start).head == report.start
    assert len(await state_of(store, folder)) == len(whole)


async def test_what_no_snapshot_covers_stays(store: Store, folder: Path) -> None:
    now = START + 40 * DAY
    assert await archive(store, before=now, folder=folder, actor="ada", now=now) is None
    await store.save_snapshot(7, b"{}")
    done = await archive(store, before=now, folder=folder, actor="ada", now=now)
    assert done is not None
    assert done.through.seq == 7
    (event,) = await store.read(after=8, limit=1)
    with pytest.raises(ValueError, match="no snapshot"):
        await store.prune(Anchor(event.seq, event.hash), _draft())
    with pytest.raises(ValueError, match="another one"):
        await store.prune(Anchor(9, "0" * 64), _draft())


async def test_an_archive_that_cannot_be_written_deletes_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot archive"):
        await cut(store, Path("/dev/null/archive"), 10)
    assert (await store.read())[0].seq == 1
    assert (await store.verify()).ok


async def test_a_log_that_was_cut_without_a_word_is_found(
    store: Store, folder: Path, place: StorePlace
) -> None:
    with pytest.raises(Exception, match="append-only"):
        place.execute("DELETE FROM event WHERE seq <= 10")
    with pytest.raises(Exception, match="append-only"):
        place.execute("INSERT INTO checkpoint VALUES (10, 'made up')")
    await cut(store, folder, 10)
    for statement in ("DELETE FROM checkpoint", "UPDATE checkpoint SET seq = 11"):
        with pytest.raises(Exception, match="append-only"):
            place.execute(statement)
    with pytest.raises(Exception, match="append-only"):
        place.execute("DELETE FROM event WHERE seq = 11")
    row = (await store.read(limit=2))[1]
    place.execute(f"INSERT INTO checkpoint VALUES ({row.seq}, '{row.hash}')")
    place.execute(f"DELETE FROM event WHERE seq <= {row.seq}")
    report = await store.verify()
    assert "no event says who cut it" in str(report)


async def test_an_anchor_of_archived_events_is_for_the_archive(store: Store, folder: Path) -> None:
    (fifth,) = await store.read(after=4, limit=1)
    await cut(store, folder, 10)
    report = await store.verify(anchor=Anchor(5, fifth.hash))
    assert "check the archive" in str(report)
    assert (await store.verify(anchor=await store.checkpoint())).ok
    assert not (await store.verify(anchor=Anchor(10, "0" * 64))).ok


def _draft() -> EventDraft:
    return EventDraft(kind=PRUNED, at=START, actor="ada")
