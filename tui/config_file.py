"""Changes one setting in the user's file and leaves everything else in it as it is.

Comments, order and layout stay.  What the file says is read again first, and a file that is wrong
is not touched: it would not be clear what the person meant.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui.config import Config, ConfigError, parse_config

Value = str | bool | Sequence[str]


def save_setting(path: Path, name: str, value: Value | None) -> Config:
    """Write a setting (`theme`, or `columns.clusters` in its table); None takes it out.

    Returns:
        The settings as the file has them now.

    Raises:
        ConfigError: the file is wrong already, or cannot be read or written.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        parse_config(text, str(path))
        changed = with_setting(text, name, value)
        made = parse_config(changed, str(path))
        if changed != text:
            _replace(path, changed)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be changed: {error}") from error
    return made


def with_setting(text: str, name: str, value: Value | None) -> str:
    """The text of a settings file with one setting changed."""
    import tomlkit

    document = tomlkit.parse(text)
    table, _, key = name.rpartition(".")
    if value is None and table and table not in document:
        return text
    place: Any = document
    if table:
        place = document.setdefault(table, tomlkit.table())
    if value is None:
        place.pop(key, None)
    else:
        wanted = value if isinstance(value, str | bool) else list(value)
        if place.get(key) != wanted:
            place[key] = wanted
    return tomlkit.dumps(document)


def _replace(path: Path, text: str) -> None:
    """Write beside the file and put it in its place at once; a link keeps leading where it does."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode if target.exists() else 0o644
    handle, name = tempfile.mkstemp(prefix=".config-", suffix=".toml", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode & 0o777)
        Path(name).replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
