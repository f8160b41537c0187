"""The key of the sealed columns: a file in the state directory, beside the database, not in it.

A store is made together with its key and remembers which one it was; a missing or wrong key is an
error and never a new key, with which everything stored would be lost.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select
from sqlmodel import Session

from fleet.store.errors import KeyUnusable
from fleet.store.sealing import Sealer
from fleet.store.statements import insert_rows
from fleet.store.tables import SETTING

_KEY_BYTES = 32
_KEY_ID = "key_id"


def agree_on_key(session: Session, key_file: Path, *, database: str) -> Sealer:
    """Read the key of the database called `database`; make one for a database that has none.

    Raises:
        KeyUnusable: the key file is missing, readable by others, or of another database.
    """
    known = session.scalar(select(SETTING.c.value).where(SETTING.c.name == _KEY_ID))
    if known is None:
        # A crash may have left a key whose database was not made yet.
        sealer = read_key(key_file) if key_file.exists() else create_key(key_file)
        insert_rows(session, SETTING, [{"name": _KEY_ID, "value": sealer.key_id}])
        return sealer
    return require_key(session, key_file, database=database)


def require_key(session: Session, key_file: Path, *, database: str) -> Sealer:
    """Read the key of the database called `database`.

    Raises:
        KeyUnusable: the key file is missing, readable by others, or of another database.
    """
    if not key_file.exists():
        raise KeyUnusable(
            f"the key file {key_file} of database {database} is missing: restore it from a "
            "backup; without it what is stored there cannot be read"
        )
    sealer = read_key(key_file)
    known = session.scalar(select(SETTING.c.value).where(SETTING.c.name == _KEY_ID))
    if sealer.key_id != known:
        raise KeyUnusable(
            f"database {database} was written with key {known}, but {key_file} holds key "
            f"{sealer.key_id}: restore the key file that belongs to this database"
        )
    return sealer


def create_key(path: Path) -> Sealer:
    """Create a key file that only its owner can read.

    Raises:
        KeyUnusable: there is a file already, or it cannot be written.
    """
    key = AESGCM.generate_key(_KEY_BYTES * 8)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            # Linked when complete: a crash leaves no half a key, and none is ever overwritten.
            path.hardlink_to(draft)
        finally:
            draft.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        raise KeyUnusable(f"cannot create the key file {path}: {error.strerror}") from error
    return Sealer(key)


def read_key(path: Path) -> Sealer:
    """Read a key file.

    Raises:
        KeyUnusable: it is missing, malformed, or others may read it.
    """
    try:
        with path.open() as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(_KEY_BYTES * 4)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise KeyUnusable(f"cannot read the key file {path}: {reason}") from error
    if mode & 0o077:
        raise KeyUnusable(f"others may read the key file {path}: run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise KeyUnusable(
            f"the key file {path} does not hold a key ({_KEY_BYTES * 2} hex digits): "
            "restore it from a backup"
        )
    return Sealer(key)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
