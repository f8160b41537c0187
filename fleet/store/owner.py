"""Which server owns the database, for the case that a connection and its lock are lost.

A server that reconnects may find that another one has worked on the database in the meantime and
has left again.  The lock is free then, but what this server holds in memory is no longer what is
stored: it must not write, and has to be started anew.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import Session

from fleet.store.errors import StoreLocked
from fleet.store.statements import upsert_rows
from fleet.store.tables import SETTING

_OWNER = "owner"
_QUERY = f"SELECT value FROM setting WHERE name = '{_OWNER}'"  # noqa: S608 - a constant


def claim(session: Session) -> str:
    """Enter ourselves as the owner, and return the name we did it under."""
    owner = secrets.token_hex(8)
    upsert_rows(session, SETTING, [{"name": _OWNER, "value": owner}])
    return owner


def refuse_if_taken_over(engine: Engine, owner: str, *, name: str) -> None:
    """From now on, let `engine` connect only as long as the owner is `owner`."""

    def check(connection: Any, _record: object) -> None:
        if connection.execute(_QUERY).fetchone() == (owner,):
            connection.rollback()
            return
        connection.close()
        raise StoreLocked(
            f"database {name}: another server took over while the connection was lost: "
            "start this one again if it is the one to go on"
        )

    event.listen(engine, "connect", check)
