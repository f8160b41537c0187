"""The user's settings: `$XDG_CONFIG_HOME/flotilla/config.toml`.

    view = "fleet"            # the view to start with
    theme = "flotilla-dark"   # "auto": dark or light, as the terminal is
    ascii = false
    mouse = true
    density = "comfortable"   # or "compact": fewer lines around things
    group_by = "env"          # how the heatmap groups
    context = "{name}"        # context name of a cluster for kubectl and k9s
    editor = false            # open texts in $EDITOR rather than $PAGER

    [keys]                    # action id = keys, comma-separated
    sync = "ctrl+s"

    [columns]
    clusters = ["name", "state", "why"]

    [servers]                 # for `:ctx NAME`; a token is read from a file, never kept here
    eu = "unix:/run/flotilla-eu/flotilla.sock"
    us = {address = "https://fleet.us.example.com:8443", token_file = "~/.config/flotilla/us.token"}

Anything unknown is refused with file and line: a setting that is silently ignored helps nobody.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet.api.address import parse_address
from tui.actions import BY_ID

COACH_FILE = "coach-dismissed"
"""In `state_path`: the first-run line was read."""
DENSITIES = ("comfortable", "compact")
VIEWS = tuple(name.removeprefix("go_") for name in BY_ID if name.startswith("go_"))


class ConfigError(Exception):
    """The settings cannot be used.  The message names file and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server one may change to."""

    address: str
    token_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings with their defaults."""

    view: str = "fleet"
    theme: str = ""
    ascii: bool = False
    mouse: bool = True
    density: str = "comfortable"
    group_by: str = "env"
    context: str = "{name}"
    editor: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    servers: Mapping[str, Server] = field(default_factory=dict)


_TYPES: Mapping[str, type] = {
    "view": str,
    "theme": str,
    "ascii": bool,
    "mouse": bool,
    "density": str,
    "group_by": str,
    "context": str,
    "editor": bool,
    "keys": dict,
    "columns": dict,
    "servers": dict,
}


def config_path(environ: Mapping[str, str]) -> Path:
    """Where the settings are."""
    root = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")) / ".config")
    return Path(root).expanduser() / "flotilla" / "config.toml"


def load_config(path: Path) -> Config:
    """Read the settings; a missing file means the defaults.

    Raises:
        ConfigError: the file is no TOML, or says something unknown.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return parse_config(text, str(path))


def parse_config(text: str, where: str) -> Config:
    """Read settings from TOML.

    Raises:
        ConfigError: the text is no TOML, or says something unknown.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {error}") from error
    for name, value in content.items():
        place = f"{where}:{_line_of(text, name)}"
        wanted = _TYPES.get(name)
        if wanted is None:
            raise ConfigError(f"{place}: unknown setting {name!r}; known: {', '.join(_TYPES)}")
        if not isinstance(value, wanted):
            raise ConfigError(f"{place}: {name} must be a {wanted.__name__}")
    for name, known in (("view", VIEWS), ("density", DENSITIES)):
        if (value := content.get(name, known[0])) not in known:
            place = f"{where}:{_line_of(text, name)}"
            raise ConfigError(f"{place}: no {name} {value!r}; there are: {', '.join(known)}")
    keys = content.pop("keys", {})
    columns = content.pop("columns", {})
    servers = content.pop("servers", {})
    return Config(
        **content,
        keys={name: _key(name, value, text, where) for name, value in keys.items()},
        columns={name: _names(name, value, text, where) for name, value in columns.items()},
        servers={name: _server(name, value, text, where) for name, value in servers.items()},
    )


def _key(name: str, value: Any, text: str, where: str) -> str:
    place = f"{where}:{_line_of(text, name)}"
    if name not in BY_ID:
        raise ConfigError(f"{place}: no action {name!r}; the help screen (?) shows all ids")
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{place}: the key of {name} must be text, such as 'ctrl+s'")
    return value


def _names(name: str, value: Any, text: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        place = f"{where}:{_line_of(text, name)}"
        raise ConfigError(f"{place}: columns of {name} must be a list of names")
    return tuple(value)


def _server(name: str, value: Any, text: str, where: str) -> Server:
    place = f"{where}:{_line_of(text, name)}"
    parts = {"address": value} if isinstance(value, str) else value
    known = {"address", "token_file"}
    if not isinstance(parts, dict) or not {"address"} <= parts.keys() <= known:
        raise ConfigError(
            f"{place}: server {name} must be an address, or {{address = …, token_file = …}}"
        )
    if not all(isinstance(each, str) for each in parts.values()):
        raise ConfigError(f"{place}: address and token_file of server {name} must be text")
    try:
        parse_address(parts["address"])
    except ValueError as error:
        raise ConfigError(f"{place}: server {name}: {error}") from error
    return Server(**parts)


def _line_of(text: str, name: str) -> int:
    pattern = re.compile(rf"^\s*(?:\[\s*)?[\"']?{re.escape(name)}[\"']?\s*[\]=]")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return number
    return 1


def state_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the TUI remembers what it was told once (the coach line was dismissed)."""
    root = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "~")) / ".local/state")
    return Path(root).expanduser() / "flotilla"
