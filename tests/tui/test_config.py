from pathlib import Path

import pytest

from tui.actions import ACTIONS, BY_ID, offered
from tui.config import (
    Config,
    ConfigError,
    Server,
    config_path,
    load_config,
    parse_config,
    state_path,
)
from tui.screens.log import LogScreen
from tui.screens.view import ViewScreen


def test_a_missing_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path / "none.toml") == Config()


def test_all_settings_are_read() -> None:
    text = """
view = "drift"
theme = "ansi-dark"
ascii = true
mouse = false
group_by = "region"
context = "admin@{name}"
editor = true

[keys]
sync = "ctrl+s"

[columns]
clusters = ["name", "why"]

[servers]
eu = "unix:/run/eu.sock"
us = {address = "https://fleet:8443", token_file = "~/token"}
"""
    assert parse_config(text, "config.toml") == Config(
        view="drift",
        theme="ansi-dark",
        ascii=True,
        mouse=False,
        group_by="region",
        context="admin@{name}",
        editor=True,
        keys={"sync": "ctrl+s"},
        columns={"clusters": ("name", "why")},
        servers={
            "eu": Server(address="unix:/run/eu.sock"),
            "us": Server(address="https://fleet:8443", token_file="~/token"),
        },
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\ncolour = 1", "c.toml:2: unknown setting 'colour'"),
        ("ascii = 1", "c.toml:1: ascii must be a bool"),
        ('\n\nview = "nowhere"', "c.toml:3: no view 'nowhere'"),
        ('\ndensity = "airy"', "c.toml:2: no density 'airy'; there are: comfortable, compact"),
        ('[keys]\nsink = "s"', "c.toml:2: no action 'sink'"),
        ("[keys]\nsync = 1", "c.toml:2: the key of sync must be text"),
        ("[columns]\nclusters = 'name'", "c.toml:2: columns of clusters must be a list"),
        ("[servers]\neu = 1", "c.toml:2: server eu must be an address, or {address = …, token"),
        ("[servers]\neu = {}", "c.toml:2: server eu must be an address, or"),
        ('[servers]\neu = {address = "x:y", token = "z"}', "c.toml:2: server eu must be"),
        ("[servers]\neu = {address = 1}", "c.toml:2: address and token_file of server eu must be"),
        ('[servers]\neu = "nonsense"', "c.toml:2: server eu: cannot read the server address"),
        ("view =", "c.toml: Invalid value"),
    ],
)
def test_what_is_unknown_or_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(text, "c.toml")

    assert str(refused.value).startswith(message)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)


def test_the_file_is_where_xdg_says() -> None:
    assert config_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/flotilla/config.toml")
    assert config_path({"HOME": "/h"}) == Path("/h/.config/flotilla/config.toml")
    assert state_path({"HOME": "/h"}) == Path("/h/.local/state/flotilla")


def every_view() -> set[type[ViewScreen]]:
    """All screens there are, by inheritance."""
    found: set[type[ViewScreen]] = set()
    waiting: list[type[ViewScreen]] = [ViewScreen]
    while waiting:
        screen = waiting.pop()
        found.add(screen)
        waiting += screen.__subclasses__()
    return found


def test_ids_of_actions_are_unique_and_so_are_their_keys_in_a_view() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert LogScreen in every_view()
    for screen in every_view():
        keys = [key for action in offered(screen.OFFERS) for key in action.keys.split(",")]
        assert len(keys) == len(set(keys)), screen
