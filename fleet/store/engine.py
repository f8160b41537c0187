"""The SQLAlchemy engine of each database: connection settings, transactions, the server's lock.

One connection, ever: the store's thread is its only user, and on PostgreSQL this connection holds
the advisory lock that keeps a second server out.  `database` runs transactions on it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from fleet.store.address import Address
from fleet.store.errors import StoreLocked, StoreUnavailable
from fleet.store.model import Durability

_BUSY_TIMEOUT_MS = 10_000
"""How long SQLite waits for a reader of the same file (`flotilla audit verify`) to move on."""
_LOCK_SPACE = 0x464C4F54
"""First half of our advisory lock's name ("FLOT"); the second half is the schema."""
# A silent network loses the connection within half a minute, on both sides: until the server
# notices as well, it holds the lock for a client that is gone.  What the URL says wins.
_POSTGRESQL_CONNECT = {
    "application_name": "flotilla",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_POSTGRESQL_SESSION = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET client_min_messages = error",
    "SET lock_timeout = '30s'",
)


def open_engine(address: Address, *, durability: Durability, read_only: bool) -> Engine:
    """Make the engine; nothing is connected yet.

    Raises:
        StoreUnavailable: the driver is not installed.
    """
    if address.file is not None:
        engine = _engine(_sqlite_url(address, read_only=read_only), pre_ping=False)
        _set_up_sqlite(engine, durability=durability, read_only=read_only)
        return engine
    defaults = {
        name: value for name, value in _POSTGRESQL_CONNECT.items() if name not in address.url.query
    }
    try:
        engine = _engine(address, pre_ping=True, connect_args=defaults)
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        raise StoreUnavailable(
            "PostgreSQL needs psycopg: pip install 'flotilla-gitops[postgres]'"
        ) from error
    _set_up_postgresql(engine, address, durability=durability, read_only=read_only)
    return engine


def _engine(
    address: Address, *, pre_ping: bool, connect_args: dict[str, Any] | None = None
) -> Engine:
    return create_engine(
        address.url,
        connect_args=connect_args or {},
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=pre_ping,
        hide_parameters=True,
    )


def _sqlite_url(address: Address, *, read_only: bool) -> Address:
    if not read_only or address.file is None:
        return address
    uri = f"{address.file.absolute().as_uri()}?mode=ro"
    url = address.url.set(database=uri).update_query_dict({"uri": "true"})
    return Address(url=url, name=address.name, file=address.file)


def _set_up_sqlite(engine: Engine, *, durability: Durability, read_only: bool) -> None:
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def configure(connection: Any, _record: object) -> None:
        # The driver's own idea of when to begin leaves schema changes outside of transactions.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute(f"PRAGMA synchronous = {durability.value}")
        cursor.close()

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))


def _set_up_postgresql(
    engine: Engine, address: Address, *, durability: Durability, read_only: bool
) -> None:
    commit = "on" if durability is Durability.POWER_LOSS else "off"

    def configure(connection: Any, _record: object) -> None:
        connection.autocommit = True
        cursor = connection.cursor()
        for statement in _POSTGRESQL_SESSION:
            cursor.execute(statement)
        if read_only:
            cursor.execute("SET default_transaction_read_only = on")
        else:
            cursor.execute(f"SET synchronous_commit = {commit}")
            cursor.execute(
                f"SELECT pg_try_advisory_lock({_LOCK_SPACE}, hashtext(current_schema()))"
            )
            if not cursor.fetchone()[0]:
                connection.close()
                raise StoreLocked(
                    f"database {address.name} is in use by another server: stop that one first, "
                    "or give this one its own database"
                )
        cursor.close()
        connection.autocommit = False

    event.listen(engine, "connect", configure)
