import os
import pty
import threading
from collections.abc import Iterator

import pytest

from tui.background import ASK, is_light, terminal_is_light

DA1 = b"\x1b[?62;22c"


@pytest.mark.parametrize(
    ("answer", "light"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", True),
        (b"\x1b]11;rgb:ff/ff/ff\x07", True),
        (b"\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\", True),
        (b"\x1b]11;rgba:0000/0000/0000/ffff\x1b\\", False),
        (b"\x1b]11;rgb:1010/1515/1c1c\x1b\\", False),
        (b"\x1b]11;rgb:0000/0000/ffff\x1b\\", False),
        (b"\x1b]11;rgb:zz/zz/zz\x07", False),
        (DA1, False),
        (b"", False),
    ],
)
def test_a_colour_is_light_as_eyes_see_it(answer: bytes, light: bool) -> None:
    assert is_light(answer) is light


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends: the emulator's, and the program's."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


@pytest.mark.parametrize(
    ("answers", "light"),
    [
        ((b"\x1b]11;rgb:ffff/", b"ffff/ffff\x1b\\", DA1), True),
        ((b"\x1b]11;rgb:0000/0000/0000\x1b\\" + DA1,), False),
        ((DA1,), False),
    ],
)
def test_the_terminal_is_asked_and_left_as_it_was(
    terminal: tuple[int, int], answers: tuple[bytes, ...], light: bool
) -> None:
    emulator, program = terminal

    def answer() -> None:
        heard = b""
        while ASK not in heard:
            heard += os.read(emulator, 64)
        for each in answers:
            os.write(emulator, each)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    assert terminal_is_light(program, program, patience_s=60.0) is light
    thread.join(60)


def test_a_terminal_that_says_nothing_is_dark(terminal: tuple[int, int]) -> None:
    assert not terminal_is_light(terminal[1], terminal[1], patience_s=0.01)


def test_what_is_no_terminal_is_dark() -> None:
    reads, writes = os.pipe()
    assert not terminal_is_light(reads, writes)
    os.close(reads)
    os.close(writes)
