"""Giving the terminal to another program for a while: k9s, kubectl, a pager, an editor.

The commands are made by pure functions; `Handover` suspends the app around them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from textual.app import SuspendNotSupported

from tui.canvas import Canvas
from tui.session import Session


def k9s_command(context: str, *, which: Callable[[str], str | None]) -> list[str] | None:
    """K9s on a context; without it a shell in which kubectl speaks to that context."""
    if which("k9s"):
        return ["k9s", "--context", context]
    if which("kubectl"):
        shell = os.environ.get("SHELL", "/bin/sh")
        told = f"kubectl is set to context {context}; exit returns to flotilla"
        function = f'kubectl() {{ command kubectl --context={shlex.quote(context)} "$@"; }}'
        script = f"echo {shlex.quote(told)}; {function}; export -f kubectl; exec {shell}"
        return ["bash", "-c", script]
    return None


def viewer_command(environ: Mapping[str, str], *, editor: bool) -> list[str]:
    """The person's pager, or editor where the settings say so."""
    if editor:
        return shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "vi")
    return shlex.split(environ.get("FLOTILLA_PAGER") or environ.get("PAGER") or "less -R")


class Handover(Canvas):
    """The part of the app that lends the terminal."""

    session: Session

    def open_k9s(self, cluster: str) -> None:
        """Hand over to k9s or kubectl on a cluster."""
        context = self.session.config.context.replace("{name}", cluster)
        command = k9s_command(context, which=shutil.which)
        if command is None:
            self.notify("Neither k9s nor kubectl is on the PATH.", severity="warning", markup=False)
            return
        self._lend(command)

    def open_text(self, name: str, text: str) -> None:
        """Show a text in the pager or editor; changes to it go nowhere."""
        command = viewer_command(os.environ, editor=self.session.config.editor)
        with tempfile.TemporaryDirectory(prefix="flotilla-") as folder:
            path = Path(folder) / name.replace("/", "_")
            path.write_text(text, encoding="utf-8")
            self._lend([*command, str(path)])

    def _lend(self, command: Sequence[str]) -> None:
        try:
            with self.suspend():
                subprocess.run(command, check=False)
        except SuspendNotSupported:
            self.notify("Not possible in this terminal.", severity="warning", markup=False)
        except OSError as error:
            self.notify(f"{command[0]}: {error.strerror}", severity="error", markup=False)
