"""How SQLite is used: write-ahead log, and transactions that begin when we say so."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import URL, Engine, event

from fleet.store.model import Durability

_BUSY_TIMEOUT_MS = 10_000
"""How long we wait for a reader of the same file (`flotilla audit verify`) to move on."""


def read_only_url(file: Path) -> URL:
    """A URL that can only be read through."""
    uri = f"{file.absolute().as_uri()}?mode=ro"
    return URL.create("sqlite", database=uri, query={"uri": "true"})


def set_up(engine: Engine, *, durability: Durability, read_only: bool) -> None:
    """Configure each connection and each transaction of `engine`."""
    # A transaction that may write takes the file's lock when it begins: one that only found out
    # later could be refused half-way.
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own idea of when to begin leaves schema changes outside of transactions.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {durability.value}")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
