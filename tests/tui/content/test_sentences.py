"""What is said of a rollout: each thing once."""

from __future__ import annotations

import msgspec

from fleet.view import NeedView
from tests.fakes import fleets
from tui.content.sentences import rollout_lines
from tui.text.format import Line

HALT = "1 of 9 clusters of stage prod failed; retry, skip, roll back or abort"
NEED = NeedView(id="halted/payments-7", kind="halted", subject="payments", sentence=HALT)


def text(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def test_what_a_need_says_is_not_said_again_among_what_is_waited_for() -> None:
    running = fleets.rollout(fleets.fleet(24).clusters)
    halted = msgspec.structs.replace(running, waiting_on=[f"Halted: {HALT}."])
    shown = text(rollout_lines(halted, fleets.NOW, needs=[NEED]))
    assert shown.count(HALT) == 1
    assert "Waits for" not in shown
    assert "nothing holds it up" not in shown
    both = msgspec.structs.replace(halted, waiting_on=[f"Halted: {HALT}.", "Two slots are taken."])
    assert "Waits for\n◆ Two slots are taken." in text(
        rollout_lines(both, fleets.NOW, needs=[NEED])
    )
    assert f"◆ Halted: {HALT}." in text(rollout_lines(halted, fleets.NOW))


def test_what_git_says_by_now_is_noted() -> None:
    running = fleets.rollout(fleets.fleet(24).clusters)
    noted = msgspec.structs.replace(running, notes=["changed in Git since: strategy ring"])
    assert "· changed in Git since: strategy ring" in text(rollout_lines(noted, fleets.NOW))
