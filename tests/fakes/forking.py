"""Processes that begin with the program already imported: forked from one that has done so.

To import what a server needs takes two seconds of a core, and the tests start a hundred processes.
They are processes like any other: killed as the kernel kills, with an environment, a folder and
files of their own.  What an import loads and costs is said in `tests/architecture/test_imports.py`.

`python -m tests.fakes.forking FD` is the one that forks: it has one thread, never runs an event
loop, and ends when the other end of its socket is closed.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
LOADED = (
    "asyncio.base_subprocess", "clusters.embedded.serve", "fleet.cli.act", "fleet.cli.audit",
    "fleet.cli.cluster", "fleet.cli.doctor", "fleet.cli.get", "fleet.cli.look", "fleet.cli.main",
    "fleet.cli.planning", "fleet.cli.repository", "fleet.cli.server", "fleet.cli.travel",
    "fleet.control.runtime", "fleet.source.validation", "tests.fleet.store.writer",
    "alembic.command", "kubernetes.aio.config.kube_config",  # a server loads them late
)  # fmt: skip


class Forked:
    """A process, as `subprocess.Popen` shows one."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self.pid = int(control.recv(64))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        return self._code(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        code = self._code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as the kernel does."""
        self.send_signal(signal.SIGKILL)

    def _code(self, timeout_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._control], [], [], timeout_s)[0]:
            said = self._control.recv(64)
            assert said, "the process that forks has ended"
            self.returncode = os.waitstatus_to_exitcode(int(said))
            self._control.close()
        return self.returncode


def fork(
    call: str,
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
) -> Forked:
    """Run `call` (`module:function`, without arguments) in a process, with words as its argv.

    Its standard input is empty.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {"call": call, "argv": list(words), "env": dict(env), "cwd": str(Path.cwd())}
    with theirs, Path(os.devnull).open("rb") as nothing:
        files = [each if isinstance(each, int) else each.fileno() for each in (stdout, stderr)]
        files = [theirs.fileno(), nothing.fileno(), *files]
        socket.send_fds(_forker()[0], [json.dumps(request).encode()], files)
        return Forked(ours)


def run_forked(
    call: str, words: Sequence[str], *, env: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, as `subprocess.run` does."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = fork(call, words, env=env, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout_s)
        finally:
            process.kill()
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(list(words), code, *said)


@cache
def _forker() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The process that forks, for as long as the tests run, and how to ask it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.forking", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours, process


# From here on: in the process that forks, and in what it forks.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    call: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    files: list[int]


def _next_request(requests: socket.socket) -> _Request:
    """Fork for each request, and tell how each process ended; return in what was forked only."""
    running: dict[int, int] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready = select.select([requests, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            _tell_ends(running)
        if requests not in ready:
            continue
        body, files, _, _ = socket.recv_fds(requests, 1 << 20, 4)
        if not body:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            for each in (woken, wake, files[0], *running.values()):
                os.close(each)
            return _Request(**json.loads(body), files=files[1:])
        for each in files[1:]:
            os.close(each)
        running[pid] = files[0]
        os.write(files[0], str(pid).encode())


def _tell_ends(running: dict[int, int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        control = running.pop(pid)
        with suppress(OSError):  # nobody waits for it any more
            os.write(control, str(status).encode())
        os.close(control)


def _become(request: _Request) -> None:
    """Be the process that was asked for."""
    for number, file in enumerate(request.files):
        os.dup2(file, number)
        os.close(file)
    # Like the interpreter's own, they are there to the end of the process.
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request.env)
    time.tzset()
    os.chdir(request.cwd)
    sys.argv = ["flotilla", *request.argv]
    module, _, function = request.call.partition(":")
    getattr(importlib.import_module(module), function)()


def _main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        for module in LOADED:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        request = _next_request(requests)
    _become(request)


if __name__ == "__main__":
    _main()
