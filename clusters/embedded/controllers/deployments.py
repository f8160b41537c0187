"""The Deployment controller: a ReplicaSet per template, rolled over as the strategy allows.

After k8s.io/kubernetes pkg/controller/deployment: what a client sees of it, in particular the
conditions `Available` and `Progressing` with the reasons that people look for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import (
    CONTROLLER_MANAGER,
    Controller,
    own_key,
    owner_reference,
    path_to,
)
from clusters.embedded.controllers.writing import create, write_status
from clusters.embedded.deleting import DeleteOptions
from clusters.embedded.kinds import DEPLOYMENTS, REPLICA_SETS
from clusters.embedded.requests import WriteOptions

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
REVISION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
_NEVER_S = 2**31 - 1
"""A progress deadline that means none."""


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Roll the Deployment one step further, and report."""
    stored = cluster.storage.get(DEPLOYMENTS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    deployment = stored.load()
    olds = [replica_set.load() for replica_set in podset.owned(cluster, deployment, REPLICA_SETS)]
    current = _current(deployment, olds)
    paused = deployment["spec"].get("paused", False)
    created = False
    if current is None and not paused:
        current = _create(cluster, deployment, olds)
        created = True
    olds = [body for body in olds if current is None or not _same(body, current)]
    if current is not None and not paused:
        _roll(cluster, deployment, current, olds)
        _forget(cluster, deployment, olds)
    elif current is not None:
        _scale(cluster, current, deployment["spec"]["replicas"])
    _report(cluster, key, deployment, current, olds, created=created)


def _same(one: Body, other: Body) -> bool:
    return bool(one["metadata"]["uid"] == other["metadata"]["uid"])


def _plain_template(body: Mapping[str, Any]) -> Body:
    template = dict(body["spec"]["template"])
    metadata = dict(template.get("metadata") or {})
    labels = dict(metadata.get("labels") or {})
    labels.pop(HASH_LABEL, None)
    return {**template, "metadata": {**metadata, "labels": labels}}


def _current(deployment: Body, replica_sets: Sequence[Body]) -> Body | None:
    wanted = _plain_template(deployment)
    for body in replica_sets:
        if _plain_template(body) == wanted:
            return body
    return None


def _revision_of(body: Mapping[str, Any]) -> int:
    return int((body["metadata"].get("annotations") or {}).get(REVISION, 0))


def _create(cluster: EmbeddedCluster, deployment: Body, olds: Sequence[Body]) -> Body:
    metadata, spec = deployment["metadata"], deployment["spec"]
    mark = podset.template_hash(spec["template"])
    template = _plain_template(deployment)
    labels = {**template["metadata"]["labels"], HASH_LABEL: mark}
    template["metadata"]["labels"] = labels
    selector = dict(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: mark}
    revision = max((_revision_of(body) for body in olds), default=0) + 1
    annotations = {
        "deployment.kubernetes.io/desired-replicas": str(spec["replicas"]),
        "deployment.kubernetes.io/max-replicas": str(spec["replicas"] + _surge(spec)),
        REVISION: str(revision),
    }
    begin = spec["replicas"] if not olds else 0
    body = {
        "metadata": {
            "name": f"{metadata['name']}-{mark}",
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner_reference(DEPLOYMENTS, deployment)],
        },
        "spec": {
            "replicas": begin,
            "minReadySeconds": spec.get("minReadySeconds", 0),
            "selector": selector,
            "template": template,
        },
    }
    return create(cluster, REPLICA_SETS, body).load()


def _surge(spec: Mapping[str, Any]) -> int:
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    return podset.scaled(rolling.get("maxSurge"), spec["replicas"], up=True)


def _unavailable(spec: Mapping[str, Any]) -> int:
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    allowed = podset.scaled(rolling.get("maxUnavailable"), spec["replicas"], up=False)
    return allowed if allowed or _surge(spec) else 1


def _size(body: Mapping[str, Any]) -> int:
    return int(body["spec"].get("replicas", 0))


