from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

from fleet.store.errors import StoreError, StoreTooNew, StoreUnavailable
from fleet.store.schema import MIGRATIONS, REVISIONS, require_current, upgrade
from fleet.store.tables import EVENT
from tests.fleet.store.places import SqlitePlace, StorePlace, draft


@pytest.fixture
def engine(place: StorePlace) -> Iterator[Engine]:
    url = str(place.url_or_path).replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(f"sqlite:///{url}" if isinstance(place, SqlitePlace) else url)
    yield engine
    engine.dispose()


async def test_migrations_create_what_the_tables_declare(place: StorePlace, engine: Engine) -> None:
    async with await place.open():
        pass
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, EVENT.metadata)

    assert differences == []


def test_the_schemas_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    known = [found.revision for found in script.walk_revisions()]
    assert tuple(reversed(known)) == REVISIONS
    assert script.get_heads() == [REVISIONS[-1]]


async def test_opening_again_migrates_nothing(place: StorePlace) -> None:
    async with await place.open() as store:
        await store.append([draft()])
    before = place.execute("SELECT version_num FROM alembic_version")
    async with await place.open() as store:
        assert await store.last_seq() == 1

    assert place.execute("SELECT version_num FROM alembic_version") == before


async def test_a_migration_that_fails_leaves_the_database_as_it_was(place: StorePlace) -> None:
    place.execute("CREATE TABLE applied (stranger INTEGER)")
    before = tables(place)

    with pytest.raises(StoreError, match="not as this program left it"):
        await place.open()

    assert tables(place) == before


def tables(place: StorePlace) -> list[str]:
    query = (
        "SELECT name FROM sqlite_master"
        if isinstance(place, SqlitePlace)
        else "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    return sorted(name for (name,) in place.execute(query))


def test_what_is_ahead_or_behind_is_told_apart(engine: Engine) -> None:
    with engine.begin() as connection:
        with pytest.raises(StoreUnavailable, match="start the server on it"):
            require_current(connection, name="here")
        upgrade(connection, name="here")
        require_current(connection, name="here")
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
        for check in (require_current, upgrade):
            with pytest.raises(StoreTooNew, match="database here was written by a newer version"):
                check(connection, name="here")
