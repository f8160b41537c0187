from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clusters.model import ClusterName, ObjectRef
from fleet.store.errors import StoreError, StoreLocked, StoreUnavailable
from fleet.store.store import Store
from tests.fleet.store.places import PostgresPlace, SqlitePlace, StorePlace, applied, draft

CANARY = "hunter2"
EU = ClusterName("eu-1")


async def test_no_failure_quotes_a_row(place: StorePlace) -> None:
    async with await place.open() as store:
        await store.write_applied(EU, [applied(CANARY)])
        place.execute("DROP TABLE applied")
        with pytest.raises(StoreError) as caught:
            await store.write_applied(EU, [applied(CANARY)], [applied(CANARY).ref])

    assert CANARY not in everything_about(caught.value)


async def test_a_text_that_postgresql_cannot_hold_is_not_quoted(
    postgres_place: PostgresPlace,
) -> None:
    strange = applied(ref=ObjectRef("", "ConfigMap", "shop", CANARY + "\0"))
    async with await postgres_place.open() as store:
        with pytest.raises(StoreError) as caught:
            await store.write_applied(EU, [strange])
        assert not isinstance(caught.value, StoreUnavailable), "trying again would not help"
        await store.write_applied(EU, [applied()])

    assert CANARY not in everything_about(caught.value)


def everything_about(error: BaseException) -> str:
    """All that a traceback would show."""
    shown = f"{error!r} {error}"
    if error.__cause__ is not None:
        shown += everything_about(error.__cause__)
    if error.__context__ is not None and not error.__suppress_context__:
        shown += everything_about(error.__context__)
    return shown


async def test_an_intruder_that_writes_events_is_noticed(place: StorePlace) -> None:
    async with await place.open() as store:
        await store.append([draft(1)])
        place.execute(
            "INSERT INTO event (seq, at, kind, actor, data, prev_hash, hash) "
            "VALUES (2, 'now', 'Approved', 'mallory', '{}', '', '')"
        )
        await store.append([draft(2)])
        report = await store.verify()

    assert report.broken is not None
    assert report.broken.seq == 2


async def test_a_lost_connection_is_made_again(postgres_place: PostgresPlace) -> None:
    async with await postgres_place.open() as store:
        await store.append([draft(1)])
        postgres_place.execute(CUT_CONNECTIONS)
        await append_when_possible(store)

        assert [event.data["number"] for event in await store.read()] == [1, 2]
        with pytest.raises(StoreLocked):
            await postgres_place.open()


async def test_who_was_replaced_can_no_longer_write(postgres_place: PostgresPlace) -> None:
    async with await postgres_place.open() as first:
        await first.append([draft(1)])
        postgres_place.execute(CUT_CONNECTIONS)
        async with await postgres_place.open() as second:
            with pytest.raises(StoreLocked, match="in use by another server"):
                await first.append([draft(2)])
            await second.append([draft(3)])
            assert [event.data["number"] for event in await second.read()] == [1, 3]

        for _ in range(2):
            with pytest.raises(StoreLocked, match="another server took over"):
                await first.append([draft(2)])


CUT_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE application_name = 'flotilla'"
)


async def append_when_possible(store: Store) -> None:
    for _ in range(100):
        try:
            await store.append([draft(2)])
        except StoreUnavailable:
            await asyncio.sleep(0.02)
        else:
            return
    pytest.fail("the store never came back")


FILL_THE_DISK = """
import asyncio, sys
from fleet.store.errors import StoreUnavailable
from fleet.store.store import Store
from tests.fleet.store.places import draft

async def main():
    store = await Store.open(sys.argv[1])
    for number in range(1, 10_000):
        try:
            await store.append([draft(number, data={"text": "x" * 1_000})])
        except StoreUnavailable as error:
            print(number - 1, error)
            break
    await store.read(limit=1)
    await store.close()

asyncio.run(main())
"""


@pytest.mark.e2e
def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    path = tmp_path / "state.db"
    done = subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, str(path)],
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        env=os.environ,
        check=True,
    )
    stored, _, message = done.stdout.partition(" ")
    assert str(path) in message
    assert "full" in message
    assert int(stored) > 10

    place = SqlitePlace(tmp_path)

    async def look() -> int:
        async with await place.open() as store:
            assert (await store.verify()).ok
            return await store.last_seq()

    assert asyncio.run(look()) == int(stored)
