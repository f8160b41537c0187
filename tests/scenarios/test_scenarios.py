"""Every script beside this file, played against the real planner and compared with its golden.

After a change that is meant, write the goldens anew and read the difference:

    FLOTILLA_REGENERATE=1 pytest tests/scenarios
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scenarios.player import play

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    golden = path.with_suffix(".golden")
    played = play(path.read_text(), path.name)
    if os.environ.get("FLOTILLA_REGENERATE"):
        golden.write_text(played)
    assert golden.exists(), f"{golden.name} is missing; FLOTILLA_REGENERATE=1 writes it"
    assert played == golden.read_text()


def test_every_golden_has_its_script() -> None:
    goldens = {path.stem for path in HERE.glob("*.golden")}
    assert goldens == {path.stem for path in SCRIPTS}
    assert len(SCRIPTS) >= 30
