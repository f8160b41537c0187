"""Bindings of a view, made from the table of actions; the user's keys move them by id."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding

from tui.actions import Action, offered

_PRIORITY = frozenset({"quit"})


def bindings(own: tuple[str, ...]) -> list[Binding]:
    """Bindings of a view that offers `own` actions beside those of every view."""
    return [
        Binding(
            action.keys,
            f"do('{action.id}')",
            action.label,
            id=action.id,
            show=False,
            priority=action.id in _PRIORITY,
            tooltip=action.help,
        )
        for action in offered(own)
    ]


def keys_of(action: Action, moved: Mapping[str, str]) -> str:
    """The keys of an action, where the user may have moved them."""
    return moved.get(action.id, action.keys)
