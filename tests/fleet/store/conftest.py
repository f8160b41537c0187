"""Every test of the store that takes `place` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleet.store.store import Store
from tests.fakes.postgres import PostgresServer, postgres_server
from tests.fleet.store.places import PostgresPlace, SqlitePlace, StorePlace

__all__ = ["postgres_server"]


@pytest.fixture
def postgres_place(postgres_server: PostgresServer, tmp_path: Path) -> PostgresPlace:
    """An empty place in PostgreSQL."""
    return PostgresPlace(tmp_path, postgres_server.create_schema())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    """An empty place for a store."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path)
    on_server: PostgresPlace = request.getfixturevalue("postgres_place")
    return on_server


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    """An open store in an empty place."""
    async with await place.open() as opened:
        yield opened
