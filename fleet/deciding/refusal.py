"""The one way in which a command is refused."""

from __future__ import annotations


class CommandRefused(Exception):
    """The command cannot be carried out; the message says why and what can."""
