"""`flotilla tui --web`: the TUI in a browser, on this machine only, read-only unless asked.

textual-serve starts one TUI for each page and knows no login, so it listens on loopback; whoever
wants more puts an authenticating proxy before it.
"""

from __future__ import annotations

import argparse
import shlex
import socket
import sys

HOST = "127.0.0.1"


def serve(options: argparse.Namespace) -> int:
    """Serve until interrupted; answer the exit code."""
    try:
        from tui.web_server import PageServer
    except ImportError:
        sys.stderr.write(
            "flotilla tui --web needs the extra `web`: pip install 'flotilla-gitops[web]'\n"
        )
        return 2
    PageServer(command(options), host=HOST, port=options.port or free_port()).serve()
    return 0


def free_port() -> int:
    """A port nobody listens on now: what `--port 0` asks for."""
    with socket.create_server((HOST, 0)) as found:
        port: int = found.getsockname()[1]
    return port


def command(options: argparse.Namespace) -> str:
    """The command line of the TUI behind one page."""
    words = [sys.executable, "-m", "tui.main"]
    if options.server:
        words += ["--server", options.server]
    if options.token_file:
        words += ["--token-file", str(options.token_file)]
    if options.view:
        words += ["--view", options.view]
    if options.theme:
        words += ["--theme", options.theme]
    if options.read_only or not options.write:
        words.append("--read-only")
    return shlex.join(words)
