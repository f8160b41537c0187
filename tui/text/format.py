"""How things look: the only place that knows glyphs, words and tones of states.

Pure.  A line is a tuple of (text, tone) spans; `theme.tcss` gives each tone its colour.  State is
always glyph + word + tone, so that it survives without colours; with `ASCII` it survives without
Unicode too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from fleet.view import ClusterState
from tui.text.escape import one_line


class Tone(StrEnum):
    """What a piece of text means; the theme decides its colour."""

    PLAIN = "plain"
    STRONG = "strong"
    MUTED = "muted"
    ACCENT = "accent"
    GOOD = "good"
    ACTIVE = "active"
    WARN = "warn"
    BAD = "bad"
    OFF = "off"
    ASK = "ask"
    ADDED = "added"
    REMOVED = "removed"
    PROD = "prod"


Span = tuple[str, Tone]
Line = tuple[Span, ...]


def _dots_in_ascii(bits: int) -> str:
    """A braille character by where its dots are: above, below, or both."""
    above, below = bits & 0x1B, bits & 0xE4
    return ":" if above and below else "'" if above else "." if below else " "


ASCII = str.maketrans(
    {
        "✓": "+", "↻": "~", "▲": "!", "✖": "X", "‖": "=", "◌": "?", "◆": "@", "·": ".", "⊘": "#",
        "●": "*", "○": "o", "▸": ">", "▾": "v", "▌": ">", "↑": "^", "↓": "v", "→": ">", "…": ".",
        "─": "-", "━": "=", "│": "|", "┃": "|", "├": "|", "└": "`", "╭": "+", "╮": "+", "╰": "+",
        "╯": "+", "┌": "+", "┐": "+", "┘": "+", "⧗": "%", "«": "'", "»": "'", "–": "-", "×": "x",
        "≠": "#", "▁": "_", "▂": "_", "▃": ".", "▄": "-", "▅": "-", "▆": "=", "▇": "=", "█": "#",
        "▏": "|", "▎": "|", "▍": "|", "▋": "#", "▊": "#", "▉": "#", "▕": "|", "░": ".", "⏎": "<",
        "’": "'", "“": '"', "”": '"', "┤": "|", "←": "<", "‹": "<", "›": ">", "■": "#", "□": ".",
    }
)  # fmt: skip
ASCII.update({0x2800 + bits: _dots_in_ascii(bits) for bits in range(256)})
"""Replaces every glyph of ours by one ASCII character; applied where lines are painted."""

STATE_GLYPHS: dict[str, tuple[str, Tone]] = {
    ClusterState.READY: ("✓", Tone.GOOD),
    ClusterState.RECONCILING: ("↻", Tone.ACTIVE),
    ClusterState.SUSPENDED: ("‖", Tone.OFF),
    ClusterState.PENDING: ("·", Tone.MUTED),
    ClusterState.DRIFTED: ("▲", Tone.WARN),
    ClusterState.FAILED: ("✖", Tone.BAD),
    ClusterState.OFFLINE: ("◌", Tone.OFF),
    ClusterState.QUARANTINED: ("⊘", Tone.BAD),
}
HEALTH_GLYPHS = {
    "Healthy": ("✓", Tone.GOOD),
    "Progressing": ("↻", Tone.ACTIVE),
    "Suspended": ("‖", Tone.OFF),
    "Missing": ("·", Tone.WARN),
    "Degraded": ("✖", Tone.BAD),
}
NEED_GLYPHS = {
    "approval": ("◆", Tone.ASK),
    "confirm": ("◆", Tone.ASK),
    "failure": ("✖", Tone.BAD),
    "halted": ("✖", Tone.BAD),
    "refused": ("✖", Tone.BAD),
    "quarantine": ("⊘", Tone.BAD),
    "drift": ("▲", Tone.WARN),
    "offline": ("◌", Tone.OFF),
    "suspended": ("‖", Tone.OFF),
}
PROGRESS_GLYPHS = {
    "complete": ("✓", Tone.GOOD),
    "completed": ("✓", Tone.GOOD),
    "succeeded": ("✓", Tone.GOOD),
    "good": ("✓", Tone.GOOD),
    "unchanged": ("✓", Tone.MUTED),
    "open": ("✓", Tone.GOOD),
    "running": ("↻", Tone.ACTIVE),
    "applying": ("↻", Tone.ACTIVE),
    "inflight": ("↻", Tone.ACTIVE),
    "soaking": ("⧗", Tone.ACTIVE),
    "rollingback": ("↻", Tone.WARN),
    "rolledback": ("✖", Tone.WARN),
    "waiting": ("◆", Tone.ASK),
    "paused": ("‖", Tone.OFF),
    "verifying": ("↻", Tone.ACTIVE),
    "blocked": ("⧗", Tone.OFF),
    "deferred": ("◌", Tone.OFF),
    "withdrawn": ("○", Tone.MUTED),
    "timedout": ("✖", Tone.BAD),
    "needshuman": ("◆", Tone.BAD),
    "unreachable": ("◌", Tone.OFF),
    "skipped": ("○", Tone.MUTED),
    "superseded": ("○", Tone.MUTED),
    "cancelled": ("○", Tone.MUTED),
    "aborted": ("✖", Tone.WARN),
    "halted": ("✖", Tone.BAD),
    "failed": ("✖", Tone.BAD),
    "inconclusive": ("◌", Tone.WARN),
    "needsperson": ("◆", Tone.ASK),
    "pending": ("·", Tone.MUTED),
}
OBJECT_STATE_TONES = {
    "pending": ("·", Tone.MUTED),
    "waiting": ("⧗", Tone.ACTIVE),
    "failed": ("✖", Tone.BAD),
    "pruning": ("↻", Tone.WARN),
    "kept": ("○", Tone.MUTED),
}
DRIFT_GLYPHS = {
    "open": ("▲", Tone.WARN),
    "fighting": ("✖", Tone.BAD),
    "acknowledged": ("○", Tone.MUTED),
    "corrected": ("✓", Tone.GOOD),
}
COMMIT_GLYPHS = {
    "in force": ("●", Tone.GOOD),
    "refused": ("✖", Tone.BAD),
    "superseded": ("○", Tone.MUTED),
}
UNKNOWN_GLYPH = ("◌", Tone.OFF)
BLOCKS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉"


def marked(glyphs: dict[str, tuple[str, Tone]], state: str) -> Line:
    """Glyph and word of a state; a word nobody knows looks unknown, never fine."""
    glyph, tone = glyphs.get(state, glyphs.get(_plain(state), UNKNOWN_GLYPH))
    return ((f"{glyph} ", tone), (one_line(state) or "Unknown", tone))


def glyph_of(glyphs: dict[str, tuple[str, Tone]], state: str) -> Span:
    """Only the glyph of a state, for places where the word stands beside it."""
    return glyphs.get(state, glyphs.get(_plain(state), UNKNOWN_GLYPH))


def _plain(state: str) -> str:
    return state.replace("-", "").replace("_", "").replace(" ", "").lower()


def text(value: str, tone: Tone = Tone.PLAIN) -> Line:
    """One span of foreign text, made safe."""
    return ((one_line(value), tone),)


def plain(line: Line) -> str:
    """The characters of a line without their tones."""
    return "".join(part for part, _ in line)


def join(parts: Iterable[Line], separator: Span = ("  ", Tone.PLAIN)) -> Line:
    """Set lines beside each other."""
    joined: list[Span] = []
    for part in parts:
        if part and joined:
            joined.append(separator)
        joined.extend(part)
    return tuple(joined)


def short_revision(revision: str) -> str:
    """The first seven digits of a commit, or `-` for none."""
    return one_line(revision[:7]) or "-"


def duration(span: timedelta) -> str:
    """A length of time in one unit, of which there are at least two: 41s, 95m, 36h, 9d."""
    seconds = int(max(0.0, span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago `then` was; `-` when it never happened."""
    return "-" if then is None else duration(now - then)


