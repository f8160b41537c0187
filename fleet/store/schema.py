"""Brings a database to the schema of this program, and refuses one from a newer program.

The steps themselves are Alembic migrations in `migrations`, shipped with the package.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from fleet.store.errors import StoreTooNew, StoreUnavailable

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, *, name: str) -> None:
    """Run the migrations that the database called `name` has not seen.

    Raises:
        StoreTooNew: the database is ahead of this program.
    """
    config = _config(connection)
    if _is_current(connection, config, name=name):
        return
    command.upgrade(config, "head")


def require_current(connection: Connection, *, name: str) -> None:
    """Check that the database called `name` can be read as it is.

    Raises:
        StoreTooNew: the database is ahead of this program.
        StoreUnavailable: it is behind, or no store at all.
    """
    if not _is_current(connection, _config(connection), name=name):
        raise StoreUnavailable(
            f"database {name} is not up to date with this program: start the server on it once"
        )


def _is_current(connection: Connection, config: Config, *, name: str) -> bool:
    script = ScriptDirectory.from_config(config)
    known = {revision.revision for revision in script.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found - known:
        raise StoreTooNew(
            f"database {name} was written by a newer version of flotilla (schema "
            f"{', '.join(sorted(found))}, known up to {script.get_current_head()}): "
            "use that version, or restore a backup from before the upgrade"
        )
    return found == set(script.get_heads())


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
