"""Giving the terminal to another program for a while: k9s, kubectl, a pager, an editor.

The commands are made by pure functions; `Handover` suspends the app around them.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from textual.app import SuspendNotSupported

from tui.canvas import Canvas
from tui.session import Session
from tui.text.escape import one_line

CLEAR = "\x1b[2J\x1b[H"


def k9s_command(
    context: str, environ: Mapping[str, str], *, which: Callable[[str], str | None]
) -> list[str] | None:
    """K9s on a context; without it the person's shell, in which kubectl will speak to it."""
    if which("k9s"):
        return ["k9s", "--context", context]
    return [environ.get("SHELL") or "/bin/sh"] if which("kubectl") else None


def kubeconfig_for(context: str, first: Path, environ: Mapping[str, str]) -> str:
    """A `KUBECONFIG` in which `context` is the current one: the first file that names one counts.

    So every tool that is started there (helm, stern, kubectl) means that cluster, in any shell, and
    no file of the person's is changed.
    """
    content = {"apiVersion": "v1", "kind": "Config", "current-context": context}
    first.write_bytes(msgspec.json.encode(content))
    usual = environ.get("KUBECONFIG") or str(Path(environ.get("HOME", "~")) / ".kube" / "config")
    return f"{first}{os.pathsep}{usual}"


def viewer_command(environ: Mapping[str, str], *, editor: bool) -> list[str]:
    """The person's pager, or editor where the settings say so."""
    if editor:
        return shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "vi")
    return shlex.split(environ.get("FLOTILLA_PAGER") or environ.get("PAGER") or "less -R")


class Handover(Canvas):
    """The part of the app that lends the terminal."""

    session: Session

    def open_k9s(self, cluster: str) -> None:
        """Hand over to k9s, or a shell for kubectl, on a cluster."""
        context = self.session.config.context.replace("{name}", cluster)
        command = k9s_command(context, os.environ, which=shutil.which)
        if command is None:
            self.notify("Neither k9s nor kubectl is on the PATH.", severity="warning", markup=False)
            return
        words = f"kubectl is set to context {one_line(context)}; exit returns to flotilla\n"
        with tempfile.TemporaryDirectory(prefix="flotilla-") as folder:
            kubeconfig = kubeconfig_for(context, Path(folder) / "context.json", os.environ)
            self._lend(command, environ={"KUBECONFIG": kubeconfig}, words=words)

    def open_text(self, name: str, text: str) -> None:
        """Show a text in the pager or editor; changes to it go nowhere."""
        command = viewer_command(os.environ, editor=self.session.config.editor)
        with tempfile.TemporaryDirectory(prefix="flotilla-") as folder:
            path = Path(folder) / name.replace("/", "_")
            path.write_text(text, encoding="utf-8")
            self._lend([*command, str(path)])

    def _lend(
        self, command: Sequence[str], *, environ: Mapping[str, str] | None = None, words: str = ""
    ) -> None:
        try:
            with self.suspend():
                # What was painted last may still stand there.
                sys.stdout.write(f"{CLEAR}{words}")
                sys.stdout.flush()
                subprocess.run(command, check=False, env={**os.environ, **(environ or {})})
        except SuspendNotSupported:
            self.notify("Not possible in this terminal.", severity="warning", markup=False)
        except OSError as error:
            self.notify(f"{command[0]}: {error.strerror}", severity="error", markup=False)
