"""Makes the SQLAlchemy engine of either database.

One connection, ever: the store's thread is its only user, and on PostgreSQL this connection holds
the lock that keeps a second server out.  `database` runs transactions on it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from fleet.store import postgresql, sqlite
from fleet.store.address import Address
from fleet.store.errors import StoreUnavailable
from fleet.store.model import Durability


def open_engine(address: Address, *, durability: Durability, read_only: bool) -> Engine:
    """Make the engine; nothing is connected yet.

    Raises:
        StoreUnavailable: the driver is not installed.
    """
    if address.file is not None:
        url = sqlite.read_only_url(address.file) if read_only else address.url
        engine = _engine(url)
        sqlite.set_up(engine, durability=durability, read_only=read_only)
        return engine
    try:
        arguments = postgresql.connect_arguments(address.url)
        engine = _engine(address.url, connect_args=arguments, pool_pre_ping=True)
    except (ImportError, NoSuchModuleError, ArgumentError) as error:
        raise StoreUnavailable(
            "PostgreSQL needs psycopg: pip install 'flotilla-gitops[postgres]'"
        ) from error
    postgresql.set_up(engine, name=address.name, durability=durability, read_only=read_only)
    return engine


def _engine(url: URL, **options: Any) -> Engine:
    return create_engine(
        url, poolclass=QueuePool, pool_size=1, max_overflow=0, hide_parameters=True, **options
    )
