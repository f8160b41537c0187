"""The real program in a real terminal (tmux): what it shows, and how it leaves the terminal."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.e2e.terminals import Terminal, shows, until
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    with ApiServer(fleets.fleet(24), socket_path=tmp_path / "api.sock") as made:
        yield made


def test_it_shows_the_fleet_and_leaves_the_terminal_as_it_was(
    terminal: Terminal, server: ApiServer
) -> None:
    terminal.start("--server", server.address)
    shows(terminal, "Needs you")
    assert terminal.flags().startswith("1 1")
    terminal.press("C-q")

    shows(terminal, "LEFT 0")
    assert terminal.flags() == "0 0 1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_restores_the_terminal(
    terminal: Terminal, server: ApiServer, number: signal.Signals
) -> None:
    terminal.start("--server", server.address)
    shows(terminal, "Needs you")
    os.kill(terminal.pid(), number)

    shows(terminal, f"LEFT {128 + number}")
    assert terminal.flags() == "0 0 1"


def test_a_terminal_that_is_gone_ends_it_even_under_nohup(
    terminal: Terminal, server: ApiServer
) -> None:
    terminal.start("--server", server.address, prefix="trap '' HUP; ")
    shows(terminal, "Needs you")
    pid = terminal.pid()
    terminal.stop()

    until(lambda: not Path(f"/proc/{pid}").exists(), "it goes on without a terminal")


def test_a_terminal_that_goes_while_much_is_painted_ends_it(
    terminal: Terminal, server: ApiServer
) -> None:
    terminal.start("--server", server.address, "--view", "clusters")
    shows(terminal, "Quarantined")
    pid = terminal.pid()
    terminal.tmux("send-keys", *["j", "k"] * 200)
    terminal.stop()

    until(lambda: not Path(f"/proc/{pid}").exists(), "it goes on without a terminal")


def test_it_follows_the_size_of_its_window(terminal: Terminal, server: ApiServer) -> None:
    terminal.start("--server", server.address)
    shows(terminal, "Rollouts in flight")
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    until(lambda: "Rollouts in flight" not in terminal.text, "it did not follow")
    shows(terminal, "Heatmap")
    terminal.tmux("resize-window", "-x", "40", "-y", "10")

    shows(terminal, "too small")


def test_an_approval_by_keys_alone(terminal: Terminal, server: ApiServer) -> None:
    terminal.start("--server", server.address)
    shows(terminal, "Needs you")
    terminal.press("8")
    shows(terminal, "What you would let through")
    terminal.press("a")
    shows(terminal, "Approve payments")
    terminal.press("prod", "Tab", "metrics", "Enter")
    until(lambda: server.commands, "no command came")

    assert server.commands[0].command == "approve"
    assert server.commands[0].reason == "metrics"


def test_another_server_is_gone_to_and_the_terminal_left_as_it_was(
    terminal: Terminal, server: ApiServer, tmp_path: Path
) -> None:
    other = msgspec.structs.replace(fleets.fleet(3), fleet="elsewhere")
    settings = tmp_path / ".config" / "flotilla" / "config.toml"
    settings.parent.mkdir(parents=True)
    with ApiServer(other, socket_path=tmp_path / "other.sock") as second:
        settings.write_text(f'theme = "auto"\n[servers]\nthere = "{second.address}"\n')
        terminal.start("--server", server.address, prefix="unset XDG_CONFIG_HOME; ")
        shows(terminal, "Needs you")
        terminal.press(":")
        until(lambda: "\n :" in terminal.text, "no line to type into")
        terminal.press("ctx there", "Enter")
        shows(terminal, "flotilla ▸ elsewhere")
        terminal.press("C-q")
        shows(terminal, "LEFT 0")

    assert terminal.flags() == "0 0 1"


def test_a_server_killed_and_back(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "again.sock"
    with ApiServer(fleets.fleet(24), socket_path=path) as server:
        terminal.start("--server", server.address)
        shows(terminal, "● live")
    path.unlink()
    shows(terminal, "retry in")
    assert "Needs you" in terminal.text
    with ApiServer(fleets.fleet(24), socket_path=path):
        shows(terminal, "● live")


@pytest.mark.parametrize("setting", ["NO_COLOR=1 ", "TERM=xterm COLORTERM= "])
def test_it_runs_with_few_colours(terminal: Terminal, server: ApiServer, setting: str) -> None:
    terminal.start("--server", server.address, "--theme", "ansi-dark", prefix=setting)
    shows(terminal, "Needs you")
    terminal.press("2", "j")

    shows(terminal, "▌")


def test_without_a_terminal_it_says_what_else_there_is(server: ApiServer) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui.main", "--server", server.address],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "flotilla get" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [('view = "nowhere"', "config.toml:1: no view 'nowhere'"), ("x = 1", "unknown setting 'x'")],
)
def test_wrong_settings_are_refused_before_anything_starts(
    tmp_path: Path, text: str, words: str
) -> None:
    folder = tmp_path / "flotilla"
    folder.mkdir()
    (folder / "config.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tui.main"],
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert words in done.stderr
