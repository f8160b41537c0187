"""Where the server listens, and whose tokens it takes over TCP."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
from pathlib import Path

from aiohttp import web

from fleet.api.address import parse_address
from fleet.source.urls import is_loopback
from fleet.state.fact import SYSTEM

PORT_MAX = 65_535


class StartFailed(Exception):
    """The server cannot start; the message says why and what to do."""


def site_of(runner: web.AppRunner, listen: str) -> web.BaseSite:
    """Where to listen: `unix:PATH` or `HOST:PORT`.

    Raises:
        ValueError: it is neither.
        OSError: the socket cannot be made.
    """
    if listen.startswith("unix:"):
        return web.SockSite(runner, _private_socket(Path(parse_address(listen).path)))
    host, _, port = listen.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port[:6]) <= PORT_MAX):
        raise ValueError(
            f"cannot listen on {listen!r}: write unix:PATH or HOST:PORT, "
            f"with a port up to {PORT_MAX}"
        )
    return web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port))


def is_open_to_others(listen: str) -> bool:
    """Whether other machines may reach what listens there."""
    host = listen.rpartition(":")[0].strip("[]")
    return not listen.startswith("unix:") and bool(host) and not is_loopback(host)


def _private_socket(path: Path) -> socket.socket:
    """Listen on a socket that nobody but its owner may open, from its first moment on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _make_room(path)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return listening


def _make_room(path: Path) -> None:
    """Remove the socket of a server that is gone, and nothing else.

    Raises:
        OSError: something else has this name, or somebody listens there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file of this name, which is no socket")
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another server listens there")


def read_tokens(path: Path) -> dict[str, str]:
    """Read `NAME:TOKEN` lines (or one bare token); created with a random one where missing.

    Raises:
        StartFailed: the file cannot be read, or a line says something else.
    """
    try:
        if not path.exists():
            with open(path, "x", opener=_private) as file:
                file.write(f"admin:{secrets.token_urlsafe(32)}\n")
        lines = path.read_text().splitlines()
    except UnicodeDecodeError:
        raise StartFailed(f"{path}: the tokens are no text; a line is NAME:TOKEN") from None
    except OSError as error:
        raise StartFailed(f"cannot read the tokens in {path}: {error.strerror or error}") from error
    found = {}
    for number, line in enumerate(lines, start=1):
        # A word of a comment must never become a token that lets anybody in.
        if line.strip() and not line.lstrip().startswith("#"):
            name, token = _token(line.strip(), where=f"{path}:{number}")
            found[name or "token"] = token
    return found


def _token(line: str, *, where: str) -> tuple[str, str]:
    name, _, token = line.rpartition(":")
    if not token:
        raise StartFailed(
            f"{where}: {name} has no token, so anybody would be {name}: a line is NAME:TOKEN"
        )
    if not (line.isprintable() and len(line.split()) == 1):
        raise StartFailed(
            f"{where}: neither a name nor a token has blanks: a line is NAME:TOKEN, and one that "
            "begins with # is a comment"
        )
    if name == SYSTEM:
        raise StartFailed(f"{where}: {name} is what the server calls itself; take another name")
    return name, token


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
