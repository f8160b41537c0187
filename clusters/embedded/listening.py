"""One port for HTTP and HTTPS: the first byte of a connection says which it is.

Programs in this house talk plain HTTP to the loopback address; kubectl needs TLS, because it
sends its token over nothing else.  A TLS connection begins with the byte 0x16, which no HTTP
method begins with, so the socket is looked at before it is handed to its protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable

_log = logging.getLogger(__name__)

_TLS_HANDSHAKE = b"\x16"
_FIRST_BYTE_TIMEOUT_S = 60.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def open_socket(host: str, port: int) -> socket.socket:
    """Listen on a loopback address.

    Raises:
        ValueError: the address is not loopback.
        OSError: the port is taken.
    """
    if host not in LOOPBACK:
        raise ValueError(f"embedded clusters listen on loopback only, not on {host!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    listener.setblocking(False)
    return listener


class Listener:
    """Accepts connections and hands each to a protocol of its own."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext,
    ) -> None:
        self._socket = listener
        self._protocol = protocol
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to accept."""
        self._spawn(self._accept())

    async def stop(self) -> None:
        """Accept no more; connections that were handed over are not touched."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def _spawn(self, work: asyncio._CoroutineLike[None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except OSError as error:  # out of file descriptors: others may close soon
                _log.warning("cannot accept a connection: %s", error)
                await asyncio.sleep(0.1)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._welcome(connection))

    async def _welcome(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        handed_over = False
        try:
            async with asyncio.timeout(_FIRST_BYTE_TIMEOUT_S):
                first = await _peek(connection)
            if not first:
                return
            context = self._tls if first == _TLS_HANDSHAKE else None
            handed_over = True
            with contextlib.suppress(OSError, ssl.SSLError):
                await loop.connect_accepted_socket(self._protocol, connection, ssl=context)
        except (OSError, TimeoutError):
            return
        finally:
            if not handed_over:
                connection.close()


async def _peek(connection: socket.socket) -> bytes:
    """Wait for the first byte of a connection, and leave it there."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def arrived() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(connection, arrived)
    try:
        await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)
