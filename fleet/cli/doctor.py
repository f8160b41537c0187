"""`flotilla doctor`: is everything here that is needed, and does everything answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fleet.api.errors import ApiError
from fleet.cli.connection import ServerOption, TokenOption, client
from fleet.cli.output import printable
from fleet.view import FleetView

SLOW_MS = 500.0


class Mark(StrEnum):
    """How a finding is to be taken."""

    GOOD = "✓"
    NOTE = "!"
    """It may be meant so."""
    BAD = "✖"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    mark: Mark
    subject: str
    words: str


def doctor(
    kubeconfig: Annotated[Path | None, typer.Option("--kubeconfig")] = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Check this machine, the server, and every cluster; say what to do about what is wrong.

    Clusters are asked twice: the server says how it sees them, and every context of the kubeconfig
    is asked from here whether it answers, what may be done there, and what time it has.

    Examples:
        flotilla doctor
    """
    findings = [
        *_machine(kubeconfig),
        *_terminal(),
        *_contexts(kubeconfig),
        *_server(server, token_file),
    ]
    for finding in findings:
        print(printable(f"{finding.mark} {finding.subject:<12} {finding.words}"))
    raise SystemExit(1 if any(finding.mark is Mark.BAD for finding in findings) else 0)


def _mark(good: bool) -> Mark:
    return Mark.GOOD if good else Mark.BAD


def _machine(kubeconfig: Path | None) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = _mark(sys.version_info >= (3, 11))
    yield Finding(good, "python", f"{version} (3.11 or newer is needed)")
    git = shutil.which("git")
    if git is None:
        yield Finding(Mark.BAD, "git", "not found: install git")
    else:
        said = subprocess.run([git, "--version"], capture_output=True, text=True, check=False)
        yield Finding(Mark.GOOD, "git", said.stdout.strip())
    kubectl = shutil.which("kubectl")
    mark = Mark.GOOD if kubectl else Mark.NOTE
    yield Finding(mark, "kubectl", kubectl or "not found (only needed for handing over to it)")
    path = kubeconfig or _default_kubeconfig()
    if not path.exists():
        mark, there = (
            (Mark.BAD, "") if kubeconfig else (Mark.NOTE, " (the server may have its own)")
        )
        yield Finding(mark, "kubeconfig", f"{path} does not exist{there}")
        return
    mode = path.stat().st_mode & 0o077
    words = f"{path}" + (f" can be read by others: chmod 600 {path}" if mode & 0o044 else "")
    yield Finding(_mark(not mode & 0o044), "kubeconfig", words)


def _default_kubeconfig() -> Path:
    from fleet.control.settings import default_kubeconfig

    return default_kubeconfig()


def _contexts(kubeconfig: Path | None) -> list[Finding]:
    """What each context of the kubeconfig says from here."""
    path = kubeconfig or _default_kubeconfig()
    if not path.exists():
        return []
    import asyncio

    from fleet.cli.examining import examine

    return asyncio.run(examine(path))


def _terminal() -> Iterator[Finding]:
    term = os.environ.get("TERM", "")
    yield Finding(_mark(term not in ("", "dumb")), "terminal", term or "TERM is not set")
    if os.environ.get("TMUX"):
        said = subprocess.run(
            ["tmux", "show-options", "-gv", "escape-time"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        delay = said.stdout.strip()
        if delay.isdigit():
            good = int(delay) <= 50
            advice = "" if good else ": Esc feels slow, put `set -sg escape-time 10` in tmux.conf"
            yield Finding(_mark(good), "tmux", f"escape-time {delay} ms{advice}")


def _server(server: str | None, token_file: Path | None) -> Iterator[Finding]:
    api = client(server, token_file)
    try:
        view = api.snapshot()
    except ApiError as error:
        yield Finding(Mark.BAD, "server", " ".join(str(error).splitlines()))
        return
    yield Finding(Mark.GOOD, "server", f"{api.address} answers, version {view.version}")
    yield from _git(view)
    for cluster in view.clusters:
        slow = cluster.latency_ms is not None and cluster.latency_ms > SLOW_MS
        silent = cluster.state in ("Offline", "Quarantined")
        latency = f"{cluster.latency_ms:.0f} ms" if cluster.latency_ms is not None else "no answer"
        words = f"{cluster.state}, {latency}{' (slow)' if slow else ''}"
        yield Finding(
            _mark(not silent), cluster.name, f"{words}: {cluster.why}" if silent else words
        )


def _git(view: FleetView) -> Iterator[Finding]:
    git = view.git
    if git.error:
        yield Finding(Mark.BAD, "repository", git.error)
    elif git.refused_revision:
        words = f"commit {git.refused_revision[:8]} is refused: `flotilla why` says why"
        yield Finding(Mark.BAD, "repository", words)
    else:
        yield Finding(Mark.GOOD, "repository", f"{git.repository} at {git.revision[:8]}")
