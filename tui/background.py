"""Whether the terminal is dark or light: asked once, before the app takes it over.

The question is OSC 11 of xterm (`ctlseqs`: "Change VT100 text background color", with `?`); most
terminals answer `rgb:RRRR/GGGG/BBBB`, some say nothing, and then it is dark.  After it stands a
question that every terminal answers (DA1), so that silence need not be waited for.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import tty
from collections.abc import Iterator
from time import monotonic

ASK = b"\x1b]11;?\x1b\\\x1b[c"
PATIENCE_S = 0.3
"""For terminals that answer neither; over a slow line the answer may come too late, and is lost."""
_COLOR = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_ATTRIBUTES = re.compile(rb"\x1b\[\?[0-9;]*c")
_ANSWER_MAX_BYTES = 4096


def is_light(answer: bytes) -> bool:
    """Whether an answer names a light colour; False when it names none."""
    found = _COLOR.search(answer)
    if found is None:
        return False
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5)


def terminal_is_light(reads: int, writes: int, *, patience_s: float = PATIENCE_S) -> bool:
    """Ask the terminal behind two file descriptors; False when it does not say."""
    try:
        with _raw(reads):
            os.write(writes, ASK)
            return is_light(_answer(reads, monotonic() + patience_s))
    except (OSError, termios.error):
        return False


def _answer(descriptor: int, until: float) -> bytes:
    heard = b""
    while len(heard) < _ANSWER_MAX_BYTES and not _ATTRIBUTES.search(heard):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, until - monotonic()))
        more = os.read(descriptor, 256) if ready else b""
        if not more:
            break
        heard += more
    return heard


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
