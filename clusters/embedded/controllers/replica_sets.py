"""The ReplicaSet controller: as many Pods as wanted, and a count of how they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import Controller, own_key
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.kinds import PODS, REPLICA_SETS

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Create or delete Pods until there are as many as wanted, and report."""
    stored = cluster.storage.get(REPLICA_SETS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    replica_set = stored.load()
    spec = replica_set["spec"]
    wanted = spec.get("replicas", 1)
    held = [(pod, pod.load()) for pod in podset.owned(cluster, replica_set, PODS)]
    active = [(pod, body) for pod, body in held if podset.is_active(body)]
    if len(active) < wanted:
        for _ in range(wanted - len(active)):
            podset.make_pod(cluster, REPLICA_SETS, replica_set, spec["template"])
    elif len(active) > wanted:
        active.sort(key=lambda entry: podset.ready_since(entry[1]) is not None)
        for pod, _body in active[: len(active) - wanted]:
            podset.remove_pod(cluster, pod)
    _report(cluster, key, replica_set)


def _report(cluster: EmbeddedCluster, key: str, replica_set: Body) -> None:
    bodies = [pod.load() for pod in podset.owned(cluster, replica_set, PODS)]
    pods = [body for body in bodies if podset.is_active(body)]
    min_ready_s = replica_set["spec"].get("minReadySeconds", 0)
    available, wait_s = podset.count_available(pods, min_ready_s, cluster.time())
    ready = sum(podset.ready_since(pod) is not None for pod in pods)
    status = {
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": available,
        "observedGeneration": replica_set["metadata"]["generation"],
    }
    write_status(
        cluster, REPLICA_SETS, key, {k: v for k, v in status.items() if v or k == "replicas"}
    )
    if wait_s:
        cluster.runtime.wake(CONTROLLER, key, wait_s)


CONTROLLER = Controller(
    name="replica sets",
    reconcile=reconcile,
    watches={REPLICA_SETS.storage_key: own_key, PODS.storage_key: podset.owner_key("ReplicaSet")},
)
