"""The real program in a real terminal: tmux, its keys and what it shows."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 60.0


class Terminal:
    """One tmux session with a server of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux.sock")
        self._folder = folder

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    def start(
        self,
        *options: str,
        size: tuple[int, int] = (120, 36),
        prefix: str = "",
        module: str = "tui.main",
    ) -> None:
        program = f"{sys.executable} -m {module} {' '.join(options)}"
        script = f"unset COLUMNS LINES; {prefix}{program}; echo LEFT $?; exec sleep 600"
        environment = {"HOME": str(self._folder), "XDG_STATE_HOME": str(self._folder)}
        words = [f"-e{name}={value}" for name, value in environment.items()]
        width, height = size
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  *words, "sh", "-c", script)  # fmt: skip

    def end(self) -> None:
        """End the program as an operator does, then close the terminal."""
        if pid := self._running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            until(lambda: not Path(f"/proc/{pid}").exists(), "it does not end")
        self.stop()

    def stop(self) -> None:
        """Close the terminal; what ran in it must not go on without."""
        pid = self._running()
        words = ["tmux", "-S", self._socket, "kill-server"]
        subprocess.run(words, capture_output=True, check=False)
        if pid:
            until(lambda: not Path(f"/proc/{pid}").exists(), "it goes on without a terminal")

    def _running(self) -> int:
        """The process id of the program; 0 when it has left already, or never began."""
        try:
            return self.pid()
        except (subprocess.CalledProcessError, IndexError):
            return 0

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", key)
            time.sleep(0.05)

    def flags(self) -> str:
        """Alternate screen, mouse, cursor."""
        wanted = "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"
        return self.tmux("display", "-p", wanted).strip()

    def pid(self) -> int:
        """The process id of the program."""
        shell = self.tmux("display", "-p", "#{pane_pid}").strip()
        done = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=True)
        return int(done.stdout.split()[0])


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def shows(terminal: Terminal, words: str) -> None:
    try:
        until(lambda: words in terminal.text, words)
    except AssertionError:
        raise AssertionError(f"{words!r} is not in:\n{terminal.text}") from None
