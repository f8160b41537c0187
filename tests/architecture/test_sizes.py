"""Modules and functions of a size that fits a head, with names that say what is inside."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("clusters", "fleet", "tui")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
WORDLESS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def lines_of(path: Path) -> int:
    return len(path.read_text().splitlines())


@cache
def functions() -> Sequence[tuple[str, int]]:
    """Every function with the number of its lines."""
    return [
        (
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}",
            (node.end_lineno or node.lineno) - node.lineno + 1,
        )
        for path in MODULES
        for node in statements(tree_of(path))
        if isinstance(node, _Function)
    ]


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """All statements below a node; functions stand in no expression, so those are not walked."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for each in getattr(node, name, ()):
            if isinstance(each, ast.stmt):
                yield each
            yield from statements(each)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_longer_than_400_lines(package: str) -> None:
    long = {str(p.relative_to(ROOT)): lines_of(p) for p in (ROOT / package).rglob("*.py")}
    assert {name: count for name, count in long.items() if count > 400} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_usual_module_is_shorter_than_200_lines(package: str) -> None:
    sizes = [lines_of(p) for p in (ROOT / package).rglob("*.py") if p.name != "__init__.py"]
    assert statistics.median(sizes) <= 200


def test_nine_functions_of_ten_fit_in_40_lines() -> None:
    sizes = sorted(size for _, size in functions())
    assert sizes[len(sizes) * 9 // 10] <= 40


def test_no_function_is_longer_than_a_screen() -> None:
    assert {name: size for name, size in functions() if size > 80} == {}


def test_names_say_what_is_inside() -> None:
    words = {
        path: set(path.stem.split("_"))
        for path in [*MODULES, *(p.parent for p in MODULES if p.name == "__init__.py")]
    }
    assert [str(path) for path, found in words.items() if found & WORDLESS] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path) for path in MODULES if not ast.get_docstring(tree_of(path))]
    assert silent == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
