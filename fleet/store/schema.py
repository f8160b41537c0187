"""Brings a database to the schema of this program, and refuses one from a newer program.

The steps themselves are Alembic migrations in `migrations`, shipped with the package.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from fleet.store.errors import StoreTooNew, StoreUnavailable

MIGRATIONS = Path(__file__).with_name("migrations")
REVISIONS = ("0001", "0002")
"""All schemas, oldest first, as the migrations name them: a start on a database that is up to date
does not load Alembic."""
_VERSIONS = table("alembic_version", column("version_num"))


def upgrade(connection: Connection, *, name: str) -> None:
    """Run the migrations that the database called `name` has not seen.

    Raises:
        StoreTooNew: the database is ahead of this program.
    """
    if _is_current(connection, name=name):
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def require_current(connection: Connection, *, name: str) -> None:
    """Check that the database called `name` can be read as it is.

    Raises:
        StoreTooNew: the database is ahead of this program.
        StoreUnavailable: it is behind, or no store at all.
    """
    if not _is_current(connection, name=name):
        raise StoreUnavailable(
            f"database {name} is not up to date with this program: start the server on it once"
        )


def _is_current(connection: Connection, *, name: str) -> bool:
    found = _found(connection)
    if found - set(REVISIONS):
        raise StoreTooNew(
            f"database {name} was written by a newer version of flotilla (schema "
            f"{', '.join(sorted(found))}, known up to {REVISIONS[-1]}): "
            "use that version, or restore a backup from before the upgrade"
        )
    return found == {REVISIONS[-1]}


def _found(connection: Connection) -> set[str]:
    """The schema that a database says it has; nothing where there is none."""
    if not inspect(connection).has_table(_VERSIONS.name):
        return set()
    return {version for (version,) in connection.execute(select(_VERSIONS))}
