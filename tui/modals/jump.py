"""A letter on every pane of the view below: pressing it goes there; anything else goes nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

LETTERS = "asdfghjkl"
"""Those on which fingers rest."""


class JumpModal(ModalScreen[Widget | None]):
    """Answers the pane that was chosen, or None."""

    DEFAULT_CSS = "JumpModal { layers: letters; } .letter { layer: letters; position: absolute; }"

    def __init__(self, panes: Sequence[Widget]) -> None:
        super().__init__()
        self._panes = dict(zip(LETTERS, panes, strict=False))

    def compose(self) -> ComposeResult:
        """A letter at the upper left corner of each pane."""
        for letter, pane in self._panes.items():
            label = Static(f" {letter} ", classes="letter", markup=False)
            label.absolute_offset = pane.region.offset
            yield label

    def on_key(self, event: events.Key) -> None:
        """Choose, or give up."""
        event.stop()
        self.dismiss(self._panes.get(event.key))

    def on_click(self) -> None:
        """Give up."""
        self.dismiss(None)
