"""One server per database.

SQLite: an exclusive `flock` on a file beside the database, held as long as the store is open; the
kernel lets go of it however the process ends.  PostgreSQL: a session's advisory lock, taken by
`engine` on the one connection that does all the work, so that who loses it can no longer write.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from fleet.store.errors import StoreLocked, StoreUnavailable


class FileLock:
    """Holds the lock of one SQLite file.

    Raises:
        StoreLocked: another process holds it.
        StoreUnavailable: the directory cannot be written.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(f"cannot write {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 20).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise StoreLocked(
                f"database {database} is in use by another server (process {holder or 'unknown'}): "
                "stop that one first, or give this one its own state directory"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go.  The file stays: removing it would let two processes hold two files."""
        os.close(self._descriptor)
