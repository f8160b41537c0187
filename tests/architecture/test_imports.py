"""`tui -> fleet -> clusters`, never back, and a command line that starts in no time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after some code."""
    tell = "; import sys; print(*sorted({n.partition('.')[0] for n in sys.modules}))"
    said = subprocess.run(
        [sys.executable, "-c", code + tell], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(said.stdout.split())


def test_the_contracts_are_kept() -> None:
    words = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize(
    ("modules", "never"),
    [
        ("clusters.engine.reconciler", {"fleet", "tui", "textual", "git", "sqlmodel", "pydantic"}),
        ("clusters.embedded.serve", {"fleet", "tui", "textual", "git", "sqlmodel", "kubernetes"}),
        ("fleet.control.runtime", {"tui", "textual", "alembic", "kubernetes"}),
        ("fleet.cli.main", {"tui", "textual", "kubernetes", "sqlmodel", "aiohttp", "git"}),
        ("fleet.api.client", {"tui", "kubernetes", "sqlmodel", "aiohttp", "git", "pydantic"}),
        ("fleet.source.validation", {"tui", "kubernetes", "sqlmodel", "aiohttp", "git"}),
        (
            "fleet.state.fleet, fleet.deciding.commands",
            {"aiohttp", "kubernetes", "sqlmodel", "git"},
        ),
    ],
)
def test_what_is_never_loaded(modules: str, never: set[str]) -> None:
    assert not never & loaded_by(f"import {modules}")


def test_a_list_from_the_server_loads_nothing_heavy() -> None:
    """`flotilla get` starts in 150 ms: it is typed all day, and runs in prompts and loops."""
    code = (
        "import sys; sys.argv = ['flotilla', 'get', 'clusters', '-s', 'unix:/nonexistent/socket']\n"
        "from fleet.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 3, end.code\n"
        "pass"
    )
    heavy = {"textual", "kubernetes", "sqlmodel", "sqlalchemy", "aiohttp", "git", "yaml", "asyncio"}
    assert not heavy & loaded_by(code)
