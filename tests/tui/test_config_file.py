"""One setting changes; comments, order and everything else in the file stay."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.config import ConfigError, parse_config
from tui.config_file import Value, save_setting, with_setting

MINE = """\
# how I like it
ascii = false          # my terminal can do better
theme = 'flotilla-light'

mouse=true   # odd spacing, mine

[keys]
# emacs hands
sync = "ctrl+s"

[columns]
clusters = [
  "state",   # first
  "name",
]
"""


def test_only_the_value_changes() -> None:
    changed = with_setting(MINE, "theme", "flotilla-dark")

    old, new = MINE.splitlines(), changed.splitlines()
    assert len(old) == len(new)
    assert [(a, b) for a, b in zip(old, new, strict=True) if a != b] == [
        ("theme = 'flotilla-light'", 'theme = "flotilla-dark"')
    ]


def test_a_comment_behind_the_value_stays() -> None:
    assert "ascii = true          # my terminal can do better" in with_setting(MINE, "ascii", True)


def test_what_is_new_stands_before_the_tables() -> None:
    changed = with_setting(MINE, "view", "drift")

    assert changed.index("view") < changed.index("[keys]")
    assert parse_config(changed, "x").view == "drift"


def test_what_is_taken_out_leaves_the_rest() -> None:
    assert with_setting(MINE, "theme", None) == MINE.replace("theme = 'flotilla-light'\n", "")
    assert with_setting("# only this\n", "columns.clusters", None) == "# only this\n"


def test_the_same_value_changes_nothing() -> None:
    assert with_setting(MINE, "theme", "flotilla-light") == MINE
    assert with_setting(MINE, "columns.clusters", ("state", "name")) == MINE


values = st.one_of(
    st.tuples(st.just("theme"), st.text(max_size=12)),
    st.tuples(st.sampled_from(["ascii", "mouse", "editor"]), st.booleans()),
    st.tuples(st.just("group_by"), st.text(max_size=12)),
    st.tuples(st.just("columns.clusters"), st.lists(st.text(max_size=6), max_size=4)),
)


@given(st.lists(values, max_size=8))
def test_whatever_is_set_is_read_back(changes: list[tuple[str, Value]]) -> None:
    text = MINE
    for name, value in changes:
        text = with_setting(text, name, value)
    made = parse_config(text, "x")

    for name, value in dict(changes).items():
        if name == "columns.clusters":
            assert not isinstance(value, str | bool)
            assert made.columns["clusters"] == tuple(value)
        else:
            assert getattr(made, name) == value
    assert made.keys == {"sync": "ctrl+s"}
    for comment in ("# how I like it", "# emacs hands", "# my terminal can do better"):
        assert comment in text


def test_a_file_is_made_where_there_was_none(tmp_path: Path) -> None:
    path = tmp_path / "flotilla" / "config.toml"
    assert save_setting(path, "theme", "flotilla-deutan").theme == "flotilla-deutan"

    assert path.read_text() == 'theme = "flotilla-deutan"\n'
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_a_link_and_its_permissions_stay(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text(MINE)
    real.chmod(0o600)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    save_setting(link, "mouse", False)

    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert "mouse=false   # odd spacing, mine" in real.read_text()


@pytest.mark.parametrize("text", ["x = 1\n", "theme = \n", 'view = "nowhere"\n'])
def test_a_file_that_is_wrong_is_not_touched(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"config\.toml"):
        save_setting(path, "theme", "flotilla-dark")
    assert path.read_text() == text


def test_a_value_the_settings_refuse_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    with pytest.raises(ConfigError, match="no view 'nowhere'"):
        save_setting(path, "view", "nowhere")
    assert not path.exists()


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="cannot be changed"):
        save_setting(blocked / "config.toml", "theme", "flotilla-dark")
