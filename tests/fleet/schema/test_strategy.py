import pytest

from fleet.model import Amount, OnBreach, StageGates, UnreachableMode, UnreachablePolicy
from tests.fleet.source.documents_by_hand import document, inventory, problems


def test_stages_take_what_they_do_not_say_from_the_defaults() -> None:
    spec = (
        "{onNewRelease: queue, maxFailures: 5, defaults: {retries: 2, soak: 5m,"
        " unreachable: {mode: fail, grace: 1m}, gates: {after: [g]}},"
        " stages: [{name: a, select: x, soak: 0, unreachable: {max: 3}},"
        " {name: b, select: z, onBreach: rollbackRun, gates: {after: []}}]}"
    )
    gate = document("Gate", "g", "{soak: 1h}")
    [one] = inventory(gate, document("Strategy", "s", spec)).strategies.values()
    first, second = one.stages
    assert (first.retries, first.soak_s, first.gates.after) == (2, 0, ("g",))
    assert first.unreachable == UnreachablePolicy(
        mode=UnreachableMode.FAIL, grace_s=60, max=Amount(3)
    )
    assert (second.soak_s, second.gates.after) == (300, ())
    assert second.on_breach is OnBreach.ROLLBACK_RUN
    assert (first.max_concurrency, first.max_failures) == (Amount(1), Amount(0))
    assert one.max_failures == Amount(5)


def test_what_a_stage_may_say_of_drift_and_of_clusters_that_are_away() -> None:
    spec = (
        "{defaults: {drift: block, catchUp: {maxConcurrency: 20%}, unreachable: {slotTimeout: 3m}},"
        " stages: [{name: a, select: x}, {name: b, select: z, drift: allow,"
        " catchUp: {maxConcurrency: 2}, unreachable: {slotTimeout: 1m}}]}"
    )
    [one] = inventory(document("Strategy", "s", spec)).strategies.values()
    first, second = one.stages
    assert (first.drift_blocks, second.drift_blocks) == (True, False)
    assert (first.catch_up, second.catch_up) == (Amount(20, percent=True), Amount(2))
    assert (first.unreachable.slot_timeout_s, second.unreachable.slot_timeout_s) == (180, 60)


def test_empty_mappings_say_nothing() -> None:
    spec = "{defaults: {unreachable: {}, gates: {}}, stages: [{name: a, select: x, gates: {}}]}"
    [one] = inventory(document("Strategy", "s", spec)).strategies.values()
    assert one.stages[0].unreachable == UnreachablePolicy()
    assert one.stages[0].gates == StageGates()
    assert one.stages[0].spread is None


@pytest.mark.parametrize(
    ("stage", "refusal"),
    [
        ("name: a", "spec.stages[0]: no cluster is chosen"),
        ("name: a, select: x, maxFailures: 101%", "no amount"),
        ("name: a, select: x, maxConcurrency: 0", "nothing would ever move"),
        ("name: a, select: x, ramp: [1, 0%]", "spec.stages[0].ramp[1]: nothing would"),
        ("name: a, select: x, order: [label]", "name, random or label:KEY"),
        ("name: a, select: x, order: ['label:a b']", "no valid label key"),
        ("name: a, select: x, progressDeadline: 0", "longer than nothing"),
        ("name: a, select: x, spread: {by: x, maxPerDomain: 0}", "allowed at least 1"),
        ("name: a, select: x, retries: -1", "allowed at least 0"),
    ],
)
def test_stages_that_are_refused(stage: str, refusal: str) -> None:
    [found] = problems(document("Strategy", "s", f"{{stages: [{{{stage}}}]}}"))
    assert refusal in found


def test_a_strategy_without_stages_is_refused() -> None:
    [found] = problems(document("Strategy", "s", "{stages: []}"))
    assert "found an empty list; allowed at least 1" in found
