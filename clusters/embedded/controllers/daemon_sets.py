"""The DaemonSet controller: one Pod on every node that fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.pods import fits, nodes
from clusters.embedded.controllers.runtime import Controller, own_key
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.kinds import DAEMON_SETS, PODS

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_GENERATION_LABEL = "pod-template-generation"
_HASH_LABEL = "controller-revision-hash"


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Put a Pod on every node, replace outdated ones one by one, and report."""
    stored = cluster.storage.get(DAEMON_SETS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    owner = stored.load()
    template = owner["spec"]["template"]
    selector = template["spec"].get("nodeSelector") or {}
    wanted = [node["metadata"]["name"] for node in nodes(cluster) if fits(node, selector)]
    mark = podset.template_hash(template)
    held = _by_node(cluster, owner)
    labels = {_HASH_LABEL: mark, _GENERATION_LABEL: str(owner["metadata"]["generation"])}
    for node in wanted:
        if node not in held:
            podset.make_pod(cluster, DAEMON_SETS, owner, template, node=node, labels=labels)
    for node, pod in held.items():
        if node not in wanted:
            _remove(cluster, pod)
    _update(cluster, owner, {node: pod for node, pod in held.items() if node in wanted}, mark)
    _report(cluster, key, owner, len(wanted), mark)


def _by_node(cluster: EmbeddedCluster, owner: Body) -> dict[str, Body]:
    bodies = [stored.load() for stored in podset.owned(cluster, owner, PODS)]
    return {body["spec"].get("nodeName", ""): body for body in bodies if podset.is_active(body)}


def _mark_of(pod: Mapping[str, Any]) -> str:
    return str((pod["metadata"].get("labels") or {}).get(_HASH_LABEL, ""))


def _remove(cluster: EmbeddedCluster, pod: Body) -> None:
    key = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    stored = cluster.storage.get(PODS.storage_key, key)
    if stored is not None:
        podset.remove_pod(cluster, stored)


def _update(cluster: EmbeddedCluster, owner: Body, held: Mapping[str, Body], mark: str) -> None:
    strategy = owner["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return
    rolling = strategy.get("rollingUpdate") or {}
    room = max(podset.scaled(rolling.get("maxUnavailable", 1), len(held), up=True), 1)
    room -= sum(podset.ready_since(pod) is None and _mark_of(pod) == mark for pod in held.values())
    for _, pod in sorted(held.items()):
        if _mark_of(pod) != mark and room > 0:
            _remove(cluster, pod)
            room -= 1


def _report(cluster: EmbeddedCluster, key: str, owner: Body, wanted: int, mark: str) -> None:
    pods = list(_by_node(cluster, owner).values())
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    available, wait_s = podset.count_available(pods, min_ready_s, cluster.time())
    counts = {
        "updatedNumberScheduled": sum(_mark_of(pod) == mark for pod in pods),
        "numberAvailable": available,
        "numberUnavailable": wanted - available,
    }
    status = {
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": 0,
        "desiredNumberScheduled": wanted,
        "numberReady": sum(podset.ready_since(pod) is not None for pod in pods),
        "observedGeneration": owner["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
    }
    write_status(cluster, DAEMON_SETS, key, status)
    if wait_s:
        cluster.runtime.wake(CONTROLLER, key, wait_s)


CONTROLLER = Controller(
    name="daemon sets",
    reconcile=reconcile,
    watches={DAEMON_SETS.storage_key: own_key, PODS.storage_key: podset.owner_key("DaemonSet")},
)
