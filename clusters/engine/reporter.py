"""Turns what happened on one cluster into events, each of them once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from clusters.engine.applier import Outcome
from clusters.events import (
    ApplyFailed,
    BundleObserved,
    ClusterEvent,
    DriftCorrected,
    DriftFound,
    FightDetected,
    ObjectNoted,
    ObjectsApplied,
    Pruned,
    PruneHeld,
)
from clusters.fields.rules import rules_of
from clusters.model import (
    BundleName,
    ClusterName,
    Contest,
    DesiredBundle,
    DesiredState,
    DriftPolicy,
    ObjectRef,
)
from clusters.planning.actions import HeldPrune, Plan
from clusters.planning.summary import Summary, leftovers, summarise
from clusters.records import Failure, Leaving, Record, contests

FIGHT_CORRECTIONS = 5
FIGHT_WINDOW_S = 60.0
FIGHT_PAUSE_S = 300.0


class Reporter:
    """Sends the events of one cluster; remembers what it said last, so as not to repeat it."""

    def __init__(
        self, cluster: ClusterName, report: Callable[[ClusterEvent], Awaitable[None]]
    ) -> None:
        self._cluster = cluster
        self._report = report
        self._said: dict[BundleName, tuple[int, Summary, str, tuple[Contest, ...]]] = {}
        self._held: dict[BundleName, HeldPrune] = {}
        self._failures: dict[ObjectRef, str] = {}
        self._generation = -1
        self._named: set[BundleName] = set()
        """Bundles of which something waited, or was held, when they were last summed up."""

    def forget(self) -> None:
        """After an outage nobody relies on what was said: say how every bundle stands anew."""
        self._said.clear()
        self._generation = -1

    async def acted(self, desired: DesiredState, outcomes: Mapping[BundleName, Outcome]) -> None:
        """A pass wrote to the cluster."""
        for name, outcome in outcomes.items():
            for record in outcome.corrected:
                await self._corrected(record)
            for record in outcome.failed:
                await self._failed(record)
            for notice in outcome.notices:
                await self._report(
                    ObjectNoted(
                        cluster=self._cluster,
                        at=_now(),
                        bundle=name,
                        ref=notice.ref,
                        kind=notice.kind,
                        words=notice.words,
                    )
                )
            written = outcome.created + outcome.changed + outcome.unchanged
            if written and name in desired.bundles:
                await self._report(
                    ObjectsApplied(
                        cluster=self._cluster,
                        at=_now(),
                        bundle=name,
                        digest=desired.bundles[name].digest,
                        created=outcome.created,
                        changed=outcome.changed,
                        unchanged=outcome.unchanged,
                    )
                )

    async def _corrected(self, record: Record) -> None:
        await self._report(
            DriftCorrected(
                cluster=self._cluster, at=_now(), bundle=record.bundle, ref=record.ref, by_us=True
            )
        )

    async def _failed(self, record: Record) -> None:
        if record.failure is None:
            return  # a person asked for another attempt meanwhile: its outcome is told
        if self._failures.get(record.ref) == record.failure.reason:
            return
        self._failures[record.ref] = record.failure.reason
        await self._report(
            ApplyFailed(
                cluster=self._cluster,
                at=_now(),
                bundle=record.bundle,
                ref=record.ref,
                reason=record.failure.reason,
            )
        )

    async def drifted(self, desired: DesiredState, records: Sequence[Record]) -> None:
        """Objects were found changed; too many times the same means a fight."""
        for record in records:
            drift = record.drift
            if drift is None:
                continue  # it went away while others were told of
            bundle = desired.bundles.get(record.bundle)
            policy = DriftPolicy.REPORT
            if bundle is not None:
                policy = rules_of(bundle.policy, record.ref).of_drift(drift)
            await self._report(
                DriftFound(
                    cluster=self._cluster,
                    at=_now(),
                    bundle=record.bundle,
                    ref=record.ref,
                    paths=drift.paths,
                    manager=drift.manager,
                    changed_at=drift.changed_at,
                    policy=policy,
                )
            )
            await self._fight(record)

    async def _fight(self, record: Record) -> None:
        now = monotonic()
        recent = [at for at in record.corrections if now - at < FIGHT_WINDOW_S]
        if len(recent) <= FIGHT_CORRECTIONS:
            return
        record.paused_until = now + FIGHT_PAUSE_S
        record.corrections = ()
        await self._report(
            FightDetected(
                cluster=self._cluster,
                at=_now(),
                bundle=record.bundle,
                ref=record.ref,
                manager=record.drift.manager if record.drift else "",
                corrections=len(recent),
                until=_now() + timedelta(seconds=FIGHT_PAUSE_S),
            )
        )

    async def restored(self, records: Sequence[Record]) -> None:
        """Drift went away without us."""
        for record in records:
            await self._report(
                DriftCorrected(
                    cluster=self._cluster,
                    at=_now(),
                    bundle=record.bundle,
                    ref=record.ref,
                    by_us=False,
                )
            )

    async def pruned(self, records: Sequence[Record]) -> None:
        """Objects that we deleted are gone; those that are made anew did not leave."""
        by_bundle: dict[BundleName, list[ObjectRef]] = {}
        for record in records:
            if record.leaving in (Leaving.REPLACED, Leaving.DETACHED):
                continue
            by_bundle.setdefault(record.bundle, []).append(record.ref)
        for bundle, refs in by_bundle.items():
            await self._report(
                Pruned(cluster=self._cluster, at=_now(), bundle=bundle, refs=tuple(sorted(refs)))
            )

    async def stands(
        self,
        desired: DesiredState,
        records: Mapping[ObjectRef, Record],
        plan: Plan,
        stale: set[BundleName],
    ) -> None:
        """Nothing is left to do now: say how the bundles stand, where that changed."""
        self._forget_what_passed(records, plan)
        named = {wait.bundle for wait in plan.waits} | {held.bundle for held in plan.held}
        if desired.generation != self._generation:
            names = list(desired.bundles)
        else:
            names = sorted((stale | named | self._named) & desired.bundles.keys())
        self._generation, self._named = desired.generation, named
        stale.clear()
        left = leftovers(desired, records)
        failing = any(record.failure for record in records.values())
        for name in names:
            bundle = desired.bundles[name]
            suspended = desired.suspended or bundle.suspended
            summary = summarise(bundle, records, plan, suspended=suspended, leftover=left[name])
            refused = _refused(bundle, records) if failing else []
            refusal = _refusal(bundle, refused, plan)
            word = (desired.generation, summary, refusal, _contested(refused))
            if self._said.get(name) == word:
                continue
            self._said[name] = word
            await self._observed(bundle, *word)
        for held in plan.held:
            if self._held.get(held.bundle) != held:
                self._held[held.bundle] = held
                await self._report(
                    PruneHeld(
                        cluster=self._cluster,
                        at=_now(),
                        bundle=held.bundle,
                        digest=desired.bundles[held.bundle].digest,
                        refs=held.refs,
                        reason=held.reason,
                    )
                )

    def _forget_what_passed(self, records: Mapping[ObjectRef, Record], plan: Plan) -> None:
        """What is over and comes back later is told again."""
        self._failures = {
            ref: reason
            for ref, reason in self._failures.items()
            if (record := records.get(ref)) and record.failure
        }
        held = {held.bundle for held in plan.held}
        self._held = {name: hold for name, hold in self._held.items() if name in held}

    async def _observed(
        self,
        bundle: DesiredBundle,
        generation: int,
        summary: Summary,
        refused: str,
        contested: tuple[Contest, ...],
    ) -> None:
        await self._report(
            BundleObserved(
                cluster=self._cluster,
                at=_now(),
                bundle=bundle.name,
                generation=generation,
                applied_digest=summary.applied_digest,
                health=summary.health,
                objects=summary.objects,
                applied=summary.applied,
                drifted=summary.drifted,
                leftover=summary.leftover,
                message=summary.message,
                digest=bundle.digest,
                refused=refused,
                contested=contested,
            )
        )


def _refused(
    bundle: DesiredBundle, records: Mapping[ObjectRef, Record]
) -> list[tuple[ObjectRef, Failure]]:
    """The objects of a bundle that the server refuses for good as they are desired now."""
    return [
        (manifest.ref, record.failure)
        for manifest in bundle.manifests
        if (record := records.get(manifest.ref))
        and record.failure
        and record.refused(manifest.digest)
    ]


def _refusal(
    bundle: DesiredBundle, refused: Sequence[tuple[ObjectRef, Failure]], plan: Plan
) -> str:
    """The first object that is refused, and why."""
    for ref, failure in refused:
        return f"{ref}: {failure.reason}"
    for wait in plan.waits:
        if wait.bundle == bundle.name and wait.refused:
            return f"{wait.ref}: {wait.reason}"
    return ""


def _contested(refused: Sequence[tuple[ObjectRef, Failure]]) -> tuple[Contest, ...]:
    """The fields that others hold; none if something is refused that no decision mends."""
    found: set[Contest] = set()
    for ref, failure in refused:
        if not failure.holders:
            return ()
        found |= contests(ref, failure.holders)
    return tuple(sorted(found))


def _now() -> datetime:
    return datetime.now(UTC)
