"""Settings, their choices, and columns in their places."""

from collections.abc import Sequence

import pytest

from tui.config import Config
from tui.settings import changed, in_file, settings

EVERY = ("state", "name", "env", "region", "why")
BY_NAME = {each.name: each for each in settings(["dark", "light"], ["env", "region"], EVERY)}


def test_a_choice_goes_round_the_ends() -> None:
    theme = BY_NAME["theme"]
    assert theme.step(Config(), 1) == "light"
    assert theme.step(Config(theme="light"), 1) == "dark"
    assert theme.step(Config(theme="gone"), 1) == "dark"
    assert theme.step(Config(theme="gone"), -1) == "light"


@pytest.mark.parametrize(
    ("chosen", "column", "value", "result"),
    [
        ((), "env", False, ("state", "name", "region", "why")),
        (("state", "why"), "region", True, ("state", "region", "why")),
        (("why", "state"), "env", True, ("why", "state", "env")),
        (("state", "env"), "env", True, ("state", "env")),
    ],
)
def test_columns_come_and_go_in_their_places(
    chosen: Sequence[str], column: str, value: bool, result: Sequence[str]
) -> None:
    setting = BY_NAME[f"columns.clusters:{column}"]
    config = Config(columns={"clusters": tuple(chosen)} if chosen else {})
    made = changed(setting, value, config, EVERY)

    assert made.columns["clusters"] == tuple(result)
    assert setting.value(made) is value
    assert in_file(setting, made) == tuple(result)


def test_state_and_name_always_stay() -> None:
    assert "columns.clusters:state" not in BY_NAME
    assert "columns.clusters:name" not in BY_NAME
