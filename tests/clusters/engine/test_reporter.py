"""Events: each of them once, and again when it happens again."""

from __future__ import annotations

from clusters.engine.applier import Outcome
from clusters.engine.reporter import Reporter
from clusters.events import ApplyFailed, BundleObserved, ClusterEvent, ObjectsApplied, PruneHeld
from clusters.model import BundleName, ClusterName, DesiredBundle, Digest, Revision
from clusters.planning.actions import HeldPrune, Plan, Wait
from clusters.records import Failure, Record
from tests.fakes.plans import by_ref, config, record, state

A = config("a")
APP = BundleName("app")
DESIRED = state(
    DesiredBundle(name=APP, digest=Digest("d"), revision=Revision("0" * 40), manifests=(A,))
)
HELD = HeldPrune(bundle=APP, refs=(config("b").ref,), reason="too many")


class Told:
    """A reporter and what it said."""

    def __init__(self) -> None:
        self.events: list[ClusterEvent] = []
        self.reporter = Reporter(ClusterName("one"), self._take)

    async def _take(self, event: ClusterEvent) -> None:
        self.events.append(event)

    async def stands(self, one: Record, plan: Plan | None = None, stale: bool = True) -> list[str]:
        """How a pass ended; the names of the events that it gave."""
        before = len(self.events)
        names = {APP} if stale else set()
        await self.reporter.stands(DESIRED, by_ref([one]), plan or Plan(), names)
        return [type(event).__name__ for event in self.events[before:]]


async def test_the_same_twice_is_said_once() -> None:
    told = Told()
    assert await told.stands(record(A)) == ["BundleObserved"]
    assert await told.stands(record(A)) == []


async def test_a_wait_is_told_and_its_end_as_well() -> None:
    told = Told()
    waiting = Plan(waits=(Wait(bundle=APP, ref=None, reason="waits for bundle base"),))
    await told.stands(record(A), waiting)
    assert await told.stands(record(A), stale=False) == ["BundleObserved"]
    last = told.events[-1]
    assert isinstance(last, BundleObserved)
    assert last.message == ""


async def test_a_hold_is_told_again_when_it_comes_again() -> None:
    told = Told()
    for plan, expected in ((Plan(held=(HELD,)), 1), (Plan(held=(HELD,)), 1), (Plan(), 1)):
        await told.stands(record(A), plan)
        assert sum(isinstance(event, PruneHeld) for event in told.events) == expected
    await told.stands(record(A), Plan(held=(HELD,)))
    assert sum(isinstance(event, PruneHeld) for event in told.events) == 2


async def test_a_failure_is_told_once_and_again_after_it_was_over() -> None:
    told = Told()
    failing = record(A)
    for passes in range(3):
        failing.failure = Failure(reason="no", attempts=passes, retry_at=0.0, digest=A.digest)
        await told.reporter.acted(DESIRED, {APP: Outcome(failed=[failing])})
        await told.stands(failing)
    assert sum(isinstance(event, ApplyFailed) for event in told.events) == 1
    failing.failure = None
    await told.stands(failing)
    failing.failure = Failure(reason="no", attempts=1, retry_at=0.0, digest=A.digest)
    await told.reporter.acted(DESIRED, {APP: Outcome(failed=[failing])})
    assert sum(isinstance(event, ApplyFailed) for event in told.events) == 2


async def test_a_pass_that_wrote_nothing_says_nothing() -> None:
    told = Told()
    await told.reporter.acted(DESIRED, {APP: Outcome()})
    assert told.events == []
    await told.reporter.acted(DESIRED, {APP: Outcome(created=1, unchanged=2)})
    (event,) = told.events
    assert isinstance(event, ObjectsApplied)
    assert (event.created, event.changed, event.unchanged) == (1, 0, 2)


async def test_a_failure_that_was_cleared_while_others_were_told_is_no_crash() -> None:
    """A person asked for another attempt in the middle of a failing pass: quarantined."""
    told = Told()
    cleared = record(A)
    cleared.failure = None
    await told.reporter.acted(DESIRED, {APP: Outcome(failed=[cleared])})
    assert told.events == []


async def test_drift_that_went_away_while_others_were_told_is_no_crash() -> None:
    told = Told()
    restored = record(A)
    restored.drift = None
    await told.reporter.drifted(DESIRED, [restored])
    assert told.events == []
