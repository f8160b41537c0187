"""How one server is run: what the command line says, with its defaults.  Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SOCKET_NAME = "flotilla.sock"
"""In the state directory: where a server listens, and is looked for, unless told otherwise."""


def default_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/flotilla`, or below `~/.local/state`."""
    base = environment.get("XDG_STATE_HOME")
    if base:
        return Path(base).expanduser() / "flotilla"
    return Path(environment.get("HOME") or Path.home()) / ".local/state/flotilla"


def default_kubeconfig(environment: Mapping[str, str] = os.environ) -> Path:
    """The first file of `$KUBECONFIG`, or `~/.kube/config`."""
    named = environment.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(named).expanduser() if named else Path.home() / ".kube/config"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One server."""

    repo: str
    ref: str | None = None
    path: str = ""
    """Folder of the repository below which fleet documents are looked for."""
    state_dir: Path = field(default_factory=default_state_dir)
    database: str | None = None
    """PostgreSQL URL; None: SQLite in the state directory."""
    listen: str = ""
    """`unix:PATH` or `HOST:PORT`; empty: a socket in the state directory."""
    token_file: Path | None = None
    kubeconfig: Path = field(default_factory=default_kubeconfig)
    secrets_dir: Path | None = None
    """Where `connection.secretRef` names kubeconfig files."""
    interval_s: float = 30.0
    known_hosts: Path | None = None
    """Host keys of Git servers; None: those of the user that runs the server."""
    ssh_key: Path | None = None
    """Private key for Git servers; None: the user's own keys and agent."""
    git_ca_file: Path | None = None
    """Certificates that Git accepts over https; None: those of the system."""
    git_credentials: Path | None = None
    """Lines of `https://USER:TOKEN@HOST`."""
    repo_token: str | None = field(default=None, repr=False)
    """For the server of the fleet repository."""
    git_max_mib: int = 512
    """Most that the local copy of one repository may take."""
    git_timeout_s: float = 300.0
    """Longest that one transfer from a Git server may take."""
    lease_s: float = 90.0
    """Silence after which another server may write to the clusters of this one."""

    keep_events_s: float | None = None
    """Older events are moved to the archive; None: all stay in the database."""

    @property
    def archive_dir(self) -> Path:
        """Where old events are moved to."""
        return self.state_dir / "archive"

    @property
    def address(self) -> str:
        """Where the API listens."""
        return self.listen or f"unix:{self.state_dir / SOCKET_NAME}"
