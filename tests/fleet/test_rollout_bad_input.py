"""What a person is told who asks a rollout for what cannot be: the whole sentence, each time.

Documents are refused by `flotilla validate` and by the server in the same words; what depends on
the clock or on people is told when it happens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleet.model.problems import InvalidFleet
from fleet.source.validation import check_work_tree
from tests.fakes.rollouts import travelling_fleet
from tests.scenarios.player import play

NAMES = ("dev-1", "prod-1")
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOURS = """\
apiVersion: flotilla.dev/v1
kind: Gate
metadata: {name: hours}
spec: {window: hours}
---
apiVersion: flotilla.dev/v1
kind: Window
metadata: {name: hours}
spec: {kind: allow, from: 2001-01-01, to: 2001-01-02}
"""
AMOUNT = "allowed a count from 0 up, like 3, or a share from 0% to 100%, like 10%"
MOVING = "allowed a count from 1 up, or a share above 0%; to hold a stage, give it an approval gate"


def validated(folder: Path, *stages: str) -> list[str]:
    """What `flotilla validate` says of a strategy with these stages: problems, or warnings."""
    lines = "".join(f"    - {{{stage}}}\n" for stage in stages)
    files = travelling_fleet(NAMES, stages=lines, more={"hours.yaml": HOURS})
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    try:
        return [str(warning) for warning in check_work_tree(folder, now=NOW).warnings]
    except InvalidFleet as error:
        return [str(problem) for problem in error.problems]


DEV, PROD = "name: dev, select: env=dev", "name: prod, select: env=prod"


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        (("name: dev, select: env", PROD),
         ("strategy.yaml:8: spec.stages[1]: the stages dev and prod both select prod-1 "
         "(allowed every cluster in exactly one stage)")),
        ((DEV,),
         ("bundles/web.yaml:7: spec.strategyRef: goes to prod-1, which no stage of ring "
         "(strategy.yaml:1) selects (allowed a stage for every cluster that the bundle goes to)")),
        ((DEV, f"{PROD}, maxFailures: 101%"),
         f"strategy.yaml:8: spec.stages[1].maxFailures: no amount (found '101%'; {AMOUNT})"),
        ((DEV, f"{PROD}, maxFailures: -1"),
         f"strategy.yaml:8: spec.stages[1].maxFailures: no amount (found -1; {AMOUNT})"),
        ((DEV, f"{PROD}, maxConcurrency: 0%"),
         ("strategy.yaml:8: spec.stages[1].maxConcurrency: nothing would ever move "
         f"(found '0%'; {MOVING})")),
        ((DEV, f"{PROD}, ramp: [10%, 200%]"),
         f"strategy.yaml:8: spec.stages[1].ramp[1]: no amount (found '200%'; {AMOUNT})"),
        ((DEV, f"{PROD}, gates: {{before: [nobody]}}"),
         ("strategy.yaml:8: spec.stages[1].gates.before[0]: there is no Gate of this name "
         "(found 'nobody'; allowed agreed, hours)")),
        ((DEV, f"{PROD}, gates: {{before: [agred]}}"),
         ("strategy.yaml:8: spec.stages[1].gates.before[0]: there is no Gate of this name, did you "
         "mean 'agreed'? (found 'agred'; allowed agreed, hours)")),
        ((DEV, PROD),
         ("hours.yaml:6: the window hours never opens after 2026-03-02 09:00 UTC; nothing that "
         "waits for it would ever start")),
        ((DEV, f"{PROD}, drift: report"),
         ("strategy.yaml:8: spec.stages[1].drift: unknown value (found 'report'; "
         "allowed block, allow)")),
        ((DEV, f"{PROD}, catchUp: {{maxConcurrency: 0}}"),
         ("strategy.yaml:8: spec.stages[1].catchUp.maxConcurrency: nothing would ever move "
         f"(found 0; {MOVING})")),
    ],
    ids=[
        "two stages", "no stage", "101 %", "-1", "0 %", "ramp", "no gate", "a gate misspelt",
        "a window that never opens", "drift", "catch up",
    ],
)  # fmt: skip
def test_a_strategy_that_cannot_be(tmp_path: Path, stages: tuple[str, ...], sentence: str) -> None:
    assert sentence in validated(tmp_path, *stages)


ASKED = """\
clusters prod-1: env=prod
gate sre: approval count=1 roles=sre expires=1h
stage prod: select=env=prod before=sre
baseline v1
release v2: author=ada
"""


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("approve sre by ada as sre",
         ("refused: ada is an author of the release, and gate sre wants somebody else; "
         "ask a colleague")),
        ("approve sre by ben",
         ("refused: ben has none of the roles sre, which gate sre asks for; ask somebody who has "
         "one")),
        ("approve sre by ben as sre plan 0123456789abcdef",
         "refused: this approval is for plan 01234567, and rollout r1 now has plan "),
        ("pause by ben: lunch\napprove sre by ben as sre\nwait 1h\nresume by ben: back\nwhy",
         "Stage prod: gate sre has 0 of 1 approvals from sre (the approval of ben has expired)."),
        ("approve boss by ben as sre", "no stage has the gate boss"),
    ],
    ids=["the author", "no role", "another plan", "expired", "no such gate"],
)  # fmt: skip
def test_an_approval_that_does_not_count(lines: str, sentence: str) -> None:
    try:
        said = play(ASKED + lines, "asked")
    except ValueError as error:
        said = str(error)
    assert sentence in said
    assert "prod-1 is given v2" not in said
