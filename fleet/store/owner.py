"""Which server owns the database, for the case that a connection and its lock are lost.

A server that reconnects may find that another one has worked on the database in the meantime and
has left again.  The lock is free then, but what this server holds in memory is no longer what is
stored: it must not write, and has to be started anew.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event, select
from sqlmodel import Session

from fleet.store.errors import StoreLocked
from fleet.store.statements import upsert_rows
from fleet.store.tables import SETTING

_OWNER, _LINEAGE, _START = "owner", "lineage", "start"
_QUERY = f"SELECT value FROM setting WHERE name = '{_OWNER}'"  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who opened the database: one start of one server."""

    name: str
    """Random."""
    lineage: str
    """Names the database itself, whoever opens it."""
    start: int
    """Grows each time it is opened to be written."""


def claim(session: Session) -> Owner:
    """Enter ourselves as the owner."""
    known = {
        row.name: row.value
        for row in session.execute(select(SETTING).where(SETTING.c.name.in_((_LINEAGE, _START))))
    }
    owner = Owner(
        name=secrets.token_hex(8),
        lineage=known.get(_LINEAGE) or secrets.token_hex(4),
        start=int(known.get(_START, "0")) + 1,
    )
    entered = {_OWNER: owner.name, _LINEAGE: owner.lineage, _START: str(owner.start)}
    upsert_rows(session, SETTING, [{"name": k, "value": v} for k, v in entered.items()])
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
