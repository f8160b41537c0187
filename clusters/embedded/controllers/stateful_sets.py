"""The StatefulSet controller: Pods with ordinals, one after the other, each with its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import Controller, own_key, owner_reference
from clusters.embedded.controllers.writing import create, write_status
from clusters.embedded.kinds import (
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
    built_in,
)

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_REVISIONS = built_in("apps", "controllerrevisions")
_HASH_LABEL = "controller-revision-hash"
_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
_INDEX_LABEL = "apps.kubernetes.io/pod-index"


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Make the next Pod, or replace the next outdated one, and report."""
    stored = cluster.storage.get(STATEFUL_SETS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    owner = stored.load()
    revision = _revision(cluster, owner)
    pods = _pods(cluster, owner)
    _step(cluster, owner, pods, revision)
    _report(cluster, key, owner, revision)


def _revision(cluster: EmbeddedCluster, owner: Body) -> str:
    """Name the template, and keep it as a ControllerRevision."""
    metadata = owner["metadata"]
    template = owner["spec"]["template"]
    name = f"{metadata['name']}-{podset.template_hash(template)}"
    key = f"{metadata['namespace']}/{name}"
    if cluster.storage.get(_REVISIONS.storage_key, key) is None:
        held = podset.owned(cluster, owner, _REVISIONS)
        body = {
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "labels": template["metadata"].get("labels") or {},
                "ownerReferences": [owner_reference(STATEFUL_SETS, owner)],
            },
            "data": {"spec": {"template": template}},
            "revision": len(held) + 1,
        }
        create(cluster, _REVISIONS, body)
    return name


def _ordinal(pod: Mapping[str, Any]) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _pods(cluster: EmbeddedCluster, owner: Body) -> dict[int, Body]:
    bodies = [stored.load() for stored in podset.owned(cluster, owner, PODS)]
    return {_ordinal(body): body for body in bodies}


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return podset.is_active(pod) and podset.ready_since(pod) is not None


def _step(cluster: EmbeddedCluster, owner: Body, pods: Mapping[int, Body], revision: str) -> None:
    spec = owner["spec"]
    wanted: int = spec["replicas"]
    in_order = spec.get("podManagementPolicy") != "Parallel"
    for ordinal in range(wanted):
        pod = pods.get(ordinal)
        if pod is None:
            _make(cluster, owner, ordinal, revision)
        if in_order and (pod is None or not _is_ready(pod)):
            return
    for ordinal in sorted((number for number in pods if number >= wanted), reverse=True):
        _remove(cluster, pods[ordinal])
        if in_order:
            return
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    for ordinal in range(wanted - 1, partition - 1, -1):
        pod = pods.get(ordinal)
        if pod is None:
            return
        if _revision_of(pod) != revision:
            _remove(cluster, pod)
            return
        if not _is_ready(pod):
            return


def _revision_of(pod: Mapping[str, Any]) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_HASH_LABEL, ""))


def _remove(cluster: EmbeddedCluster, pod: Body) -> None:
    key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    stored = cluster.storage.get(PODS.storage_key, key)
    if stored is not None:
        podset.remove_pod(cluster, stored)


def _make(cluster: EmbeddedCluster, owner: Body, ordinal: int, revision: str) -> None:
    metadata = owner["metadata"]
    name = f"{metadata['name']}-{ordinal}"
    template = dict(owner["spec"]["template"])
    volumes = []
    for claim in owner["spec"].get("volumeClaimTemplates") or ():
        label = claim["metadata"]["name"]
        claim_name = f"{label}-{name}"
        _claim(cluster, owner, claim, claim_name)
        source = {"claimName": claim_name}
        volumes.append({"name": label, "persistentVolumeClaim": source})
    if volumes:
        held = template["spec"].get("volumes") or []
        template["spec"] = {**template["spec"], "volumes": [*held, *volumes]}
    labels = {_HASH_LABEL: revision, _NAME_LABEL: name, _INDEX_LABEL: str(ordinal)}
    podset.make_pod(cluster, STATEFUL_SETS, owner, template, name=name, labels=labels)


def _claim(cluster: EmbeddedCluster, owner: Body, claim: Mapping[str, Any], name: str) -> None:
    namespace = owner["metadata"]["namespace"]
    if cluster.storage.get(PERSISTENT_VOLUME_CLAIMS.storage_key, f"{namespace}/{name}"):
        return
    selector = (owner["spec"].get("selector") or {}).get("matchLabels") or {}
    labels = {**(claim["metadata"].get("labels") or {}), **selector}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    create(cluster, PERSISTENT_VOLUME_CLAIMS, {"metadata": metadata, "spec": claim["spec"]})


def _report(cluster: EmbeddedCluster, key: str, owner: Body, revision: str) -> None:
    spec, before = owner["spec"], owner.get("status") or {}
    pods: Sequence[Body] = [pod for pod in _pods(cluster, owner).values() if podset.is_active(pod)]
    updated = [pod for pod in pods if _revision_of(pod) == revision]
    available, wait_s = podset.count_available(pods, spec.get("minReadySeconds", 0), cluster.time())
    current = before.get("currentRevision") or revision
    ready = sum(map(_is_ready, pods))
    if len(updated) == spec["replicas"] == ready:
        current = revision
    counts = {
        "readyReplicas": ready,
        "updatedReplicas": len(updated),
        "currentReplicas": sum(_revision_of(pod) == current for pod in pods),
    }
    status = {
        "observedGeneration": owner["metadata"]["generation"],
        "replicas": len(pods),
        "availableReplicas": available,
        "currentRevision": current,
        "updateRevision": revision,
        "collisionCount": 0,
        **{name: count for name, count in counts.items() if count},
    }
    write_status(cluster, STATEFUL_SETS, key, status)
    if wait_s:
        cluster.runtime.wake(CONTROLLER, key, wait_s)


CONTROLLER = Controller(
    name="stateful sets",
    reconcile=reconcile,
    watches={
        STATEFUL_SETS.storage_key: own_key,
        PODS.storage_key: podset.owner_key("StatefulSet"),
    },
)
