"""docs/ARCHITECTURE.md names every module of the engine and of the fleet, in one place each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/ARCHITECTURE.md").read_text()
ROWS = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]


def named(package: str) -> list[str]:
    """The modules and folders of a package that the table names, in its order."""
    rows = [row for row in ROWS if row.strip().startswith(f"`{package}/")]
    words = [re.sub(r"\(.*?\)", "", row) for row in rows]
    return [
        word.removeprefix(f"{package}/") for row in words for word in re.findall(r"`(.+?)`", row)
    ]


@pytest.mark.parametrize("package", ["clusters", "fleet"])
def test_every_module_is_named_once(package: str) -> None:
    folder = ROOT / package
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    packages = [f"{path.parent.name}/" for path in folder.glob("*/__init__.py")]
    names = [name for name in named(package) if name != "presenting/"]
    assert sorted(names) == sorted(name for name in modules + packages if name != "presenting/")


def folders() -> list[tuple[str, set[str]]]:
    """Each folder of which the table names the modules, with their names."""
    found = re.findall(r"`(clusters|fleet)/(\w+)/` \((.*?)\)", "\n".join(ROWS))
    named: dict[str, set[str]] = {}
    for package, folder, modules in found:
        named.setdefault(f"{package}/{folder}", set()).update(re.findall(r"`(\w+)`", modules))
    return sorted(named.items())


@pytest.mark.parametrize(("folder", "names"), folders())
def test_every_module_of_such_a_folder_is_named(folder: str, names: set[str]) -> None:
    assert names == {p.stem for p in (ROOT / folder).glob("*.py") if p.stem != "__init__"}


def test_it_stays_one_page() -> None:
    assert len(PAGE.splitlines()) <= 120
