"""What an operator reads in the server's log: each thing once, of many alike only some."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.control.server_log import MOST, WINDOW_S, JsonLines, ServerLog, TextLines
from fleet.state import facts
from fleet.view import CommandRequest, CommandResult
from tests.fakes.fleet import fleet_world

AT = datetime(2026, 3, 1, tzinfo=UTC)
LOST = facts.ClusterLost(at=AT, cluster="eu-1", reason="no answer")


def drifted(number: int) -> facts.DriftSeen:
    return facts.DriftSeen(
        at=AT, cluster="eu-1", bundle="app", group="", object_kind="ConfigMap",
        namespace="default", name=f"map-{number}", paths=["data.a"], manager="kubectl-edit",
        changed_at=None, policy="correct",
    )  # fmt: skip


def lines(caplog: pytest.LogCaptureFixture, form: logging.Formatter) -> list[str]:
    return [form.format(record) for record in caplog.records if record.name == "flotilla"]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flotilla")


def test_a_fact_is_a_line_with_words_for_machines(caplog: pytest.LogCaptureFixture) -> None:
    ServerLog().facts([LOST])
    (line,) = lines(caplog, TextLines())
    assert line.endswith(
        "WARNING flotilla: eu-1 does not answer: no answer kind=ClusterLost actor=flotilla "
        "cluster=eu-1"
    )
    (said,) = map(json.loads, lines(caplog, JsonLines()))
    assert said.pop("at")
    assert said == {
        "level": "warning", "logger": "flotilla", "message": "eu-1 does not answer: no answer",
        "kind": "ClusterLost", "actor": "flotilla", "cluster": "eu-1",
    }  # fmt: skip


def test_of_many_alike_some_are_told_and_the_rest_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now_s = 0.0
    log = ServerLog(clock=lambda: now_s)
    for number in range(MOST + 70):
        log.facts([drifted(number)])
    log.facts([LOST])
    assert len(lines(caplog, TextLines())) == MOST + 1
    now_s = WINDOW_S + 1
    log.facts([])
    assert lines(caplog, TextLines())[-1].endswith("kind=DriftSeen more=70")
    log.facts([drifted(0)])
    assert "map-0" in lines(caplog, TextLines())[-1]


@pytest.mark.parametrize("accepted", [True, False])
def test_a_command_is_told_with_who_gave_it(
    accepted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    asked = CommandRequest(command="suspend", target="cluster/a\nb", reason='a "reason"\n\x1b[2J')
    ServerLog().command(asked, "ada", CommandResult(accepted=accepted, message="no such cluster"))
    (line,) = lines(caplog, TextLines())
    said = "accepted" if accepted else "refused: no such cluster"
    assert f"suspend cluster/a�b {said} kind=Command actor=ada" in line
    assert line.endswith(r'reason="a \"reason\"��[2J"')


async def test_a_server_tells_commits_clusters_drift_and_commands(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with fleet_world(("a",)) as world:
        await world.converged()
        await world.command("suspend", "cluster/a", reason="a drill")
        world.commit({"apps/app/one.yaml": "data: {"})
        await world.until(lambda: world.view.git.refused_revision)
    told = told_kinds(caplog.records)
    assert {"CommitAccepted", "ClusterConnected", "Suspended", "Command", "CommitRefused"} <= told
    assert "Converged" not in told, "which is for --verbose"


def told_kinds(records: Sequence[logging.LogRecord]) -> set[Any]:
    return {getattr(record, "words", {}).get("kind") for record in records}


def test_words_of_a_server_begin_no_line_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("flotilla").warning(
        "cannot read: %s", "no\n2026-03-01 INFO all is well\x1b[2J"
    )
    (line,) = lines(caplog, TextLines())
    assert line.endswith("cannot read: no�2026-03-01 INFO all is well�[2J")
