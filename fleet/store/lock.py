"""One server per database: the lock of an SQLite file.

An exclusive `flock` on a file beside the database, held as long as the store is open; the
kernel lets go of it however the process ends.  PostgreSQL has locks of its own: `postgresql`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fleet.store.address import Address
from fleet.store.errors import StoreLocked, StoreUnavailable


def lock_file(address: Address) -> Callable[[], None]:
    """Lock an SQLite file, creating it readable by its owner only; returns how to let go.

    Raises:
        StoreLocked: another process holds it.
        StoreUnavailable: the directory or the file cannot be written.
    """
    if address.file is None:
        return lambda: None
    lock = address.file.with_name(address.file.name + ".lock")
    with ExitStack() as undo:
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _open(lock)
            undo.callback(os.close, descriptor)
            _acquire(descriptor, database=address.file)
            os.close(_open(address.file))
        except OSError as error:
            raise StoreUnavailable(f"cannot write {error.filename}: {error.strerror}") from error
        # The file stays: were it removed, two processes could hold two files of one name.
        return undo.pop_all().close


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _acquire(descriptor: int, *, database: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        raise StoreLocked(
            f"database {database} is in use by another server (process {holder or 'unknown'}): "
            "stop that one first, or give this one its own state directory"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
