"""What a person asks about one cluster: its objects, and one of them in detail.

Reads the records of the running reconciler; for the detail it asks the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusters.engine.inspecting import Inspection, as_yaml, inspect
from clusters.fields.rules import rules_of
from clusters.model import BundleName, ClusterName, DesiredState, Health, Manifest, ObjectRef
from clusters.records import Record
from fleet.control.supervisor import Supervisor
from fleet.view import FieldChange, ObjectDetail, ObjectView


class NotThere(LookupError):
    """There is no such cluster or object, or the cluster cannot be asked now."""


class Details:
    """Answers questions about single clusters.

    Args:
        supervisor: the running reconcilers.
        desired: what each cluster was told to hold, by name.
    """

    def __init__(self, supervisor: Supervisor, desired: Mapping[ClusterName, DesiredState]) -> None:
        self._supervisor = supervisor
        self._desired = desired

    def objects(self, cluster: str) -> list[ObjectView]:
        """All objects of a cluster's apply set, and those that should be in it.

        Raises:
            NotThere: no such cluster is managed.
        """
        name = ClusterName(cluster)
        reconciler = self._supervisor.running.get(name)
        if reconciler is None:
            raise NotThere(f"cluster {cluster!r} is not managed now")
        wanted = dict(_manifests(self._desired.get(name)))
        answers = reconciler.api is not None
        refs = sorted({*reconciler.records, *wanted})
        return [
            _object_view(ref, reconciler.records.get(ref), wanted.get(ref), answers=answers)
            for ref in refs
        ]

    async def object(self, cluster: str, ref: ObjectRef) -> ObjectDetail:
        """One object, live beside desired.

        Raises:
            NotThere: no such cluster or object, or it does not answer now.
            ClusterError: the cluster refuses to say.
        """
        name = ClusterName(cluster)
        reconciler = self._supervisor.running.get(name)
        found = dict(_manifests(self._desired.get(name))).get(ref)
        if reconciler is None or found is None:
            raise NotThere(f"{ref} should not be on cluster {cluster!r}")
        if reconciler.api is None:
            raise NotThere(f"cluster {cluster!r} does not answer now")
        bundle, manifest = found
        policy = self._desired[name].bundles[BundleName(bundle)].policy
        inspection = await inspect(reconciler.api, manifest, rules_of(policy, ref))
        view = _object_view(ref, reconciler.records.get(ref), (bundle, manifest), answers=True)
        return _detail(cluster, view, inspection)


def _manifests(
    desired: DesiredState | None,
) -> Iterable[tuple[ObjectRef, tuple[str, Manifest]]]:
    for bundle in desired.bundles.values() if desired else ():
        for manifest in bundle.manifests:
            yield manifest.ref, (bundle.name, manifest)


def _object_view(
    ref: ObjectRef,
    record: Record | None,
    wanted: tuple[str, Manifest] | None,
    *,
    answers: bool,
) -> ObjectView:
    bundle = wanted[0] if wanted else (record.bundle if record else "")
    health, message = Health.MISSING, "not applied yet"
    if record and record.applied.confirmed:
        health, message = record.health, record.message
    if not answers:
        health, message = Health.UNKNOWN, "the cluster does not answer"
    state = _state(record, wanted)
    if record and record.failure and answers:
        message = record.failure.reason
    return ObjectView(
        bundle=bundle,
        group=ref.group,
        kind=ref.kind,
        namespace=ref.namespace,
        name=ref.name,
        health=health.value,
        message=message,
        drifted=bool(record and record.drift),
        state=state,
    )


def _state(record: Record | None, wanted: tuple[str, Manifest] | None) -> str:
    if record and record.deleting:
        return "pruning"
    if wanted is None:
        return "kept"
    if record is None or not record.applied.confirmed:
        return "failed" if record and record.failure else "pending"
    if record.failure:
        return "failed"
    return "applied" if record.applied.digest == wanted[1].digest else "pending"


def _detail(cluster: str, view: ObjectView, inspection: Inspection) -> ObjectDetail:
    holders = [d.holder for d in inspection.differences if d.holder]
    return ObjectDetail(
        cluster=cluster,
        object=view,
        live_yaml=as_yaml(inspection.live),
        desired_yaml=as_yaml(inspection.desired),
        changes=[
            FieldChange(
                path=d.path,
                desired=d.desired,
                live=d.live,
                masked=view.kind == "Secret",
            )
            for d in inspection.differences
        ],
        managers=inspection.managers,
        last_changed_by=holders[0] if holders else "",
    )
