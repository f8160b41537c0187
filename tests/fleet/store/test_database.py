from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlmodel import Session

from fleet.store.address import parse_address
from fleet.store.database import Database
from fleet.store.engine import open_engine
from fleet.store.errors import StoreError, StoreUnavailable
from fleet.store.model import Durability


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    address = parse_address(tmp_path / "state.db")
    engine = open_engine(address, durability=Durability.PROCESS_CRASH, read_only=False)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE number (n INTEGER PRIMARY KEY)"))
    yield engine
    engine.dispose()


@pytest.fixture
def commits(engine: Engine) -> list[str]:
    """Grows with each commit by the name of the thread that made it."""
    seen: list[str] = []
    event.listen(engine, "commit", lambda _: seen.append(threading.current_thread().name))
    return seen


class Insert:
    """Inserts a number; before that, waits for `go`."""

    def __init__(self, number: int, go: threading.Event | None = None) -> None:
        self.number = number
        self.go = go

    def __call__(self, session: Session) -> int:
        if self.go is not None:
            assert self.go.wait(10)
        session.execute(text("INSERT INTO number VALUES (:n)"), {"n": self.number})
        return self.number * 10


def numbers(session: Session) -> list[int]:
    return list(session.scalars(text("SELECT n FROM number ORDER BY n")))


async def test_writes_that_wait_share_a_commit(engine: Engine, commits: list[str]) -> None:
    database = Database(engine, name="test")
    go = threading.Event()
    writes = [asyncio.create_task(database.write(Insert(0, go)))]
    await asyncio.sleep(0.05)
    writes += [asyncio.create_task(database.write(Insert(number))) for number in range(1, 101)]
    await asyncio.sleep(0)
    go.set()

    assert await asyncio.gather(*writes) == [number * 10 for number in range(101)]

    assert len(commits) == 2
    assert await database.read(numbers) == list(range(101))
    await database.close()


async def test_all_work_is_done_on_one_thread(engine: Engine, commits: list[str]) -> None:
    database = Database(engine, name="test")
    for number in range(3):
        await database.write(Insert(number))
        await database.read(numbers)
    await database.close()

    assert len(commits) == 6
    assert len(set(commits)) == 1
    assert threading.current_thread().name not in commits


async def test_one_failing_write_fails_alone(engine: Engine) -> None:
    database = Database(engine, name="test")

    def bug(session: Session) -> None:
        Insert(1_000)(session)
        raise ZeroDivisionError

    writes = [database.write(Insert(number)) for number in range(5)]
    results = await asyncio.gather(
        *writes, database.write(bug), database.write(Insert(3)), return_exceptions=True
    )

    assert results[:5] == [0, 10, 20, 30, 40]
    assert isinstance(results[5], ZeroDivisionError)
    assert isinstance(results[6], StoreError)
    assert await database.read(numbers) == [0, 1, 2, 3, 4]
    await database.close()


async def test_the_event_loop_goes_on_while_the_database_works(engine: Engine) -> None:
    database = Database(engine, name="test")
    go = threading.Event()
    write = asyncio.create_task(database.write(Insert(1, go)))
    for _ in range(5):
        await asyncio.sleep(0.001)
    assert not write.done()
    go.set()

    assert await write == 10
    await database.close()


async def test_a_closed_database_refuses(engine: Engine) -> None:
    database = Database(engine, name="test")
    await database.close()

    with pytest.raises(StoreUnavailable, match="database test is closed"):
        await database.read(numbers)
