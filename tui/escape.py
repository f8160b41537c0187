"""Text that came from a cluster, from Git or from a person, made safe to show.

Whatever is no printable character (control bytes, escape sequences, bidirectional overrides,
zero-width marks, lone surrogates) is spelled out, so that nothing can move the cursor, change a
colour, reorder a line or hide.  Markup needs no care here: no widget of ours parses any.
"""

from __future__ import annotations

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


def one_line(text: str) -> str:
    """Make `text` safe for one line; line breaks are spelled out too."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _spelled(char) for char in text)


def lines(text: str) -> list[str]:
    """Cut a text into safe lines; tabs become spaces."""
    return [one_line(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n")]


def _spelled(char: str) -> str:
    if short := _SHORT.get(char):
        return short
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
