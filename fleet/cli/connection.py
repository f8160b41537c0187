"""How a command reaches the server: options, environment, and a client."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from fleet.api.address import default_address
from fleet.api.client import ApiClient
from fleet.cli.output import EXIT_USAGE, fail

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
    """A client for the server that was named, or the default one; wrong usage ends the command."""
    try:
        token = _token_of(token_file) if token_file else os.environ.get("FLOTILLA_TOKEN")
        if not (token or "").isascii():
            fail("the token has characters that no token has; is it the right one?", EXIT_USAGE)
        return ApiClient(server or default_address(os.environ), token)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)


def _token_of(file: Path) -> str:
    try:
        words = file.read_text().split()
    except OSError as error:
        raise ValueError(f"cannot read the token in {file}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        words = []
    if not words:
        raise ValueError(f"{file} holds no token; it is one line, TOKEN or NAME:TOKEN")
    return words[0].rpartition(":")[2]


def person() -> str:
    """Who gives a command over the local socket."""
    return os.environ.get("FLOTILLA_ACTOR") or getpass.getuser()
