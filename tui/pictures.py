"""Pictures of the running app, for the documentation: nothing in them is drawn by hand.

    python -m tui.pictures --demo docs/pictures       starts `flotilla demo` and waits for its story
    python -m tui.pictures --server ADDRESS FOLDER    of any other server

Each view becomes an SVG, and a PNG where `rsvg-convert` is installed.  Every word stands at its own
place and has its own width, so that any monospaced font keeps the columns straight.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import MONOKAI
from textual.pilot import Pilot
from textual.strip import Strip

from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from tui.app import FlotillaApp
from tui.config import Config
from tui.model.queries import approvals
from tui.session import Session

SIZE = (120, 34)
CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 9.633, 19.0, 16
MARGIN = 18.0
FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
PNG_ZOOM = "2"
PATIENCE_S = 120.0
BRAILLE = 0x2800
DOT_WIDTH, DOT_HEIGHT = 3.4, 3.4
_WORD = re.compile(r"[^\s\u2800-\u28ff]+")


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, and the keys that lead there from the start."""

    name: str
    keys: Sequence[str]
    wait_s: float = 0.8


SHOTS = (
    Shot("fleet", ("1",)),
    Shot("rollout", ("4", "enter")),
    Shot("approve", ("8", "a")),
    Shot("drift", ("5",), 1.5),
    Shot("cluster", ("5", "enter"), 1.5),
    Shot("trends", ("M",), 12.0),
)


def svg_of(strips: Sequence[Strip], *, ground: str, title: str) -> str:
    """Draw lines of segments; `ground` is the colour behind them."""
    width = max((strip.cell_length for strip in strips), default=0) * CELL_WIDTH + 2 * MARGIN
    height = len(strips) * CELL_HEIGHT + 2 * MARGIN
    body = "\n".join(
        part for y, strip in enumerate(strips) for part in _line(strip, MARGIN + y * CELL_HEIGHT)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="100%" height="100%" rx="10" fill="{ground}"/>\n'
        f'<g font-family="{FONTS}" font-size="{FONT_SIZE}" xml:space="preserve">\n{body}\n</g>\n'
        "</svg>\n"
    )


def _line(strip: Strip, top: float) -> Iterator[str]:
    x = MARGIN
    for segment in strip:
        width = cell_len(segment.text) * CELL_WIDTH
        yield from _segment(segment, x, top, width)
        x += width


def _segment(segment: Segment, x: float, top: float, width: float) -> Iterator[str]:
    style = segment.style or Style()
    front, back = _hex(style.color), _hex(style.bgcolor)
    if style.reverse:
        front, back = back or "#000000", front or "#ffffff"
    if back:
        yield (
            f'<rect x="{x:.2f}" y="{top:.2f}" width="{width + 0.4:.2f}" '
            f'height="{CELL_HEIGHT + 0.4:.2f}" fill="{back}"/>'
        )
    yield from _dots(segment.text, x, top, front or "#ffffff")
    bold = ' font-weight="bold"' if style.bold else ""
    for found in _WORD.finditer(segment.text):
        start = x + cell_len(segment.text[: found.start()]) * CELL_WIDTH
        length = cell_len(found.group()) * CELL_WIDTH
        yield (
            f'<text x="{start:.1f}" y="{top + CELL_HEIGHT * 0.76:.1f}"{bold} '
            f'textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs" '
            f'fill="{front or "#ffffff"}">{escape(found.group())}</text>'
        )


def _dots(text: str, x: float, top: float, color: str) -> Iterator[str]:
    """Braille characters as the dots they are: few fonts have them as wide as their letters."""
    path = ""
    for place, char in enumerate(text):
        bits = ord(char) - BRAILLE
        for dot in range(8) if 0 < bits < 256 else ():
            if bits >> dot & 1:
                column, row = (dot // 3, dot % 3) if dot < 6 else (dot - 6, 3)
                left = x + (cell_len(text[:place]) + column / 2) * CELL_WIDTH
                upper = top + row * CELL_HEIGHT / 4
                path += f"M{left:.1f} {upper:.1f}h{DOT_WIDTH}v{DOT_HEIGHT}h-{DOT_WIDTH}z"
    if path:
        yield f'<path d="{path}" fill="{color}"/>'


def _hex(color: Color | None) -> str:
    if color is None or color.is_default:
        return ""
    return color.get_truecolor(MONOKAI).hex


async def take(server: str, folder: Path, *, theme: str) -> list[Path]:
    """Take every picture of a server's fleet."""
    session = Session(
        client=ApiClient(server), config=Config(theme=theme), actor=os.environ.get("USER", "alice")
    )
    app = FlotillaApp(session)
    made: list[Path] = []
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, lambda: session.store.loaded)
        for shot in SHOTS:
            for key in shot.keys:
                await pilot.press(key)
                await pilot.pause(0.3)
            await pilot.pause(shot.wait_s)
            ground = app.theme_variables["background"]
            strips = app.screen._compositor.render_strips()
            path = folder / f"{shot.name}.svg"
            path.write_text(svg_of(strips, ground=ground, title=f"flotilla: {shot.name}"))
            made.append(path)
            await pilot.press("escape", "escape")
    return made


async def _until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await pilot.pause(0.05)


def to_png(paths: Iterable[Path]) -> None:
    """Make PNGs beside the SVGs, where there is a converter."""
    if shutil.which("rsvg-convert") is None:
        sys.stderr.write("rsvg-convert is not installed (Debian: librsvg2-bin): no PNG is made\n")
        return
    for path in paths:
        target = path.with_suffix(".png")
        subprocess.run(
            ["rsvg-convert", "--zoom", PNG_ZOOM, "-o", str(target), str(path)], check=True
        )


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """Run the demo in a terminal nobody sees, until its story waits for a person."""
    with tempfile.TemporaryDirectory(prefix="flotilla-pictures-") as name:
        base = Path(name) / "demo"
        outside, inside = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "fleet.cli.main", "demo", "--keep", str(base)],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        )
        os.close(inside)
        threading.Thread(target=_drain, args=(outside,), daemon=True).start()
        address = f"unix:{base / 'state' / 'flotilla.sock'}"
        try:
            _wait_for_story(ApiClient(address))
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _drain(terminal: int) -> None:
    """Read what the demo's own interface paints: a full terminal would hold it up."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


def _wait_for_story(client: ApiClient) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(ApiError):
            view = client.snapshot()
            kinds = {need.kind for need in view.needs}
            if approvals(view.rollouts) and {"drift", "failure"} <= kinds:
                return
        if time.monotonic() > end:
            raise TimeoutError("the demo did not come to the point where it waits for a person")
        time.sleep(0.2)


def main(argv: Sequence[str] | None = None) -> int:
    """Take the pictures; answer the exit code."""
    options = argparse.ArgumentParser(prog="python -m tui.pictures")
    options.add_argument("folder", type=Path)
    options.add_argument("--server")
    options.add_argument("--demo", action="store_true")
    options.add_argument("--theme", default="flotilla-dark")
    given = options.parse_args(argv)
    if bool(given.server) == given.demo:
        options.error("either --server or --demo")
    given.folder.mkdir(parents=True, exist_ok=True)
    with demo() if given.demo else contextlib.nullcontext(given.server) as server:
        made = asyncio.run(take(server, given.folder, theme=given.theme))
    to_png(made)
    sys.stdout.write("\n".join(str(path) for path in made) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
