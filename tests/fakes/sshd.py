"""An ssh server for tests: Debian's own sshd on loopback, with keys made for it, for git only."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

SSHD = "/usr/sbin/sshd"
MISSING = (
    None
    if Path(SSHD).exists() and shutil.which("ssh-keygen")
    else "sshd is not installed (apt-get install openssh-server)"
)


@dataclass(frozen=True)
class Sshd:
    """A running server; `known_hosts` has its key, `client_key` may log in."""

    port: int
    user: str
    client_key: Path
    known_hosts: Path

    def url(self, path: Path) -> str:
        return f"ssh://{self.user}@127.0.0.1:{self.port}{path}"


@contextmanager
def run(folder: Path) -> Iterator[Sshd]:
    """Start sshd on a free port; everything it needs is in `folder`."""
    # A name that a shell would take apart: ssh gets these paths through one.
    client = folder / "the client's 100%h"
    client.mkdir()
    keygen(folder / "host")
    keygen(client / "key")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "authorized").write_text((client / "key.pub").read_text())
    kind, key, *_ = (folder / "host.pub").read_text().split()
    (client / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
    )
    # As root, sshd wants its empty folder for dropped privileges.
    user = pwd.getpwuid(os.getuid()).pw_name
    if user == "root":
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    server = subprocess.Popen(
        [SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield Sshd(port, user, client / "key", client / "known_hosts")
    finally:
        server.terminate()
        server.wait()


def keygen(path: Path) -> None:
    """Make a key pair without passphrase."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True
    )


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
