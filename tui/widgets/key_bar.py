"""The line at the bottom: what keys do here, and, the first time, how to begin.

Keys that cannot work just now stay, greyed; pressing one says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events

from tui.actions import Action, key_label
from tui.messages import Do
from tui.text.format import Line, Span, Tone
from tui.widgets.painting import LinesWidget

COACH = "1 enter opens what is selected · 2 d shows the difference · 3 a approves · ? all keys"


class KeyBar(LinesWidget):
    """`why_not` says for an action why it cannot be done now, or nothing."""

    def __init__(
        self,
        actions: Sequence[Action],
        *,
        keys: Callable[[Action], str],
        why_not: Callable[[Action], str],
        coach: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.actions = actions
        self._keys = keys
        self._why_not = why_not
        self._coach = coach
        self._places: list[tuple[range, str]] = []

    @property
    def is_stale(self) -> bool:
        """Never greyed as a whole: keys that only look go on working."""
        return False

    def lines(self, width: int) -> list[Line]:
        """One line: the coach, or keys."""
        if self._coach():
            return [((" Start: ", Tone.ACCENT), (COACH, Tone.STRONG), ("  esc hides", Tone.MUTED))]
        spans: list[Span] = []
        self._places = []
        x = 0
        for action in self.actions:
            key, label = key_label(self._keys(action)), action.label
            size = len(key) + len(label) + 3
            if x + size > width:
                break
            off = bool(self._why_not(action))
            spans += [
                (f" {key}", Tone.MUTED if off else Tone.ACCENT),
                (f" {label} ", Tone.MUTED if off else Tone.PLAIN),
            ]
            self._places.append((range(x, x + size), action.id))
            x += size
        return [tuple(spans)]

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        for place, name in self._places:
            if event.x in place:
                self.post_message(Do(name))
