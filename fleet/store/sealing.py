"""Sealing: compression and encryption of what may hold a Secret, and the key file for it.

Contents are manifests, and Secret manifests are among them; snapshots and command results are
other modules' bytes.  They are encrypted so that a copy of the database (a backup, a dump, a
PostgreSQL administrator's view) shows no Secret's value; whoever can read the state directory of
the running server can read them, as he could read its memory.

Form: one byte for the form, 12 bytes nonce, AES-256-GCM of the (perhaps compressed) bytes.  The
row's own name is authenticated with it, so that no row can be passed off as another.
"""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fleet.store.errors import KeyUnusable, StoreDamaged

KEY_BYTES = 32
_NONCE_BYTES = 12
_PLAIN, _ZLIB = b"\x01", b"\x02"
_COMPRESSED_MAX = 0.9
"""Compressed bytes are kept only below this share of the original."""
_COMPRESS_FROM_BYTES = 128
_ZLIB_LEVEL = 3
"""Manifests shrink to within 5% of level 9's size, in a third of its time."""


class Sealer:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"flotilla key id" + key).hexdigest()[:16]
        """Names the key without telling it."""

    def seal(self, name: str, data: bytes) -> bytes:
        """Seal the bytes of the row called `name`."""
        form, packed = _PLAIN, data
        if len(data) >= _COMPRESS_FROM_BYTES:
            compressed = zlib.compress(data, _ZLIB_LEVEL)
            if len(compressed) < len(data) * _COMPRESSED_MAX:
                form, packed = _ZLIB, compressed
        nonce = os.urandom(_NONCE_BYTES)
        return form + nonce + self._cipher.encrypt(nonce, packed, form + name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        """Open the bytes of the row called `name`.

        Raises:
            StoreDamaged: they are not what was sealed under this name with this key.
        """
        form, nonce = sealed[:1], sealed[1 : 1 + _NONCE_BYTES]
        try:
            packed = self._cipher.decrypt(nonce, sealed[1 + _NONCE_BYTES :], form + name.encode())
        except (InvalidTag, ValueError):
            raise StoreDamaged(
                f"{name} cannot be opened with key {self.key_id}: the database row was changed"
            ) from None
        return zlib.decompress(packed) if form == _ZLIB else packed


def create_key(path: Path) -> Sealer:
    """Create a key file that only its owner can read.

    Raises:
        KeyUnusable: there is a file already, or it cannot be written.
    """
    key = AESGCM.generate_key(KEY_BYTES * 8)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        # Linked when complete: a crash leaves no half a key, and a key is never overwritten.
        path.hardlink_to(draft)
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
            text = file.read(KEY_BYTES * 4)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise KeyUnusable(f"cannot read the key file {path}: {reason}") from error
    if mode & 0o077:
        raise KeyUnusable(f"others may read the key file {path}: run `chmod 600 {path}`")
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyUnusable(
            f"the key file {path} does not hold a key ({KEY_BYTES * 2} hex digits): "
            "restore it from a backup"
        )
    return Sealer(key)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
