"""SQL that both databases understand, written once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

_IN_MAX = 1_000
"""Most values in one IN list."""


def insert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, none of which may exist."""
    if rows:
        session.execute(table.insert(), list(rows))


def upsert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, replacing those whose primary key exists.  Of equal keys the last one wins."""
    if not rows:
        return
    insert = _insert(session, table)
    key = [column.name for column in table.primary_key]
    rest = {
        column.name: insert.excluded[column.name] for column in table.c if column.name not in key
    }
    session.execute(insert.on_conflict_do_update(index_elements=key, set_=rest), list(rows))


def delete_rows(session: Session, table: Table, keys: Sequence[Mapping[str, Any]]) -> None:
    """Delete rows by primary key; those that do not exist are no matter."""
    if not keys:
        return
    # Bound names must differ from the columns' own.
    conditions = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
    bound = [{f"key_{name}": value for name, value in key.items()} for key in keys]
    session.execute(table.delete().where(*conditions), bound)


def chunks(values: Sequence[str]) -> Sequence[Sequence[str]]:
    """Cut a list for use in IN."""
    return [values[start : start + _IN_MAX] for start in range(0, len(values), _IN_MAX)]


def _insert(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
