"""Colour themes.  What a tone means is `tui.text.format`; here it gets a colour, per theme.

`flotilla-dark` and `flotilla-light` are the usual ones, `flotilla-contrast` is for bright rooms and
weak eyes, `flotilla-deutan` keeps to blue and orange.  `ansi-dark` and `ansi-light` use the 16
colours of the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from tui.text.format import Tone

DEFAULT_THEME = "flotilla-dark"
LIGHT_THEME = "flotilla-light"
AUTO = "auto"
"""In the place of a theme: dark or light, as the terminal is."""


def theme_of(wanted: str, *, terminal_is_light: bool) -> str:
    """The theme that a setting means: its own name, or what suits the terminal."""
    if wanted == AUTO:
        return LIGHT_THEME if terminal_is_light else DEFAULT_THEME
    return wanted or DEFAULT_THEME


def _theme(name: str, *, dark: bool, ground: str, ink: str, tones: dict[str, str]) -> Theme:
    return Theme(
        name=name,
        dark=dark,
        primary=tones["accent"],
        secondary=tones["active"],
        accent=tones["accent"],
        success=tones["good"],
        warning=tones["warn"],
        error=tones["bad"],
        foreground=ink,
        background=ground,
        surface=ground,
        panel=tones["raised"],
        variables={f"tone-{key}": value for key, value in tones.items()}
        | {"footer-key-foreground": tones["accent"]},
    )


THEMES = (
    _theme(
        "flotilla-dark",
        dark=True,
        ground="#10151c",
        ink="#c9d3df",
        tones={
            "plain": "#c9d3df",
            "strong": "#eef3f8",
            "muted": "#75828f",
            "accent": "#6cb6ff",
            "good": "#57b97b",
            "active": "#58b5d8",
            "warn": "#e0a84b",
            "bad": "#ef6a6a",
            "off": "#8f9bab",
            "ask": "#c79bf2",
            "prod": "#ffb37a",
            "stale": "#66717d",
            "line": "#2a3441",
            "raised": "#19212b",
            "cursor": "#22364c",
        },
    ),
    _theme(
        "flotilla-light",
        dark=False,
        ground="#fbfcfd",
        ink="#26313d",
        tones={
            "plain": "#26313d",
            "strong": "#0b1622",
            "muted": "#66727f",
            "accent": "#0a5fb4",
            "good": "#1c7a3d",
            "active": "#0b6f8f",
            "warn": "#945c00",
            "bad": "#bd2130",
            "off": "#5a6674",
            "ask": "#7239b3",
            "prod": "#a64300",
            "stale": "#8b95a0",
            "line": "#cbd3db",
            "raised": "#eef1f5",
            "cursor": "#d5e6f8",
        },
    ),
    _theme(
        "flotilla-contrast",
        dark=True,
        ground="#000000",
        ink="#ffffff",
        tones={
            "plain": "#ffffff",
            "strong": "#ffffff",
            "muted": "#c4c4c4",
            "accent": "#7fd0ff",
            "good": "#5dff8f",
            "active": "#55e6ff",
            "warn": "#ffd24a",
            "bad": "#ff8080",
            "off": "#d0d0d0",
            "ask": "#e0b3ff",
            "prod": "#ffc070",
            "stale": "#9a9a9a",
            "line": "#8a8a8a",
            "raised": "#1c1c1c",
            "cursor": "#004a80",
        },
    ),
    _theme(
        "flotilla-deutan",
        dark=True,
        ground="#10151c",
        ink="#d3dae3",
        tones={
            "plain": "#d3dae3",
            "strong": "#f2f6fa",
            "muted": "#7d8894",
            "accent": "#8ec7ff",
            "good": "#4f9dff",
            "active": "#9fd8ff",
            "warn": "#ffc04d",
            "bad": "#ff8a1f",
            "off": "#98a3b0",
            "ask": "#f0e442",
            "prod": "#ffcf8f",
            "stale": "#66717d",
            "line": "#2a3441",
            "raised": "#19212b",
            "cursor": "#22364c",
        },
    ),
)

ANSI_TONES = {
    "tone-plain": "ansi_default",
    "tone-strong": "ansi_default",
    "tone-muted": "ansi_bright_black",
    "tone-accent": "ansi_blue",
    "tone-good": "ansi_green",
    "tone-active": "ansi_cyan",
    "tone-warn": "ansi_yellow",
    "tone-bad": "ansi_red",
    "tone-off": "ansi_bright_black",
    "tone-ask": "ansi_magenta",
    "tone-prod": "ansi_yellow",
    "tone-stale": "ansi_bright_black",
    "tone-line": "ansi_bright_black",
    "tone-raised": "ansi_default",
    "tone-cursor": "ansi_default",
}
"""For themes that know nothing of tones: the terminal's own 16 colours."""

_BOLD = frozenset({Tone.STRONG, Tone.BAD, Tone.ASK, Tone.PROD})
_SAME_AS = {Tone.ADDED: Tone.GOOD, Tone.REMOVED: Tone.BAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The styles that lines are painted with, in one theme.

    Made once for a theme and not by the stylesheet: that would keep a set of rules for every tone
    of every widget, which is most of the work of showing a view for the first time.
    """

    tones: Mapping[Tone, Style]
    stale: Style
    cursor: Style
    found: Style


def palette(variables: Mapping[str, str]) -> Palette:
    """Make the styles of a theme out of its variables (`tone-muted`, …).

    Without a colour for the cursor, as with the 16 colours of a terminal, it is reversed.
    """
    cursor = Color.parse(variables["tone-cursor"])
    return Palette(
        tones={tone: _tone_style(tone, variables) for tone in Tone},
        stale=_ink(variables["tone-stale"]),
        cursor=Style(reverse=True) if cursor.ansi is not None else Style(
            bgcolor=cursor.rich_color, bold=True
        ),
        found=Style(underline=True, bold=True),
    )  # fmt: skip


def _tone_style(tone: Tone, variables: Mapping[str, str]) -> Style:
    ink = _ink(variables[f"tone-{_SAME_AS.get(tone, tone)}"])
    return ink + Style(bold=True) if tone in _BOLD else ink


def _ink(color: str) -> Style:
    return Style(color=Color.parse(color).rich_color)
