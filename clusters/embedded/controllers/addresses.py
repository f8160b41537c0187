"""The load balancer of the imitated cloud: Services and Ingresses get an address."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from clusters.embedded.controllers.runtime import Controller, own_key
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.kinds import SERVICES, built_in

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

_INGRESSES = built_in("networking.k8s.io", "ingresses")
CLOUD = "cloud-controller-manager"


def _drawn(uid: str) -> str:
    """Draw an address out of 203.0.113.0/24, which is set aside for documentation (RFC 5737)."""
    number = hashlib.blake2b(uid.encode(), digest_size=1).digest()[0]
    return f"203.0.113.{number % 254 + 1}"


def reconcile_service(cluster: EmbeddedCluster, key: str) -> None:
    """Give a Service of type LoadBalancer its address, and take it from others."""
    stored = cluster.storage.get(SERVICES.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    service = stored.load()
    balanced = service["spec"].get("type") == "LoadBalancer"
    held = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    if balanced and not held:
        address = {"ip": _drawn(service["metadata"]["uid"]), "ipMode": "VIP"}
        write_status(
            cluster, SERVICES, key, {"loadBalancer": {"ingress": [address]}}, manager=CLOUD
        )
    elif held and not balanced:
        write_status(cluster, SERVICES, key, {"loadBalancer": {}}, manager=CLOUD)


def reconcile_ingress(cluster: EmbeddedCluster, key: str) -> None:
    """Give an Ingress its address."""
    stored = cluster.storage.get(_INGRESSES.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    ingress = stored.load()
    if not ((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
        address = {"ip": _drawn(ingress["metadata"]["uid"])}
        status = {"loadBalancer": {"ingress": [address]}}
        write_status(cluster, _INGRESSES, key, status, manager="ingress-controller")


SERVICE_CONTROLLER = Controller(
    name="services", reconcile=reconcile_service, watches={SERVICES.storage_key: own_key}
)
INGRESS_CONTROLLER = Controller(
    name="ingresses", reconcile=reconcile_ingress, watches={_INGRESSES.storage_key: own_key}
)
