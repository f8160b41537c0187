"""Every test of the store that takes `place` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fleet.store.store import Store
from tests.fakes.postgres import postgres_server
from tests.fleet.store.places import PostgresPlace, SqlitePlace, StorePlace

__all__ = ["postgres_server"]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorePlace]:
    """An empty place for a store."""
    if request.param == "sqlite":
        yield SqlitePlace(tmp_path)
        return
    server = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield PostgresPlace(tmp_path, url)
    server.drop_database(url)


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    """An open store in an empty place."""
    async with await place.open() as opened:
        yield opened