def _available(body: Mapping[str, Any]) -> int:
    return int((body.get("status") or {}).get("availableReplicas", 0))


def _scale(cluster: EmbeddedCluster, replica_set: Body, replicas: int) -> None:
    if _size(replica_set) == replicas:
        return
    metadata = replica_set["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}"
    cluster.objects.patch(
        REPLICA_SETS,
        path_to(REPLICA_SETS, key),
        lambda body: {**body, "spec": {**body["spec"], "replicas": replicas}},
        WriteOptions(manager=CONTROLLER_MANAGER),
    )
    replica_set["spec"]["replicas"] = replicas


def _roll(cluster: EmbeddedCluster, deployment: Body, current: Body, olds: Sequence[Body]) -> None:
    spec = deployment["spec"]
    wanted: int = spec["replicas"]
    running = [body for body in olds if _size(body) or (body.get("status") or {}).get("replicas")]
    if not running:
        _scale(cluster, current, wanted)
        return
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        for body in running:
            _scale(cluster, body, 0)
        if not any((body.get("status") or {}).get("replicas") for body in running):
            _scale(cluster, current, wanted)
        return
    room = wanted + _surge(spec) - sum(map(_size, running)) - _size(current)
    if room > 0 or _size(current) > wanted:
        _scale(cluster, current, min(wanted, _size(current) + max(room, 0)))
    spare = _available(current) + sum(map(_available, running)) - (wanted - _unavailable(spec))
    for body in sorted(running, key=_revision_of):
        broken = max(_size(body) - _available(body), 0)
        cut = min(_size(body), broken + max(spare, 0))
        if cut:
            spare -= cut - broken
            _scale(cluster, body, _size(body) - cut)


def _forget(cluster: EmbeddedCluster, deployment: Body, olds: Sequence[Body]) -> None:
    """Delete ReplicaSets that the history no longer keeps."""
    limit = deployment["spec"].get("revisionHistoryLimit", 10)
    empty = [
        body for body in olds if not _size(body) and not body.get("status", {}).get("replicas")
    ]
    for body in sorted(empty, key=_revision_of)[: max(len(empty) - limit, 0)]:
        key = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        stored = cluster.storage.get(REPLICA_SETS.storage_key, key)
        if stored is not None:
            cluster.deleter.delete(REPLICA_SETS, stored, DeleteOptions(policy="Background"))


def _live(cluster: EmbeddedCluster, deployment: Body) -> list[Body]:
    return [stored.load() for stored in podset.owned(cluster, deployment, REPLICA_SETS)]


def _report(
    cluster: EmbeddedCluster,
    key: str,
    deployment: Body,
    current: Body | None,
    olds: Sequence[Body],
    *,
    created: bool,
) -> None:
    counts = _counts(_live(cluster, deployment), current)
    spec, before = deployment["spec"], deployment.get("status") or {}
    status: Body = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: count for name, count in counts.items() if count}
    missing = max(spec["replicas"] - counts["availableReplicas"], 0)
    if missing:
        status["unavailableReplicas"] = missing
    conditions = list(before.get("conditions") or ())
    enough = counts["availableReplicas"] >= spec["replicas"] - (
        _unavailable(spec) if (spec.get("strategy") or {}).get("type") != "Recreate" else 0
    )
    conditions = _with(cluster, conditions, *_availability(enough))
    progress = _progress(cluster, deployment, current, counts, created=created)
    if progress is not None:
        moved = counts != {name: before.get(name, 0) for name in counts}
        conditions = _with(cluster, conditions, *progress, touch=moved)
    status["conditions"] = conditions
    revision = _revision_of(current) if current is not None else 0
    annotations = {REVISION: str(revision)} if revision else None
    write_status(cluster, DEPLOYMENTS, key, status, annotations=annotations)


