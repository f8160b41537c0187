"""Every test of the store that takes `place` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleet.store.store import Store
from tests.fakes.postgres import PostgresServer, postgres_server
from tests.fleet.store.places import PostgresPlace, SqlitePlace, StorePlace

__all__ = ["postgres_server"]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StorePlace:
    """An empty place for a store."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return PostgresPlace(tmp_path, server.create_schema())


@pytest.fixture
async def store(place: StorePlace) -> AsyncIterator[Store]:
    """An open store in an empty place."""
    async with await place.open() as opened:
        yield opened
