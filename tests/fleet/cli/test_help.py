"""Every command explains itself, examples first in what a person reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer.main
from typer.testing import CliRunner

from fleet.cli.main import build


def _commands(command: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


PATHS = list(_commands(typer.main.get_command(build())))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: "-".join(path) or "flotilla")
def test_help(path: tuple[str, ...]) -> None:
    said = CliRunner().invoke(build(next(iter(path), "")), [*path, "--help"])
    assert said.exit_code == 0
    assert "Usage:" in said.output
    group = path in [(), ("cluster",), ("audit",), ("version",)] or len(said.output) < 100
    assert group or "Examples:" in said.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    env = {"PATH": os.environ["PATH"], "_FLOTILLA_COMPLETE": f"source_{shell}"}
    if "PYTHONPATH" in os.environ:
        env["PYTHONPATH"] = os.environ["PYTHONPATH"]
    code = "import sys; sys.argv = ['flotilla']; from fleet.cli.main import main; main()"
    script = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    ).stdout
    assert "flotilla" in script
    if shell == "bash":
        said = subprocess.run(
            ["bash", "-c", f"{script}\ncomplete -p flotilla"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "flotilla" in said.stdout


def test_only_the_command_that_was_asked_for_is_put_together() -> None:
    code = (
        "import sys; sys.argv = ['flotilla', 'get', '--help']\n"
        "from fleet.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('fleet.cli.')))\n"
        "print('pydantic' in sys.modules)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert set(said[-2].split()) == {
        f"fleet.cli.{name}"
        for name in ("main", "get", "helptext", "output", "connection", "watching")
    }
    assert said[-1] == "False"


def test_what_is_no_command_is_told_against_all_of_them() -> None:
    said = CliRunner().invoke(build("gte"), ["gte"])
    assert said.exit_code == 2
    assert "No such command 'gte'" in said.output
