"""Leaves the terminal as it was, whatever ends the process.

Textual restores it when the app exits, but knows nothing of SIGTERM and SIGHUP, and goes on
spinning when the terminal is gone while SIGHUP is ignored (nohup, disown, some IDEs).  Its thread
that writes ends with the first write to a terminal that is gone, and whoever writes next waits for
it for good: `LastingDriver` lets such writes lead nowhere, so that the app comes to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Any, cast

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

CHECK_EVERY_S = 0.5


def guard_terminal(app: App[Any]) -> None:
    """End the app in order on SIGTERM, on SIGHUP, and when standard input is a terminal no more."""
    if app.is_headless:
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _leave, app, 128 + number)
    descriptor = sys.__stdin__.fileno() if sys.__stdin__ else 0
    if os.isatty(descriptor):
        app.set_interval(CHECK_EVERY_S, lambda: _check(app, descriptor))


def _check(app: App[Any], descriptor: int) -> None:
    if not os.isatty(descriptor):
        _leave(app, 128 + signal.SIGHUP)


def _leave(app: App[Any], code: int) -> None:
    app.exit(return_code=code)


class Lasting:
    """A file whose writes are lost, rather than failing, once what it wrote to is gone."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, if there is somebody to read it."""
        with contextlib.suppress(OSError):
            return int(self._file.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, if there is somebody to read it."""
        with contextlib.suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class LastingDriver(LinuxDriver):
    """The driver of a terminal that may go away."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._file = cast(Any, Lasting(self._file))


def lasting(found: type[Driver]) -> type[Driver]:
    """The driver to use in place of the one Textual would take."""
    return LastingDriver if found is LinuxDriver else found