def remaining(until: datetime | None, now: datetime) -> str:
    """How long until `until`: a countdown, or nothing when there is no such moment."""
    return "" if until is None else f"{duration(until - now)} left"


def clock(moment: datetime) -> str:
    """A moment of today, in UTC."""
    return moment.strftime("%H:%M:%SZ")


def moment(then: datetime, now: datetime) -> str:
    """A moment with as much date as is needed, in UTC."""
    same_day = then.date() == now.date()
    return then.strftime("%H:%M:%S" if same_day else "%m-%d %H:%M")


def count(number: int, noun: str, many: str = "") -> str:
    """`1 cluster`, `3 clusters`."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def bar(share: float, width: int) -> str:
    """A bar of `width` cells, filled to `share` (0 to 1) in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    partly = _EIGHTHS[rest] if rest else ""
    return ("█" * full + partly).ljust(width)


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values as blocks from 0 to their maximum; a flat zero stays low."""
    shown = list(values[-width:])
    top = max(shown, default=0.0)
    if top <= 0:
        return BLOCKS[0] * len(shown)
    return "".join(BLOCKS[min(7, int(value / top * 7.999))] for value in shown)


def scalar(value: Any) -> str:
    """A field's value as it would stand in a diff, on one line."""
    if value is None:
        return "(not set)"
    if isinstance(value, str):
        return one_line(value)
    return one_line(msgspec.json.encode(value).decode())
