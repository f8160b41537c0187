"""Leaves the terminal as it was, whatever ends the process.

Textual restores it when the app exits, but knows nothing of SIGTERM and SIGHUP, and goes on
spinning when the terminal is gone while SIGHUP is ignored (nohup, disown, some IDEs).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from textual.app import App

CHECK_EVERY_S = 2.0


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
