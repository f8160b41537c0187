"""How a command reaches the server: options, environment, and a client."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from fleet.api.address import default_address
from fleet.api.client import ApiClient

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        "-s",
        envvar="FLOTILLA_SERVER",
        help="unix:PATH or http://HOST:PORT.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file", envvar="FLOTILLA_TOKEN_FILE", help="File with the bearer token for TCP."
    ),
]


def client(server: str | None, token_file: Path | None = None) -> ApiClient:
    """A client for the server that was named, or the default one."""
    token = os.environ.get("FLOTILLA_TOKEN")
    if token_file is not None:
        token = token_file.read_text().split()[0].rpartition(":")[2]
    return ApiClient(server or default_address(os.environ), token)


def person() -> str:
    """Who gives a command over the local socket."""
    return os.environ.get("FLOTILLA_ACTOR") or getpass.getuser()
