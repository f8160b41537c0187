"""The addresses that a Service gets: cluster IP, families, node ports.

Addresses are drawn from the Service's uid, out of the ranges of a usual cluster (10.96.0.0/12,
30000-32767); a write that leaves them out keeps those that the Service has, as the real
registry's patchAllocatedValues does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]

_NODE_PORTS = range(30000, 32768)
_KEPT = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")


def _drawn(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())


def cluster_ip(uid: str) -> str:
    """Draw a cluster IP."""
    number = _drawn(uid)
    return f"10.{96 + (number >> 16) % 16}.{(number >> 8) % 256}.{number % 254 + 1}"


def node_port(uid: str, port: int) -> int:
    """Draw a node port."""
    return _NODE_PORTS[_drawn(f"{uid}/{port}") % len(_NODE_PORTS)]


def allocate(old: Mapping[str, Any] | None, service: Body) -> None:
    """Give a Service the addresses of its type, in place."""
    spec = service["spec"]
    uid = service["metadata"]["uid"]
    if spec.get("type") == "ExternalName":
        for field in _KEPT:
            spec.pop(field, None)
        return
    before = (old or {}).get("spec") or {}
    if before.get("type") != "ExternalName":
        for field in _KEPT:
            if field in before and not spec.get(field):
                spec[field] = before[field]
    if not spec.get("clusterIP"):
        listed = spec.get("clusterIPs")
        spec["clusterIP"] = listed[0] if listed else cluster_ip(uid)
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if not (spec["clusterIP"] == "None" and not spec.get("selector")):
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    _node_ports(spec, before, uid)


def _node_ports(spec: Body, before: Mapping[str, Any], uid: str) -> None:
    wanted = spec.get("type") == "NodePort" or (
        spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    held = {
        (port.get("protocol"), port["port"]): port["nodePort"]
        for port in before.get("ports") or ()
        if port.get("nodePort")
    }
    for port in spec.get("ports") or ():
        if not wanted:
            if before and spec.get("type") == "ClusterIP":
                port.pop("nodePort", None)
        elif not port.get("nodePort"):
            same = (port.get("protocol"), port["port"])
            port["nodePort"] = held.get(same) or node_port(uid, port["port"])
