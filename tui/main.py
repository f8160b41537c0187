"""The entry of the TUI: options, settings, one session, one run.

`flotilla` on a terminal and `flotilla tui` come here through the entry point `flotilla.ui`.
Exit codes: 0 left by the person, 2 wrong options or settings, 128+n ended by signal n.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fleet.api.address import default_address
from fleet.api.client import ApiClient
from tui.config import (
    COACH_FILE,
    VIEWS,
    Config,
    ConfigError,
    Server,
    config_path,
    load_config,
    state_path,
)
from tui.session import Session


def parser() -> argparse.ArgumentParser:
    """The options of `flotilla tui`."""
    made = argparse.ArgumentParser(
        prog="flotilla tui",
        description="Show and steer the fleet of a running server.",
        epilog="Examples:  flotilla tui   flotilla tui --read-only --server https://fleet:8443",
    )
    made.add_argument("--server", help="unix:PATH or http(s)://HOST:PORT (or FLOTILLA_SERVER)")
    made.add_argument("--token-file", type=Path, help="file with the token (FLOTILLA_TOKEN_FILE)")
    made.add_argument("--read-only", action="store_true", help="look, but change nothing")
    made.add_argument("--view", choices=VIEWS, help="the view to start with")
    made.add_argument("--theme", help="colours, such as flotilla-light, ansi-dark or auto")
    made.add_argument("--ascii", action="store_true", help="no glyphs beyond ASCII")
    made.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    made.add_argument("--web", action="store_true", help="serve it to a browser on this machine")
    made.add_argument("--port", type=int, default=8000, help="port of --web (8000; 0: a free one)")
    made.add_argument("--write", action="store_true", help="let --web change things as well")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the TUI; answer the exit code."""
    options = parser().parse_args(argv)
    try:
        config = _config(options)
        client = ApiClient(
            options.server or default_address(os.environ), _token(options.token_file)
        )
    except (ConfigError, ValueError) as error:
        return _refused(error)
    if options.web:
        return _serve(options)
    # Behind a web page there is no terminal, and textual-serve says so by naming its own driver.
    at_terminal = sys.stdout.isatty() and sys.stdin.isatty()
    if not at_terminal and "TEXTUAL_DRIVER" not in os.environ:
        sys.stderr.write(
            "flotilla tui: this is no terminal. For scripts there is `flotilla get`; "
            "for a browser there is `flotilla tui --web`.\n"
        )
        return 2
    from tui.app import FlotillaApp
    from tui.themes import AUTO

    light = config.theme == AUTO and at_terminal and _is_light()
    while True:
        session = Session(
            client=client,
            config=config,
            config_file=config_path(os.environ),
            actor=_person(),
            read_only=options.read_only,
            terminal_is_light=light,
            coach=not (state_path(os.environ) / COACH_FILE).exists(),
        )
        app = FlotillaApp(session)
        app.run(mouse=config.mouse)
        if not app.next_server:
            return app.return_code or 0
        config = session.config
        try:
            client = client_of(config.servers[app.next_server])
        except ConfigError as error:
            return _refused(error)


def _is_light() -> bool:
    from tui.background import terminal_is_light

    return terminal_is_light(sys.stdin.fileno(), sys.stdout.fileno())


def client_of(server: Server) -> ApiClient:
    """A client of one of the settings' servers, with that server's own token and no other.

    Raises:
        ConfigError: its token cannot be read.
    """
    token = _read_token(Path(server.token_file).expanduser()) if server.token_file else None
    return ApiClient(server.address, token)


def _refused(error: Exception) -> int:
    sys.stderr.write(f"flotilla tui: {error}\n")
    return 2


def _config(options: argparse.Namespace) -> Config:
    config = load_config(config_path(os.environ))
    return replace(
        config,
        view=options.view or config.view,
        theme=options.theme or config.theme,
        ascii=options.ascii or config.ascii,
        mouse=config.mouse and not options.no_mouse,
    )


def _token(file: Path | None) -> str | None:
    path = file or os.environ.get("FLOTILLA_TOKEN_FILE")
    return os.environ.get("FLOTILLA_TOKEN") if path is None else _read_token(Path(path))


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"the token file {path} cannot be read: {error.strerror}") from error


def _person() -> str:
    """Who sits here, as the local server believes it; over TCP the token says who it is."""
    if named := os.environ.get("FLOTILLA_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _serve(options: argparse.Namespace) -> int:
    from tui.web import serve

    return serve(options)


if __name__ == "__main__":
    sys.exit(main())
