"""A private PostgreSQL server: made with `initdb`, reached over a unix socket, thrown away after.

Not a fake at all: the real server of the machine's package, under a user of its own (PostgreSQL
refuses to run as root).  By default nothing is synced to disk, which a test has no need
of.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

_START_TIMEOUT_S = 60.0
_ROLE = "flotilla"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A running server.  Any process of this machine's root (or its owner) may connect."""

    directory: Path
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, options: str = "") -> str:
        return f"postgresql://{_ROLE}@/postgres?host={self.directory}{options}"

    def create_schema(self) -> str:
        """Create an empty schema, and return a URL that sees nothing else.

        A database of its own would take a third of a second instead of a millisecond.
        """
        name = f"fleet{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return self.url(f"&options=-csearch_path%3D{name}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole session of tests."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with running_postgres(binaries) as server:
        yield server


@contextmanager
def running_postgres(binaries: Path, *, sync: bool = False) -> Iterator[PostgresServer]:
    """Make a cluster, start its server, and remove both at the end.

    With `sync`, commits wait for the disk as they do by default: for measuring.
    """
    # Not pytest's own directory: only its owner may enter that, and the server is somebody else.
    directory = Path(tempfile.mkdtemp(prefix="flotilla-postgres-", dir="/tmp"))
    identity = _identity(directory)
    data = directory / "data"
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", _ROLE, "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
            check=True, stdout=subprocess.DEVNULL, cwd=directory, **identity,
        )  # fmt: skip
        settings = ["listen_addresses=", "autovacuum=off"]
        settings += [] if sync else ["fsync=off", "full_page_writes=off"]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "INT", binaries / "postgres", "-D", data,
                 "-k", directory, *(word for setting in settings for word in ("-c", setting))],
                stdout=subprocess.DEVNULL, stderr=log, cwd=directory, **identity,
            )  # fmt: skip
        server = PostgresServer(directory=directory, process=process)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=_START_TIMEOUT_S)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def postgres_binaries() -> Path | None:
    """Where `initdb` and `postgres` are, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _identity(directory: Path) -> dict[str, Any]:
    """Who runs the server: ourselves, or where we are root, somebody else."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(directory, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait_until_ready(server: PostgresServer) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(server.url()).close()
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
