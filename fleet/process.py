"""What the process of a server asks of the system and of the interpreter."""

from __future__ import annotations

import gc
import resource

_YOUNG, _MIDDLE, _OLD = 50_000, 20, 50
"""Objects, and collections, until the collector looks at each generation."""


def raise_file_limit() -> None:
    """Open as many files as we may: watches are sockets, one for each kind of each cluster."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def calm_collector() -> None:
    """Keep the garbage collector from walking what stays until the end.

    Called once the state is loaded.  Requests leave little that refers back to itself, so a full
    walk over all records finds next to nothing, and holds up every cluster meanwhile.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
