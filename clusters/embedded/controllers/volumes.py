"""The volume controllers: every claim of the default class gets a volume, and is bound to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers.runtime import CONTROLLER_MANAGER, Controller, own_key, path_to
from clusters.embedded.controllers.writing import create, write_status
from clusters.embedded.deleting import DeleteOptions
from clusters.embedded.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, built_in
from clusters.embedded.requests import WriteOptions
from clusters.embedded.strategies import CLAIM_PROTECTION, VOLUME_PROTECTION

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_CLASSES = built_in("storage.k8s.io", "storageclasses")
_USE_PASS_S = 0.5


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Provision and bind a claim, or let it go when no Pod uses it."""
    stored = cluster.storage.get(PERSISTENT_VOLUME_CLAIMS.storage_key, key)
    if stored is None:
        return
    claim = stored.load()
    if "deletionTimestamp" in claim["metadata"]:
        _let_go(cluster, key, claim)
    elif (claim.get("status") or {}).get("phase") != "Bound":
        _bind(cluster, key, claim)


def _bind(cluster: EmbeddedCluster, key: str, claim: Body) -> None:
    spec = claim["spec"]
    storage_class = cluster.storage.get(_CLASSES.storage_key, spec.get("storageClassName") or "")
    name = spec.get("volumeName") or ""
    if not name and storage_class is None:
        return
    waits = storage_class is not None and _waits_for_a_pod(storage_class.load())
    if not name and waits and not _is_used(cluster, key):
        cluster.runtime.wake(CLAIMS, key, _USE_PASS_S)
        return
    if not name:
        name = f"pvc-{claim['metadata']['uid']}"
        if cluster.storage.get(PERSISTENT_VOLUMES.storage_key, name) is None:
            policy = storage_class.load().get("reclaimPolicy", "Delete") if storage_class else ""
            create(cluster, PERSISTENT_VOLUMES, _volume(name, claim, policy))
    volume = cluster.storage.get(PERSISTENT_VOLUMES.storage_key, name)
    if volume is None:
        return
    write_status(cluster, PERSISTENT_VOLUMES, name, {"phase": "Bound"})

    def change(body: Body) -> Body:
        metadata = dict(body["metadata"])
        annotations = dict(metadata.get("annotations") or {})
        annotations["pv.kubernetes.io/bind-completed"] = "yes"
        annotations["pv.kubernetes.io/bound-by-controller"] = "yes"
        metadata["annotations"] = annotations
        return {**body, "metadata": metadata, "spec": {**body["spec"], "volumeName": name}}

    options = WriteOptions(manager=CONTROLLER_MANAGER)
    path = path_to(PERSISTENT_VOLUME_CLAIMS, key)
    cluster.objects.patch(PERSISTENT_VOLUME_CLAIMS, path, change, options)
    status = {
        "phase": "Bound",
        "accessModes": spec.get("accessModes") or [],
        "capacity": volume.load()["spec"].get("capacity") or {},
    }
    write_status(cluster, PERSISTENT_VOLUME_CLAIMS, key, status)


def _waits_for_a_pod(storage_class: Body) -> bool:
    return bool(storage_class.get("volumeBindingMode") == "WaitForFirstConsumer")


def _volume(name: str, claim: Body, policy: str) -> Body:
    metadata, spec = claim["metadata"], claim["spec"]
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage", "1Gi")
    reference = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": spec.get("accessModes") or [],
            "capacity": {"storage": asked},
            "claimRef": reference,
            "hostPath": {"path": f"/var/lib/embedded/{name}"},
            "persistentVolumeReclaimPolicy": policy,
            "storageClassName": spec.get("storageClassName", ""),
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }


def _is_used(cluster: EmbeddedCluster, key: str) -> bool:
    namespace, _, name = key.rpartition("/")
    for stored in cluster.storage.shelf(PODS.storage_key).sorted():
        if stored.namespace != namespace or b'"persistentVolumeClaim"' not in stored.raw:
            continue
        for volume in stored.load()["spec"].get("volumes") or ():
            if (volume.get("persistentVolumeClaim") or {}).get("claimName") == name:
                return True
    return False


def _let_go(cluster: EmbeddedCluster, key: str, claim: Body) -> None:
    if _is_used(cluster, key):
        cluster.runtime.wake(CLAIMS, key, _USE_PASS_S)
        return
    _drop_finalizer(cluster, key, CLAIM_PROTECTION)
    name = claim["spec"].get("volumeName", "")
    volume = cluster.storage.get(PERSISTENT_VOLUMES.storage_key, name)
    if volume is None:
        return
    if volume.load()["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
        cluster.deleter.delete(PERSISTENT_VOLUMES, volume, DeleteOptions())
    else:
        write_status(cluster, PERSISTENT_VOLUMES, name, {"phase": "Released"})


def _drop_finalizer(cluster: EmbeddedCluster, key: str, finalizer: str) -> None:
    resource = PERSISTENT_VOLUMES if finalizer == VOLUME_PROTECTION else PERSISTENT_VOLUME_CLAIMS

    def change(body: Body) -> Body:
        metadata = dict(body["metadata"])
        held = metadata.get("finalizers") or ()
        metadata["finalizers"] = [entry for entry in held if entry != finalizer]
        return {**body, "metadata": metadata}

    options = WriteOptions(manager=CONTROLLER_MANAGER)
    cluster.objects.patch(resource, path_to(resource, key), change, options)


def reconcile_volume(cluster: EmbeddedCluster, name: str) -> None:
    """Make a new volume available, and let a deleted one go when no claim holds it."""
    stored = cluster.storage.get(PERSISTENT_VOLUMES.storage_key, name)
    if stored is None:
        return
    volume = stored.load()
    if "deletionTimestamp" not in volume["metadata"]:
        if (volume.get("status") or {}).get("phase") == "Pending" and not volume["spec"].get(
            "claimRef"
        ):
            write_status(cluster, PERSISTENT_VOLUMES, name, {"phase": "Available"})
        return
    reference = volume["spec"].get("claimRef") or {}
    key = f"{reference.get('namespace')}/{reference.get('name')}"
    claim = cluster.storage.get(PERSISTENT_VOLUME_CLAIMS.storage_key, key)
    if claim is None or b'"deletionTimestamp"' in claim.raw:
        _drop_finalizer(cluster, name, VOLUME_PROTECTION)


CLAIMS = Controller(
    name="volume claims",
    reconcile=reconcile,
    watches={PERSISTENT_VOLUME_CLAIMS.storage_key: own_key},
)
VOLUMES = Controller(
    name="volumes",
    reconcile=reconcile_volume,
    watches={PERSISTENT_VOLUMES.storage_key: own_key},
)
