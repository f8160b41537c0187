"""What is stored can be read, and says so when it cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from clusters.model import ClusterName
from fleet.model import Gate, GateName, HttpCheck, Overrun, PrometheusCheck, StageGates
from fleet.rollout.codec import from_data, to_data
from fleet.rollout.events import ClusterAssigned, Purpose
from fleet.rollout.record import (
    UnreadableRecord,
    event_record,
    read_event,
    read_rollout,
    rollout_record,
)
from tests.fleet.rollout.fleetlet import PLACE, START, Run, clusters, plan_of, stage, strategy

GATES = [
    Gate(name=GateName("http"), place=PLACE, check=HttpCheck(url="http://x", expect_status=(204,))),
    Gate(
        name=GateName("prom"),
        place=PLACE,
        check=PrometheusCheck(url="http://x", query="up", success="value > 0"),
    ),
]


def played() -> Run:
    gated = replace(stage(soak_s=60, retries=1), gates=StageGates(during=(GateName("prom"),)))
    checked = replace(gated, gates=StageGates(before=(GateName("http"),)), name="second")
    checked = replace(checked, select=stage("dev").select)
    travels = strategy(gated, checked)
    return Run.of(plan_of(travels, clusters("prod", 3) + clusters("dev", 2), gates=GATES))


def test_a_rollout_survives_its_record() -> None:
    rollout = played().rollout
    assert read_rollout(orjson.loads(orjson.dumps(rollout_record(rollout)))) == rollout


def test_every_event_of_a_run_survives_its_record() -> None:
    for event in played().log:
        record = event_record(event)
        assert record["event"]["kind"] == type(event).__name__
        assert read_event(orjson.loads(orjson.dumps(record))) == event


def test_defaults_are_not_stored() -> None:
    assigned = ClusterAssigned(at=START, cluster=ClusterName("a"), digest=None, generation=3)
    stored = event_record(assigned)["event"]
    assert set(stored) == {"kind", "at", "cluster", "digest", "generation"}
    assert assigned.purpose is Purpose.RELEASE


def test_another_version_is_refused() -> None:
    record = {**rollout_record(played().rollout), "version": 99}
    with pytest.raises(UnreadableRecord, match="version 99, and this program reads version 1"):
        read_rollout(record)


@pytest.mark.parametrize(
    "damage", [{"kind": "NoSuchEvent"}, {"kind": "ClusterAssigned", "at": "yesterday"}, {}]
)
def test_damage_is_said(damage: dict[str, str]) -> None:
    with pytest.raises(UnreadableRecord, match="a stored event is damaged"):
        read_event({"version": 1, "event": damage})


def test_plain_values_of_the_codec() -> None:
    assert to_data(Overrun.FINISH) == "finish"
    assert from_data(Overrun, "finish") is Overrun.FINISH
    assert from_data(frozenset[str], to_data(frozenset({"b", "a"}), frozenset[str])) == {"a", "b"}
    moment = START + timedelta(microseconds=1)
    assert from_data(type(START), to_data(moment)) == moment
