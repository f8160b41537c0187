"""Sealing: compression and encryption of what may hold a Secret.

Contents are manifests, and Secret manifests are among them; snapshots and command results are
other modules' bytes.  They are encrypted so that a copy of the database (a backup, a dump, a
PostgreSQL administrator's view) shows no Secret's value; whoever can read the state directory of
the running server can read them, as he could read its memory.

Form: one byte for the form, 12 bytes nonce, AES-256-GCM of the (perhaps compressed) bytes.  The
row's own name is authenticated with it, so that no row can be passed off as another.  `keys`
keeps the key.
"""

from __future__ import annotations

import hashlib
import os
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fleet.store.errors import StoreDamaged

_NONCE_BYTES = 12
_PLAIN, _ZLIB = b"\x01", b"\x02"
_COMPRESSED_MAX = 0.9
"""Compressed bytes are kept only below this share of the original."""
_COMPRESS_FROM_BYTES = 128
_ZLIB_LEVEL = 4
"""Takes manifests to 14% of their size; level 9 would get to 13% in three times the time."""


class Sealer:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self.secret_key = hashlib.blake2b(key, digest_size=32, person=b"secret digests").digest()
        """What digests of Secrets are keyed with.  Follows from the key, and does not tell it."""
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
