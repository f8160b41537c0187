"""Where a store is: the path of an SQLite file, or the URL of a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_POSTGRESQL = "postgresql+psycopg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A database, and what to call it in messages (a URL may hold a password)."""

    url: URL = field(repr=False)
    name: str
    file: Path | None
    """The SQLite file, or None."""


def parse_address(url_or_path: str | Path) -> Address:
    """Tell a path from a URL.

    Raises:
        ValueError: it is a URL of a database that is not supported.
    """
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return _file(Path(url_or_path))
    try:
        url = make_url(url_or_path)
    except (ArgumentError, ValueError):
        raise ValueError("the database URL cannot be read: postgresql://HOST/NAME") from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ValueError("the store needs a file: an SQLite database in memory is lost")
        return _file(Path(url.database))
    if url.get_backend_name() in {"postgresql", "postgres"}:
        host = url.host or url.query.get("host") or "localhost"
        return Address(
            url=url.set(drivername=_POSTGRESQL),
            name=f"postgresql://{host}/{url.database or ''}",
            file=None,
        )
    raise ValueError(
        f"{url.get_backend_name()} is not supported: give a path (SQLite) or postgresql://HOST/NAME"
    )


def _file(path: Path) -> Address:
    return Address(url=URL.create("sqlite", database=str(path)), name=str(path), file=path)
