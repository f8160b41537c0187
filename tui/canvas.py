"""What painting needs to know of the app: colours, glyphs, and how much to believe."""

from __future__ import annotations

from textual.app import App

from tui.themes import Palette, palette


class Canvas(App[int]):
    """The part of the app that widgets paint on."""

    palette: Palette
    ascii_only: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may no longer be true."""
        return False

    def get_css_variables(self) -> dict[str, str]:
        """The theme's variables; the palette is made anew with them."""
        variables = super().get_css_variables()
        self.palette = palette(variables)
        return variables
