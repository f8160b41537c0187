"""The scheduler and the kubelet, as far as clients see them.

A Pod is bound to a node, its containers are created, and after the settable delay they run.  The
tag of an image says how it fares: `:fail` cannot be pulled, `:crash` exits at once, anything else
runs well.  Pods of Jobs run to their end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import (
    KUBELET,
    SCHEDULER,
    Controller,
    own_key,
    with_condition,
)
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.deleting import DeleteOptions
from clusters.embedded.kinds import NODES, PODS
from clusters.embedded.storage import Stored

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_CRASH_BACKOFF_S = 10.0
_CRASH_BACKOFF_MAX_S = 300.0


class Fate(StrEnum):
    """What becomes of a container."""

    RUNS = "runs"
    CANNOT_PULL = "cannot pull"
    CRASHES = "crashes"


def fate_of(image: str) -> Fate:
    """Read the fate of a container from its image's tag."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    if tag == "fail":
        return Fate.CANNOT_PULL
    return Fate.CRASHES if tag == "crash" else Fate.RUNS


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Move one Pod a step on in its life."""
    stored = cluster.storage.get(PODS.storage_key, key)
    if stored is None:
        return
    pod = stored.load()
    status = pod.get("status") or {}
    if "deletionTimestamp" in pod["metadata"]:
        _end(cluster, stored)
    elif status.get("phase") in ("Succeeded", "Failed"):
        return
    elif not pod["spec"].get("nodeName"):
        _schedule(cluster, key, pod)
    elif not status.get("startTime"):
        _begin(cluster, key, pod)
    else:
        _proceed(cluster, key, pod)


def _end(cluster: EmbeddedCluster, stored: Stored) -> None:
    if not stored.load()["metadata"].get("deletionGracePeriodSeconds"):
        return
    options = DeleteOptions(grace_s=0)
    cluster.soon(_finish, cluster, stored.key, options)


def _finish(cluster: EmbeddedCluster, key: str, options: DeleteOptions) -> None:
    stored = cluster.storage.get(PODS.storage_key, key)
    if stored is not None:
        cluster.deleter.delete(PODS, stored, options)


def fits(node: Mapping[str, Any], selector: Mapping[str, str]) -> bool:
    """Tell whether a node has all the labels that a Pod wants."""
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def nodes(cluster: EmbeddedCluster) -> Iterator[Body]:
    """Give the nodes that take Pods."""
    for stored in cluster.storage.shelf(NODES.storage_key).sorted():
        node = stored.load()
        if not node.get("spec", {}).get("unschedulable"):
            yield node


def _schedule(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    selector = pod["spec"].get("nodeSelector") or {}
    fitting = [node for node in nodes(cluster) if fits(node, selector)]
    now = cluster.now()
    bound = {"type": "PodScheduled", "status": "True"}
    if not fitting:
        refused = bound | {
            "status": "False",
            "reason": "Unschedulable",
            "message": "0 nodes are available: no node matched the Pod's node affinity/selector.",
        }
        status = dict(pod["status"])
        status["conditions"] = with_condition(status.get("conditions") or (), refused, now)
        write_status(cluster, PODS, key, status, manager=SCHEDULER)
        return
    choice = hashlib.blake2b(key.encode(), digest_size=2).digest()
    node = fitting[int.from_bytes(choice) % len(fitting)]["metadata"]["name"]

    status = dict(pod["status"])
    status["conditions"] = with_condition(status.get("conditions") or (), bound, now)
    spec = {**pod["spec"], "nodeName": node}
    cluster.storage.put(PODS.storage_key, key, {**pod, "spec": spec, "status": status})


def _address(pod: Mapping[str, Any]) -> str:
    drawn = hashlib.blake2b(pod["metadata"]["uid"].encode(), digest_size=3).digest()
    return f"10.244.{drawn[0]}.{drawn[1] % 254 + 1}"


def _begin(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    """Let the kubelet take the Pod: containers are being created."""
    now = cluster.now()
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    status = dict(pod["status"])
    status |= {
        "phase": "Pending",
        "hostIP": "192.168.0.10",
        "hostIPs": [{"ip": "192.168.0.10"}],
        "startTime": now,
        "containerStatuses": [
            _container(spec, waiting, ready=False) for spec in pod["spec"]["containers"]
        ],
    }
    status["conditions"] = _conditions(pod, now, started=False, ready=False)
    write_status(cluster, PODS, key, status, manager=KUBELET)
    cluster.runtime.start_timer(pod["metadata"]["uid"], cluster.runtime.timing.pod_start_s)


def _container(
    spec: Mapping[str, Any],
    state: Body,
    *,
    ready: bool,
    restarts: int = 0,
    last: Body | None = None,
) -> Body:
    running = "running" in state
    digest = hashlib.sha256(spec["image"].encode()).hexdigest()
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": f"{spec['image'].partition(':')[0]}@sha256:{digest}" if running else "",
        **({"containerID": f"containerd://{digest}"} if running else {}),
        "ready": ready,
        "started": running,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def _conditions(pod: Body, now: str, *, started: bool, ready: bool) -> list[Body]:
    names = [spec["name"] for spec in pod["spec"]["containers"]]
    unready: Body = {}
    if not ready:
        text = f"containers with unready status: [{' '.join(names)}]"
        unready = {"reason": "ContainersNotReady", "message": text}
    states: tuple[tuple[str, bool, Body], ...] = (
        ("PodReadyToStartContainers", started, {}),
        ("Initialized", True, {}),
        ("Ready", ready, unready),
        ("ContainersReady", ready, unready),
    )
    held: Sequence[Body] = pod["status"].get("conditions") or ()
    for kind, holds, why in states:
        plain = [
            {k: v for k, v in entry.items() if k not in ("reason", "message")}
            if entry["type"] == kind
            else entry
            for entry in held
        ]
        held = with_condition(
            plain, {"type": kind, "status": "True" if holds else "False", **why}, now
        )
    return list(held)


def _proceed(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    """Let the containers come to their fate when their time has come."""
    status = pod["status"]
    left_s = cluster.runtime.left_s(pod["metadata"]["uid"])
    if left_s > 0:
        cluster.runtime.wake(CONTROLLER, key, left_s)
        return
    fates = [fate_of(spec["image"]) for spec in pod["spec"]["containers"]]
    if Fate.CANNOT_PULL in fates:
        _fail_to_pull(cluster, key, pod)
    elif Fate.CRASHES in fates:
        _crash(cluster, key, pod)
    elif _ends(pod):
        _succeed(cluster, key, pod)
    elif status["phase"] != "Running" or podset.ready_since(pod) is None:
        _run(cluster, key, pod)


def _ends(pod: Mapping[str, Any]) -> bool:
    return bool(pod["spec"].get("restartPolicy", "Always") != "Always")


def _addressed(pod: Body, status: Body) -> Body:
    address = _address(pod)
    return {**status, "podIP": address, "podIPs": [{"ip": address}]}


def _run(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    now = cluster.now()
    status = _addressed(pod, pod["status"]) | {
        "phase": "Running",
        "containerStatuses": [
            _container(spec, {"running": {"startedAt": now}}, ready=True)
            for spec in pod["spec"]["containers"]
        ],
        "conditions": _conditions(pod, now, started=True, ready=True),
    }
    inits = pod["spec"].get("initContainers") or ()
    if inits:
        ended = _terminated(now, 0)
        status["initContainerStatuses"] = [_container(spec, ended, ready=True) for spec in inits]
    write_status(cluster, PODS, key, status, manager=KUBELET)


def _terminated(now: str, code: int) -> Body:
    reason = "Error" if code else "Completed"
    ended = {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}
    return {"terminated": ended}


def _succeed(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    now = cluster.now()
    status = _addressed(pod, pod["status"]) | {
        "phase": "Succeeded",
        "containerStatuses": [
            _container(spec, _terminated(now, 0), ready=False) for spec in pod["spec"]["containers"]
        ],
    }
    conditions = _conditions(pod, now, started=False, ready=False)
    status["conditions"] = [
        {**entry, "reason": "PodCompleted", "message": ""} if "message" in entry else entry
        for entry in conditions
    ]
    write_status(cluster, PODS, key, status, manager=KUBELET)


def _fail_to_pull(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    now = cluster.now()
    held = {entry["name"]: entry for entry in pod["status"].get("containerStatuses") or ()}
    statuses = []
    backing_off = True
    for spec in pod["spec"]["containers"]:
        before = ((held.get(spec["name"]) or {}).get("state") or {}).get("waiting") or {}
        if fate_of(spec["image"]) is not Fate.CANNOT_PULL:
            running = {"running": {"startedAt": pod["status"]["startTime"]}}
            statuses.append(_container(spec, running, ready=True))
        elif before.get("reason") in ("ErrImagePull", "ImagePullBackOff"):
            text = f'Back-off pulling image "{spec["image"]}"'
            waiting = {"reason": "ImagePullBackOff", "message": text}
            statuses.append(_container(spec, {"waiting": waiting}, ready=False))
        else:
            backing_off = False
            text = f'failed to pull and unpack image "{spec["image"]}": not found'
            waiting = {"reason": "ErrImagePull", "message": text}
            statuses.append(_container(spec, {"waiting": waiting}, ready=False))
    status = _addressed(pod, pod["status"]) | {"phase": "Pending", "containerStatuses": statuses}
    status["conditions"] = _conditions(pod, now, started=True, ready=False)
    write_status(cluster, PODS, key, status, manager=KUBELET)
    if not backing_off:
        cluster.runtime.start_timer(pod["metadata"]["uid"], cluster.runtime.timing.ready_after_s)


def _crash(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    now = cluster.now()
    if pod["spec"].get("restartPolicy") == "Never":
        _fail(cluster, key, pod)
        return
    held = {entry["name"]: entry for entry in pod["status"].get("containerStatuses") or ()}
    statuses, next_s = [], _CRASH_BACKOFF_MAX_S
    for spec in pod["spec"]["containers"]:
        if fate_of(spec["image"]) is not Fate.CRASHES:
            running = {"running": {"startedAt": pod["status"]["startTime"]}}
            statuses.append(_container(spec, running, ready=True))
            continue
        before = held.get(spec["name"]) or {}
        restarts = before.get("restartCount", 0)
        waited_s = _CRASH_BACKOFF_S * 2**restarts
        ended = (before.get("lastState") or {}).get("terminated")
        if ended is not None:
            since = podset.parse_time(ended["finishedAt"])
            left_s = min(waited_s, _CRASH_BACKOFF_MAX_S) - (cluster.time() - since).total_seconds()
            if left_s > 0:
                cluster.runtime.wake(CONTROLLER, key, left_s + 0.5)
                return
            restarts += 1
        next_s = min(next_s, _CRASH_BACKOFF_S * 2**restarts)
        name = f"{pod['metadata']['name']}_{pod['metadata']['namespace']}"
        text = f"back-off {int(next_s)}s restarting failed container={spec['name']} pod={name}"
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
        last = _terminated(now, 1)
        statuses.append(_container(spec, waiting, ready=False, restarts=restarts, last=last))
    status = _addressed(pod, pod["status"]) | {"phase": "Running", "containerStatuses": statuses}
    status["conditions"] = _conditions(pod, now, started=True, ready=False)
    write_status(cluster, PODS, key, status, manager=KUBELET)
    cluster.runtime.wake(CONTROLLER, key, next_s + 0.5)


def _fail(cluster: EmbeddedCluster, key: str, pod: Body) -> None:
    now = cluster.now()
    status = _addressed(pod, pod["status"]) | {
        "phase": "Failed",
        "containerStatuses": [
            _container(spec, _terminated(now, 1), ready=False) for spec in pod["spec"]["containers"]
        ],
        "conditions": _conditions(pod, now, started=False, ready=False),
    }
    write_status(cluster, PODS, key, status, manager=KUBELET)


CONTROLLER = Controller(
    name="pods", reconcile=reconcile, watches={PODS.storage_key: own_key}, prompt=True
)
