"""A line of tabs: painted, clickable, without pages of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from tui.text.format import Line, Span, Tone
from tui.widgets.painting import LinesWidget


class TabLine(LinesWidget):
    """Names beside each other; `current` is the chosen one."""

    DEFAULT_CSS = "TabLine { height: 1; padding: 0 2; }"

    @dataclass
    class Chosen(Message):
        """A tab was chosen."""

        name: str

    def __init__(self, names: Sequence[str], *, current: str) -> None:
        super().__init__()
        self.names = list(names)
        self.current = current

    def choose(self, name: str) -> None:
        """Choose a tab by name."""
        if name != self.current:
            self.current = name
            self.refresh()
            self.post_message(self.Chosen(name))

    def step(self, by: int) -> None:
        """Choose the next or the previous one, round the ends."""
        self.choose(self.names[(self.names.index(self.current) + by) % len(self.names)])

    def lines(self, width: int) -> list[Line]:
        """One line."""
        spans: list[Span] = []
        for name in self.names:
            here = name == self.current
            spans.append(
                (f"[{name}] " if here else f" {name}  ", Tone.ACCENT if here else Tone.MUTED)
            )
        return [tuple(spans)]

    def on_click(self, event: events.Click) -> None:
        """Choose the tab that was clicked."""
        offset = event.get_content_offset(self)
        x = 0
        for name in self.names:
            x += len(name) + 3
            if offset is not None and offset.x < x:
                self.choose(name)
                return
