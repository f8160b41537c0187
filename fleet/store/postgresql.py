"""How PostgreSQL is used: session settings, and the advisory lock that keeps a second server out.

The lock belongs to the session, so a pooler between us and the server must pool by session.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, event

from fleet.store.errors import StoreLocked
from fleet.store.model import Durability

if TYPE_CHECKING:
    import psycopg

_CONNECT = {
    "application_name": "flotilla",
    "connect_timeout": 10,
    # A silent network loses the connection within half a minute, on both sides: until the server
    # notices as well, it holds the lock for a client that is gone.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_SESSION = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET lock_timeout = '30s'",
)
_READ_ONLY = "SET default_transaction_read_only = on"
_COMMIT = {
    # An administrator may have asked for more than "on" (remote_apply): leave that.
    Durability.POWER_LOSS: "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') IN ('off', 'local')",
    Durability.PROCESS_CRASH: "SET synchronous_commit = off",
}
# "FLOT" and the schema: several fleets may share a database, each in a schema of its own.
_LOCK = "SELECT pg_try_advisory_lock(1179406164, hashtext(coalesce(current_schema(), '')))"
_LOCK_WAIT_S = 0.5
"""The server needs a moment to notice that a killed predecessor is gone."""
_LOCK_RETRY_S = 0.02


def connect_arguments(url: URL) -> dict[str, Any]:
    """Settings of the connection, where the URL does not say otherwise."""
    return {name: value for name, value in _CONNECT.items() if name not in url.query}


def set_up(engine: Engine, *, name: str, durability: Durability, read_only: bool) -> None:
    """Configure each connection of `engine`, and make it hold the lock."""
    settings = (*_SESSION, _READ_ONLY) if read_only else (*_SESSION, _COMMIT[durability])

    def configure(connection: psycopg.Connection, _record: object) -> None:
        connection.autocommit = True
        try:
            for statement in settings:
                connection.execute(statement)
            if not read_only:
                _acquire_lock(connection, name)
        except BaseException:
            connection.close()
            raise
        connection.autocommit = False

    event.listen(engine, "connect", configure)


def _acquire_lock(connection: psycopg.Connection, name: str) -> None:
    deadline = time.monotonic() + _LOCK_WAIT_S
    while connection.execute(_LOCK).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise StoreLocked(
                f"database {name} is in use by another server: stop that one first, "
                "or give this one a database or schema of its own"
            )
        time.sleep(_LOCK_RETRY_S)
