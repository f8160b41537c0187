"""Turns what SQLAlchemy and the drivers raise into the store's own errors.

The only place that looks at their errors.  It takes the code of a failure and leaves its text,
which may quote a row; only what the client library itself says of a connection is passed on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
)

from fleet.store.errors import StoreDamaged, StoreError, StoreLocked, StoreUnavailable

_UNDECODABLE = "bytes that are not UTF-8"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002", _UNDECODABLE)
_HINTS = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_READONLY": "it is opened read only, or the file is: check its owner and the mount",
    "SQLITE_CANTOPEN": "the file cannot be opened: check that it exists and is yours",
    "SQLITE_IOERR": "the disk reports an error, or is full",
    "SQLITE_BUSY": "another program holds the file: end it",
    "SQLITE_PERM": "access is denied: check the file's owner",
    "08": "the connection broke",
    "25006": "it is opened read only, or the server is a standby",
    "28": "the server refuses the user or password",
    "3D000": "there is no database of this name: create it",
    "3F000": "there is no schema to work in: check its search_path",
    "42501": "the user lacks a privilege: it must own the schema",
    "53": "the server is out of disk, memory or connections",
    "55P03": "another client's open transaction holds a lock: end that",
    "57": "the server is shutting down, or an administrator cancelled us",
}


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise failures of the database called `where` as `StoreError`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise store_error(error, where) from None


def store_error(error: SQLAlchemyError, where: str) -> StoreError:
    """Say what a failure of the database called `where` means."""
    code = _code(error)
    if code.startswith(_DAMAGED):
        return StoreDamaged(f"database {where} is damaged ({code}): restore it from a backup")
    if isinstance(error, IntegrityError):
        return StoreLocked(
            f"database {where}: another program wrote to it at the same time ({code}): "
            "let one server only use it"
        )
    for prefix, hint in _HINTS.items():
        if code.startswith(prefix):
            return StoreUnavailable(f"database {where} cannot be used: {hint} ({code})")
    if isinstance(error, DataError | ProgrammingError) or code == "SQLITE_ERROR":
        return StoreError(
            f"database {where} refuses a statement ({code}): it is not as this program left it"
        )
    said = _client_words(error)
    return StoreUnavailable(f"database {where} cannot be used: {said} ({code})")


def _code(error: SQLAlchemyError) -> str:
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    own = error.orig
    code = getattr(own, "sqlstate", None) or getattr(own, "sqlite_errorname", None)
    if code is None and isinstance(own, sqlite3.OperationalError):
        return _UNDECODABLE  # the only one that Python's module raises without SQLite's code
    return str(code or type(own).__name__)


def _client_words(error: SQLAlchemyError) -> str:
    """What libpq says of connecting: without a statement and a code, no row is involved."""
    if isinstance(error, DBAPIError) and error.statement is None:
        code = getattr(error.orig, "sqlstate", "")
        if code is None:
            return " ".join(str(error.orig).split())
    return "it does not answer, or refuses the statement"
