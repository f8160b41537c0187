"""What carrying releases in stages costs: `python -m tests.benchmarks.bench_rollouts [NAME …]`.

One JSON object a line.  `run` and `runs` play the whole coordinator in memory on real time, with
clusters that are ready at once: what is left is the overhead of rollouts.  `decide` is the planner
alone, `restart` the way from stored facts to the first decision.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from clusters.events import BundleObserved, ClusterEvent, Connected
from clusters.model import BundleName, ClusterName, DesiredState, Digest, Health, Revision
from fleet.control.coordinator import Coordinator, Errands, Origin
from fleet.control.inbox import CommitProposed
from fleet.control.ledger import Ledger
from fleet.control.supervisor import Supervisor
from fleet.deciding.conductor import Conductor, Scene
from fleet.deciding.travelling import rollout_id
from fleet.model import (
    Amount,
    Bundle,
    Cluster,
    Inventory,
    Place,
    Placement,
    Source,
    Stage,
    StageName,
    Strategy,
    StrategyName,
)
from fleet.model.release import CommitHead, Proposal
from fleet.model.selector import parse_selector
from fleet.presenting.feed import Feed
from fleet.presenting.publisher import Publisher
from fleet.rollout.state import Phase
from fleet.state import facts
from fleet.state.fleet import FleetState
from fleet.state.observed import Observed
from fleet.state.standing import ClusterFacts
from fleet.store.store import Store

STAGES = (("dev", 20), ("staging", 30), ("prod", 50))
PLACE = Place(file="bench", line=1)


def strategy() -> Strategy:
    """Three stages, half of each at once, no gates, no soak."""
    return Strategy(
        name=StrategyName("ring"),
        place=PLACE,
        stages=tuple(
            Stage(
                name=StageName(name),
                place=PLACE,
                select=parse_selector(f"env={name}"),
                max_concurrency=Amount(50, percent=True),
            )
            for name, _ in STAGES
        ),
    )


def inventory(clusters: int, bundles: int) -> Inventory:
    """Clusters over the stages by their shares, and bundles that go to all of them."""
    found = {}
    for number in range(clusters):
        share, total = number * 100 // clusters, 0
        env = next(name for name, size in STAGES if share < (total := total + size))
        name = ClusterName(f"cluster-{number:04}")
        found[name] = Cluster(name=name, place=PLACE, labels={"env": env}, connection=None)  # type: ignore[arg-type]
    ring = strategy()
    return Inventory(
        clusters=found,
        strategies={ring.name: ring},
        bundles={
            BundleName(f"bundle-{number:03}"): Bundle(
                name=BundleName(f"bundle-{number:03}"),
                place=PLACE,
                source=Source(path="apps"),
                placement=Placement(select=parse_selector("env")),
                strategy=ring.name,
            )
            for number in range(bundles)
        },
    )


def proposal(known: Inventory, version: str) -> Proposal:
    """A commit that renders every bundle anew, alike on all clusters."""
    digests = {name: Digest(f"{name}-{version}") for name in known.bundles}
    return Proposal(
        head=CommitHead(
            revision=Revision(version * 8),
            subject=version,
            author="ada",
            committed_at=datetime.now(UTC),
        ),
        forced=False,
        inventory=known,
        warnings=(),
        contents=dict.fromkeys(digests.values(), ()),
        placements={name: dict.fromkeys(known.clusters, digests[name]) for name in known.bundles},
    )


class ReadyAtOnce(Supervisor):
    """Clusters that hold and are healthy with whatever they are given, before the next loop."""

    def __init__(self, post: Callable[[ClusterEvent], None]) -> None:
        super().__init__(build=None, report=None)  # type: ignore[arg-type]
        self._post = post
        self._known: set[ClusterName] = set()
        self._said: dict[ClusterName, Mapping[BundleName, object]] = {}

    async def adjust(
        self, wanted: Mapping[ClusterName, Cluster], *, settings: object = None
    ) -> list[ClusterName]:
        new = [name for name in wanted if name not in self._known]
        self._known.update(new)
        for name in new:
            self._post(Connected(cluster=name, at=datetime.now(UTC), version="v1", latency_ms=1))
        return new

    def assign(self, name: ClusterName, desired: DesiredState) -> None:
        before = self._said.get(name, {})
        self._said[name] = desired.bundles
        for bundle, wanted in desired.bundles.items():
            if before.get(bundle) == wanted:
                continue
            self._post(
                BundleObserved(
                    cluster=name, at=datetime.now(UTC), bundle=bundle,
                    generation=desired.generation, applied_digest=wanted.digest,
                    health=Health.HEALTHY, objects=0, applied=0, drifted=0, leftover=0,
                    message="", digest=wanted.digest,
                )
            )  # fmt: skip


async def whole(clusters: int, bundles: int) -> dict[str, object]:
    """Carry one release of each bundle through all stages, with the store on disk."""
    known = inventory(clusters, bundles)
    with tempfile.TemporaryDirectory() as folder:
        async with await Store.open(Path(folder) / "flotilla.db") as store:
            coordinator: Coordinator

            def post(event: ClusterEvent) -> None:
                asyncio.get_running_loop().create_task(coordinator.inbox.post(event))

            coordinator = Coordinator(
                ledger=Ledger(store, archive=Path(folder)),
                supervisor=ReadyAtOnce(post),
                publisher=Publisher(Feed(epoch="bench"), fleet="bench", version="0"),
                origin=Origin(repository="bench", ref="main"),
                errands=Errands(look=lambda: None, carry_out=lambda _do, _rollout: None),
                clock=lambda: datetime.now(UTC),
            )
            work = asyncio.create_task(coordinator.run())
            await _carried(coordinator, proposal(known, "a"), bundles, work)
            seconds = await _carried(coordinator, proposal(known, "b"), 2 * bundles, work)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    return {"clusters": clusters, "rollouts": bundles, "seconds": round(seconds, 3)}


async def _carried(
    coordinator: Coordinator, what: Proposal, completed: int, work: asyncio.Task[None]
) -> float:
    began = time.perf_counter()
    await coordinator.inbox.post(CommitProposed(proposal=what))
    while True:
        if work.done():
            work.result()
        phases = [r.phase for r in coordinator.state.travel.rollouts.values()]
        if phases.count(Phase.COMPLETED) == completed:
            return time.perf_counter() - began
        await asyncio.sleep(0.005)


def _open_fleet(clusters: int, bundles: int) -> tuple[Scene, list[facts.FleetFact], Conductor]:
    """A fleet with one rollout under way for each bundle; what was stored to get there."""
    known = inventory(clusters, bundles)
    state = FleetState(
        clusters={str(name): ClusterFacts(connected=True) for name in known.clusters}
    )
    stored: list[facts.FleetFact] = [
        facts.ClustersJoined(at=datetime.now(UTC), clusters=sorted(known.clusters))
    ]
    conductor = Conductor(lambda bundle: rollout_id(state, bundle))

    def emit(fact: facts.FleetFact) -> None:
        state.fold(fact)
        stored.append(fact)

    from fleet.deciding.commits import accept

    for fact in accept(
        state, proposal(known, "a"), repository="bench", ref="main", at=datetime.now(UTC)
    ):
        emit(fact)
    scene = Scene(
        state=state, observed=Observed(), inventory=known, known=True, now=datetime.now(UTC)
    )
    conductor.conduct(scene, tuple(stored), (), emit)
    return scene, stored, conductor


def decide(clusters: int, bundles: int) -> dict[str, object]:
    """Ask about every open rollout once, nothing being new."""
    scene, _, conductor = _open_fleet(clusters, bundles)
    news = (facts.Suspended(at=scene.now, target="bundle/none", reason=""),)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        conductor.conduct(scene, news, (), _nothing)
        times.append((time.perf_counter() - began) * 1000)
    best = min(times)
    return {
        "clusters": clusters, "rollouts": bundles, "all_ms": round(best, 1),
        "one_ms": round(best / bundles, 3),
    }  # fmt: skip


def _nothing(fact: facts.FleetFact) -> None:
    raise AssertionError(f"nothing was new, and it says {fact}")


async def restart(clusters: int, bundles: int) -> dict[str, object]:
    """Store a fleet with open rollouts; open it again and decide."""

    scene, stored, _ = _open_fleet(clusters, bundles)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flotilla.db"
        async with await Store.open(path) as store:
            ledger = Ledger(store, archive=Path(folder))
            for begin in range(0, len(stored), 500):
                await ledger.record(
                    stored[begin : begin + 500], scene.state, rendered={}, answers={}
                )
        began = time.perf_counter()
        async with await Store.open(path) as store:
            state = await Ledger(store, archive=Path(folder)).recover()
            conductor = Conductor(lambda bundle: rollout_id(state, bundle))
            fresh = Scene(
                state=state, observed=Observed(), inventory=scene.inventory, known=True,
                now=datetime.now(UTC),
            )  # fmt: skip
            conductor.conduct(fresh, (), (), state.fold)
        seconds = time.perf_counter() - began
    return {
        "clusters": clusters, "bundles": bundles, "facts": len(stored),
        "seconds": round(seconds, 3),
    }  # fmt: skip


def _measure(name: str) -> Iterable[dict[str, object]]:
    match name:
        case "run":
            yield asyncio.run(whole(100, 1))
        case "runs":
            yield asyncio.run(whole(100, 100))
        case "decide":
            yield decide(1000, 100)
        case "restart":
            yield asyncio.run(restart(1000, 100))
        case _:
            raise SystemExit(f"there is no {name!r}; there is run, runs, decide, restart")


def main() -> None:
    """Measure what is named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["run", "decide", "restart", "runs"])
    for name in parser.parse_args().names:
        for found in _measure(name):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            sys.stdout.write(json.dumps({"name": name, **found, "peak_mb": peak}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
