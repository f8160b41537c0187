"""Text that came from a cluster, from Git or from a person, made safe to show.

Whatever is no printable character (control bytes, escape sequences, bidirectional overrides,
zero-width marks, lone surrogates) is spelled out, so that nothing can move the cursor, change a
colour, reorder a line or hide.  So are printable characters that show nothing (fillers), those that
change the width of others (variation selectors), and combining marks that pile up or have nothing
to stand on: columns stay straight, and a name that looks empty is none.

Markup needs no care here: no widget of ours parses any.
"""

from __future__ import annotations

import re
import unicodedata

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
MARKS_MAX = 2
"""Combining marks on one character; no living script needs more to be read."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Default-ignorable and blank characters (Unicode) that Python counts as printable."""


def one_line(text: str) -> str:
    """Make `text` safe for one line; line breaks are spelled out too."""
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = MARKS_MAX  # nothing stands before the first character
    for char in text:
        if not char.isprintable() or _UNSEEN.match(char):
            shown.append(_spelled(char))
            marks = MARKS_MAX
        elif unicodedata.category(char) in {"Mn", "Me"}:
            marks += 1
            shown.append(char if marks <= MARKS_MAX else _spelled(char))
        else:
            shown.append(char)
            marks = 0
    return "".join(shown)


def lines(text: str) -> list[str]:
    """Cut a text into safe lines; tabs become spaces."""
    return [one_line(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n")]


def _spelled(char: str) -> str:
    if short := _SHORT.get(char):
        return short
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