def _counts(replica_sets: Sequence[Body], current: Body | None) -> dict[str, int]:
    def total(field: str) -> int:
        return sum((body.get("status") or {}).get(field, 0) for body in replica_sets)

    newest = next(
        (body for body in replica_sets if current is not None and _same(body, current)), None
    )
    return {
        "replicas": total("replicas"),
        "updatedReplicas": ((newest or {}).get("status") or {}).get("replicas", 0),
        "readyReplicas": total("readyReplicas"),
        "availableReplicas": total("availableReplicas"),
    }


def _availability(enough: bool) -> tuple[str, str, str, str]:
    if enough:
        return (
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    return (
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
    )


def _progress(
    cluster: EmbeddedCluster,
    deployment: Body,
    current: Body | None,
    counts: Mapping[str, int],
    *,
    created: bool,
) -> tuple[str, str, str, str] | None:
    spec, kind = deployment["spec"], "Progressing"
    if spec.get("paused"):
        return (kind, "Unknown", "DeploymentPaused", "Deployment is paused")
    if current is None:
        return None
    wanted, name = spec["replicas"], current["metadata"]["name"]
    done = (
        counts["updatedReplicas"] == wanted
        and counts["replicas"] == wanted
        and counts["availableReplicas"] == wanted
    )
    if done:
        text = f'ReplicaSet "{name}" has successfully progressed.'
        return (kind, "True", "NewReplicaSetAvailable", text)
    held = _condition(deployment, kind)
    if _is_late(cluster, deployment, held, counts):
        text = f'ReplicaSet "{name}" has timed out progressing.'
        return (kind, "False", "ProgressDeadlineExceeded", text)
    if created and not (deployment.get("status") or {}).get("replicas"):
        return (kind, "True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
    return (kind, "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')


def _condition(deployment: Body, kind: str) -> Body | None:
    for held in (deployment.get("status") or {}).get("conditions") or ():
        if held["type"] == kind:
            found: Body = held
            return found
    return None


def _is_late(
    cluster: EmbeddedCluster, deployment: Body, held: Body | None, counts: Mapping[str, int]
) -> bool:
    deadline_s = deployment["spec"].get("progressDeadlineSeconds", 600)
    if held is None or deadline_s >= _NEVER_S:
        return False
    status, metadata = deployment["status"], deployment["metadata"]
    if status.get("observedGeneration") != metadata["generation"]:
        return False
    if held["reason"] == "ProgressDeadlineExceeded":
        return all(status.get(name, 0) == count for name, count in counts.items())
    if held["reason"] == "NewReplicaSetAvailable":
        return False
    waited_s = (cluster.time() - podset.parse_time(held["lastUpdateTime"])).total_seconds()
    if waited_s >= deadline_s:
        return True
    key = f"{metadata['namespace']}/{metadata['name']}"
    cluster.runtime.wake(CONTROLLER, key, deadline_s - waited_s + 1)
    return False


def _with(
    cluster: EmbeddedCluster,
    conditions: Sequence[Body],
    kind: str,
    status: str,
    reason: str,
    message: str,
    *,
    touch: bool = False,
) -> list[Body]:
    """Set a condition; `lastUpdateTime` moves when it says something new, or on progress."""
    now = cluster.now()
    new = {"type": kind, "status": status, "reason": reason, "message": message}
    out: list[Body] = []
    for held in conditions:
        if held["type"] != kind:
            out.append(held)
            continue
        same = all(held.get(name) == value for name, value in new.items())
        since = held["lastTransitionTime"] if held["status"] == status else now
        updated = held["lastUpdateTime"] if same and not touch else now
        new |= {"lastUpdateTime": updated, "lastTransitionTime": since}
    if "lastUpdateTime" not in new:
        new |= {"lastUpdateTime": now, "lastTransitionTime": now}
    return [*out, new]


CONTROLLER = Controller(
    name="deployments",
    reconcile=reconcile,
    watches={
        DEPLOYMENTS.storage_key: own_key,
        REPLICA_SETS.storage_key: podset.owner_key("Deployment"),
    },
)
