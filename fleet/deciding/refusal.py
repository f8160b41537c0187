"""The two ways in which a command leads to no fact."""

from __future__ import annotations


class CommandRefused(Exception):
    """The command cannot be carried out; the message says why and what can."""


class CommandMoot(Exception):
    """There is nothing to do: it is so already, as the message says."""
