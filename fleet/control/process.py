"""What a process that stays asks of the system and of the interpreter."""

from __future__ import annotations

import gc
import resource
from asyncio.sslproto import SSLProtocol

_TLS_BUFFER_BYTES = 16 * 1024
"""One TLS record (RFC 8446, 5.1)."""
_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50
"""Objects, and collections, until the collector looks at each generation."""


def raise_file_limit() -> None:
    """Open as many files as we may: watches are sockets, one for each kind of each cluster."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def calm_collector() -> None:
    """Keep the garbage collector from walking what stays until the end.

    Called once the state is loaded.  What comes later leaves little that refers back to itself, so
    a full walk over all records finds next to nothing, and holds up every cluster, or a frame.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def slim_tls() -> None:
    """Give each TLS connection a read buffer of one record.

    asyncio's own is 256 KiB, and OpenSSL's grows with what it is fed: 300 to 600 KiB for a watch,
    and a fleet has thousands of them.  With one record it is 50 to 80.
    """
    SSLProtocol.max_size = _TLS_BUFFER_BYTES
