"""The line one types into: `/` filters while typing, `:` runs a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

FIND = "find "
"""The kind of line for searching in a text; `/` filters a table, `:` runs a command."""


class _Completer(Suggester):
    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        found = self._complete(value)
        return found[0] if found else None


class Prompt(Horizontal):
    """One line for two purposes; `kind` is `/` or `:`."""

    @dataclass
    class Typed(Message):
        """The text changed."""

        kind: str
        value: str

    @dataclass
    class Entered(Message):
        """Enter was pressed."""

        kind: str
        value: str

    def __init__(self, complete: Callable[[str], Sequence[str]]) -> None:
        super().__init__()
        self.kind = ""
        self._complete = complete

    def compose(self) -> ComposeResult:
        """The mark and the input."""
        yield Static("", id="prompt-mark", markup=False)
        yield Input(id="prompt-input", select_on_focus=False)

    @property
    def is_open(self) -> bool:
        """Whether somebody is typing."""
        return self.has_class("-open")

    def open(self, kind: str, value: str = "") -> None:
        """Show the line and take the keys."""
        self.kind = kind
        self.add_class("-open")
        self.query_one("#prompt-mark", Static).update(f" {kind}")
        field = self.query_one(Input)
        field.suggester = _Completer(self._complete) if kind == ":" else None
        field.value = value
        field.cursor_position = len(value)
        field.focus()

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("-open")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Typed(self.kind, event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self.kind, event.value))
