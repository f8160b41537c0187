"""A text over the view: an explanation that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.text.format import Line
from tui.widgets.lines_view import LinesView


class TextModal(ModalScreen[None]):
    """Lines in a box; escape closes it."""

    AUTO_FOCUS = "#text"
    BINDINGS = [Binding("escape,enter,q", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._heading = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(id="text-box"):
            view = LinesView(id="text", wrap=True, lines=self._lines)
            view.border_title = view.title_text(self._heading)
            yield view
