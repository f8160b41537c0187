"""Where the server is: `unix:PATH` or `http(s)://HOST:PORT`.

Only words and environment; nothing is opened here (`fleet.api.client` does that).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fleet.control.settings import SOCKET_NAME, default_state_dir

SERVER_VARIABLE = "FLOTILLA_SERVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server's address, taken apart.  `path` is the socket of a `unix` address."""

    scheme: str
    host: str = "localhost"
    port: int | None = None
    path: str = ""

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.path}"
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}"


def parse_address(text: str) -> Address:
    """Read an address as people write it.

    Raises:
        ValueError: it is neither `unix:PATH` nor `http(s)://HOST[:PORT]`.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path:
            raise ValueError("the address 'unix:' names no socket: write unix:/path/to/socket")
        return Address(scheme="unix", path=str(Path(path).expanduser()))
    refused = ValueError(
        f"cannot read the server address {text!r}: write unix:/path/to/socket, "
        "http://host:port or https://host:port"
    )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # brackets that are not closed, a port that is none
        raise refused from None
    if parts.scheme not in {"http", "https"} or not host or parts.path not in {"", "/"}:
        raise refused
    return Address(scheme=parts.scheme, host=host, port=port)


def default_address(environ: Mapping[str, str]) -> str:
    """Say where the server is when nobody said: as the environment says, or in its own default."""
    return environ.get(SERVER_VARIABLE) or f"unix:{default_state_dir(environ) / SOCKET_NAME}"
