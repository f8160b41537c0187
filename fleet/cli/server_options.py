"""The options of `flotilla server`, one type each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Repo = Annotated[
    str,
    typer.Option("--repo", envvar="FLOTILLA_REPO", help="The fleet repository: path or URL."),
]
Ref = Annotated[
    str | None, typer.Option("--ref", help="Branch, tag or commit; default branch if not set.")
]
Folder = Annotated[str, typer.Option("--path", help="Folder with the fleet's documents.")]
State = Annotated[
    Path | None, typer.Option("--state", help="Where the database and the mirror are kept.")
]
Listen = Annotated[
    str, typer.Option("--listen", help="unix:PATH or HOST:PORT; default: a private socket.")
]
Database = Annotated[
    str | None,
    typer.Option("--database", envvar="FLOTILLA_DATABASE", help="PostgreSQL URL; else SQLite."),
]
Kubeconfig = Annotated[
    Path | None, typer.Option("--kubeconfig", help="Where contexts are looked up.")
]
SecretsDir = Annotated[
    Path | None, typer.Option("--secrets-dir", help="Kubeconfigs named by secretRef.")
]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help="NAME:TOKEN lines, for TCP.")]
KnownHosts = Annotated[
    Path | None,
    typer.Option(
        "--known-hosts",
        envvar="FLOTILLA_KNOWN_HOSTS",
        help="Host keys for Git over ssh; else those of your ~/.ssh/known_hosts.",
    ),
]
SshKey = Annotated[
    Path | None,
    typer.Option(
        "--ssh-key",
        envvar="FLOTILLA_SSH_KEY",
        help="Private key for Git over ssh; else your own keys and agent.",
    ),
]
GitCredentials = Annotated[
    Path | None,
    typer.Option(
        "--git-credentials",
        envvar="FLOTILLA_GIT_CREDENTIALS",
        help="Lines of https://USER:TOKEN@HOST, as `git credential-store` keeps them.",
    ),
]
GitCaFile = Annotated[
    Path | None,
    typer.Option(
        "--git-ca-file",
        envvar="FLOTILLA_GIT_CA_FILE",
        help="Certificates that Git accepts over https.",
    ),
]
GitMaxMib = Annotated[
    int, typer.Option("--git-max-mib", min=1, help="Most that a copy of one repository may take.")
]
GitTimeout = Annotated[
    float, typer.Option("--git-timeout", min=1, help="Seconds that one transfer may take.")
]
KeepEvents = Annotated[
    str | None,
    typer.Option(
        "--keep-events", help="Move older events to STATE/archive, like 90d; default: keep all."
    ),
]
Interval = Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between looks.")]
Once = Annotated[bool, typer.Option("--once", help="Converge, print a summary, and stop.")]
Timeout = Annotated[
    float, typer.Option("--timeout", help="With --once: give up after so many seconds.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every fact.")]


class LogForm(StrEnum):
    """Forms of the log."""

    TEXT = "text"
    JSON = "json"


LogFormat = Annotated[LogForm, typer.Option("--log-format", help="Lines of key=value, or of JSON.")]
