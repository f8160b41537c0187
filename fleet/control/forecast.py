"""What a revision would change if it were in force: asked by dry runs, never done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from clusters.client.api import ClusterApi
from clusters.engine.inspecting import FieldDifference, inspect
from clusters.errors import ClusterError, UnknownKind
from clusters.fields.rules import rules_of
from clusters.model import BundleName, BundlePolicy, ClusterName, Digest, Manifest, ObjectRef
from clusters.planning.guards import PruneBudget, prune_refusal
from clusters.records import Record
from fleet.control.coordinator import Coordinator
from fleet.control.intake import Intake
from fleet.control.supervisor import Supervisor
from fleet.deciding.commits import current_digests, problem_views, shrinking
from fleet.model.problems import InvalidFleet
from fleet.model.release import BundleChange, Proposal, changes
from fleet.presenting.forecasting_rollouts import travel_plan
from fleet.view import ClusterPlan, FieldChange, ObjectPlan, PlanView

IN_FLIGHT = 16
"""Clusters that are asked at the same time."""


class Forecaster:
    """Answers `flotilla plan`."""

    def __init__(self, intake: Intake, coordinator: Coordinator, supervisor: Supervisor) -> None:
        self._intake = intake
        self._coordinator = coordinator
        self._supervisor = supervisor
        self._gate = asyncio.Semaphore(IN_FLIGHT)

    async def forecast(self, revision: str, *, bundle: str = "") -> PlanView:
        """Read a revision and ask every cluster that it changes.

        Raises:
            SourceError: there is no such revision, or it cannot be read.
        """
        async with self._intake.at(revision) as at:
            head = await self._intake.head(at)
            try:
                proposal = await self._intake.propose(at)
            except InvalidFleet as error:
                return PlanView(
                    revision=head.revision,
                    subject=head.subject,
                    author=head.author,
                    problems=problem_views(error.problems),
                )
        state = self._coordinator.state
        guards = self._coordinator.inventory.settings.guards
        known, wanted = set(state.clusters), set(proposal.inventory.clusters)
        found = [
            change
            for change in changes(proposal, current_digests(state))
            if not bundle or change.bundle == bundle
        ]
        plans = await asyncio.gather(
            *(
                self._cluster(proposal, change.bundle, cluster, digest)
                for change in found
                for cluster, digest in _targets(change)
            )
        )
        return PlanView(
            revision=head.revision,
            subject=head.subject,
            author=head.author,
            warnings=problem_views(proposal.warnings),
            joined=sorted(wanted - known),
            left=sorted(known - wanted),
            clusters=sorted(plans, key=lambda plan: (plan.bundle, plan.cluster)),
            rollouts=[
                plan
                for change in found
                if (plan := travel_plan(state, proposal, change, datetime.now(UTC)))
            ],
            held_back=shrinking(state, proposal, guards.inventory_shrink),
        )

    async def _cluster(
        self, proposal: Proposal, bundle: BundleName, cluster: ClusterName, digest: Digest | None
    ) -> ClusterPlan:
        reconciler = self._supervisor.running.get(cluster)
        if reconciler is None or reconciler.api is None:
            why = "it is not in force yet" if reconciler is None else "it does not answer now"
            return ClusterPlan(cluster=cluster, bundle=bundle, error=f"cannot be asked: {why}")
        manifests = proposal.contents[digest] if digest else ()
        declared = proposal.inventory.bundles.get(bundle)
        policy = declared.policy if declared else BundlePolicy()
        async with self._gate:
            try:
                objects = await _objects(reconciler.api, manifests, reconciler.records, policy)
            except ClusterError as error:
                return ClusterPlan(cluster=cluster, bundle=bundle, error=str(error))
        budget = reconciler.terms.budget
        gone = _gone(bundle, manifests, list(reconciler.records.values()), budget, policy)
        return ClusterPlan(cluster=cluster, bundle=bundle, objects=[*objects, *gone])


def _targets(change: BundleChange) -> list[tuple[ClusterName, Digest | None]]:
    placed: list[tuple[ClusterName, Digest | None]] = [
        (cluster, digest)
        for digests in (change.changed, change.joined)
        for digest, clusters in digests.items()
        for cluster in clusters
    ]
    return [*placed, *((cluster, None) for cluster in change.withdrawn)]


async def _objects(
    api: ClusterApi,
    manifests: Sequence[Manifest],
    records: Mapping[ObjectRef, Record],
    policy: BundlePolicy,
) -> list[ObjectPlan]:
    changed = [
        manifest for manifest in manifests if not _is_applied(records.get(manifest.ref), manifest)
    ]
    asked = (_one(api, one, policy, is_new=_is_new(records.get(one.ref))) for one in changed)
    return [plan for plan in await asyncio.gather(*asked) if plan]


def _is_applied(record: Record | None, manifest: Manifest) -> bool:
    return bool(
        record
        and record.present
        and record.applied.confirmed
        and record.applied.digest == manifest.digest
        and not record.drift
    )


def _is_new(record: Record | None) -> bool:
    return record is None or not record.applied.confirmed


async def _one(
    api: ClusterApi, manifest: Manifest, policy: BundlePolicy, *, is_new: bool
) -> ObjectPlan | None:
    adopt = policy.adopt if is_new else None
    try:
        inspection = await inspect(api, manifest, rules_of(policy, manifest.ref), adopt=adopt)
    except UnknownKind:
        # Its definition comes with the same revision: the cluster cannot judge it yet.
        return ObjectPlan(action="create", object=str(manifest.ref))
    except ClusterError as error:
        if "not found" in error.message and manifest.ref.namespace:
            return ObjectPlan(action="create", object=str(manifest.ref))
        raise
    if inspection.live is None:
        return ObjectPlan(action="create", object=str(manifest.ref))
    if inspection.refusal:
        return ObjectPlan(action="refuse", object=str(manifest.ref), note=inspection.refusal)
    if not inspection.differences:
        return None
    return ObjectPlan(
        action="change",
        object=str(manifest.ref),
        changes=[_field(d, secret=manifest.ref.kind == "Secret") for d in inspection.differences],
    )


def _field(difference: FieldDifference, *, secret: bool) -> FieldChange:
    return FieldChange(
        path=difference.path, desired=difference.desired, live=difference.live, masked=secret
    )


def _gone(
    bundle: BundleName,
    manifests: Sequence[Manifest],
    records: list[Record],
    budget: PruneBudget,
    policy: BundlePolicy,
) -> list[ObjectPlan]:
    wanted = {manifest.ref for manifest in manifests}
    members = [record for record in records if record.bundle == bundle]
    gone = sorted((r for r in members if r.ref not in wanted), key=lambda record: record.ref)
    if policy.prune_max is not None:
        budget = replace(budget, max_objects=policy.prune_max)
    deleted = [record.ref for record in gone if not (record.keep or record.detach)]
    held = prune_refusal(deleted, members=len(members), remaining=len(manifests), budget=budget)
    if not policy.prune:
        held = "left Git; pruning is switched off"
    elif held:
        held = "left Git; deleting needs confirmation"
    return [_leaving(record, held) for record in gone]


def _leaving(record: Record, held: str | None) -> ObjectPlan:
    action, note = ("keep", held) if held else ("delete", "")
    if record.keep:
        action, note = "keep", "left Git; it is annotated flotilla.dev/prune: disabled"
    elif record.detach:
        action, note = "detach", "left Git; it stays, without our marks"
    return ObjectPlan(action=action, object=str(record.ref), note=note)
