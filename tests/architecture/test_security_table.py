"""The table of incidents in docs/security.md: every test that it names exists, and says so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/security.md").read_text().partition("<!-- incidents -->")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.partition("<!-- /incidents -->")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| incident")
]
_NUMBER = re.compile(r"\d{3,}")


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_there_are_many() -> None:
    assert len(ROWS) > 30


@pytest.mark.parametrize(("incident", "what", "tests"), ROWS, ids=[row[0] for row in ROWS])
def test_each_incident_has_a_test_that_carries_its_name(
    incident: str, what: str, tests: str
) -> None:
    assert what
    named = re.findall(r"`([^`]+)::([^`]+)`", tests)
    assert named
    for path, name in named:
        assert name in functions(ROOT / path), f"{path} has no {name}"
        assert set(_NUMBER.findall(name)) & set(_NUMBER.findall(incident)), name
