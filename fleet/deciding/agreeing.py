"""Whoever agrees to something says what they read: its name, or enough of the beginning.  Pure."""

from __future__ import annotations

HASH_LEAST = 8
"""Characters of a hash that are enough to name what was read."""
HASH_SHOWN = 12
"""Characters of a hash that are shown to people."""


def is_meant(read: str, whole: str) -> bool:
    """Whether `read` names `whole`: all of the hash, or a beginning that is long enough."""
    return len(read) >= HASH_LEAST and whole.startswith(read)
