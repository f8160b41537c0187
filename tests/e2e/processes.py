"""The real command in processes of its own: embedded clusters, a server, and one-shot commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.forking import Forked, fork, run_forked

FLOTILLA = (sys.executable, "-m", "fleet.cli.main")
_MAIN = "fleet.cli.main:main"
START_TIMEOUT_S = 60.0


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket's name (108 bytes)."""
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment(**more: str) -> dict[str, str]:
    """An environment without anything of the person who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "TERM": "xterm", "FLOTILLA_ACTOR": "alice", **more}


def run(*words: str, timeout_s: float = 120.0, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `flotilla` with these words to its end."""
    return run_forked(_MAIN, words, env=environment(**more), timeout_s=timeout_s)


@dataclass(kw_only=True)
class Process:
    """A `flotilla` that goes on running."""

    words: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    running: Forked | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = fork(
                _MAIN, self.words, env=environment(**self.env), stdout=log, stderr=log
            )

    def kill(self) -> None:
        """Kill it as the kernel does: nothing is tidied up."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()

    def stop(self) -> int:
        """End it as an operator does; return its exit code."""
        assert self.running is not None
        if self.running.poll() is None:
            self.running.send_signal(signal.SIGTERM)
            try:
                self.running.wait(START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.running.kill()
        return self.running.wait()

    def wait_until(self, condition: Callable[[], object], timeout_s: float = 0.0) -> None:
        """Wait for a condition while it runs; show its log if that does not come."""
        deadline = time.monotonic() + (timeout_s or START_TIMEOUT_S)
        while not condition():
            assert self.running is not None
            if self.running.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it did not come to that:\n{self.words_said()[-3000:]}")
            time.sleep(0.02)

    def words_said(self) -> str:
        """Everything it wrote."""
        return self.log.read_text(errors="replace")


@contextmanager
def started(*words: str, log: Path, **env: str) -> Iterator[Process]:
    """Run `flotilla` with these words for as long as the context lasts."""
    process = Process(words=words, log=log, env=env)
    process.start()
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def served_clusters(folder: Path, count: int) -> Iterator[Path]:
    """Serve embedded clusters (`cluster-001`, …) in a process; give their kubeconfig."""
    kubeconfig = folder / "kubeconfig"
    words = ("cluster", "serve", "--clusters", str(count), "--ready-after", "20ms")
    with started(*words, "--kubeconfig", str(kubeconfig), log=folder / "clusters.log") as process:
        process.wait_until(lambda: kubeconfig.exists() and kubeconfig.stat().st_size)
        yield kubeconfig
