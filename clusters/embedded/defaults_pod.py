"""What the server fills in in a pod, wherever it is written down.

After `SetDefaults_*` of k8s.io/kubernetes pkg/apis/core/v1; `admitted` after the admission plugins
that every cluster runs (ServiceAccount, Priority, DefaultTolerationSeconds).  Works in place, as
`defaults` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clusters.embedded.tree import Tree, fill, items

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_EVICTION_DELAY_S: Final = 300
_MODE: Final = 420
"""0644, as JSON has it."""


def template(content: Tree) -> None:
    """Fill in a pod template."""
    if content.get("spec") is None:
        content["spec"] = {}
    pod_spec(content["spec"])


def pod(content: Tree) -> None:
    """Fill in a pod."""
    template(content)
    spec = content["spec"]
    fill(spec, enableServiceLinks=True)
    for container in _containers(spec):
        limits = (container.get("resources") or {}).get("limits")
        if limits:
            requests = container["resources"].setdefault("requests", {})
            for name, amount in limits.items():
                requests.setdefault(name, amount)


def admitted(content: Tree) -> None:
    """Give a new pod what admission gives it.

    That comes after ownership is tracked: nobody owns these fields.
    """
    spec = content["spec"]
    fill(spec, serviceAccountName="default", priority=0)
    fill(spec, serviceAccount=spec["serviceAccountName"])
    fill(spec, preemptionPolicy="PreemptLowerPriority")
    _tolerate(spec)


def _tolerate(spec: Tree) -> None:
    tolerations = list(spec.get("tolerations") or ())
    for condition in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{condition}"
        if any(
            item.get("key") in (key, None, "") and item.get("effect") in ("NoExecute", None, "")
            for item in tolerations
        ):
            continue
        tolerations.append(
            {
                "key": key,
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": _EVICTION_DELAY_S,
            }
        )
    spec["tolerations"] = tolerations


def _containers(spec: Tree) -> Iterator[Tree]:
    for name in ("initContainers", "containers", "ephemeralContainers"):
        yield from items(spec, name)


def pod_spec(spec: Tree) -> None:
    """Fill in what every pod spec gets."""
    fill(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        securityContext={},
        schedulerName="default-scheduler",
    )
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in _containers(spec):
        _container(container)
        if spec.get("hostNetwork"):
            for port in items(container, "ports"):
                fill(port, hostPort=port.get("containerPort", 0))
    for volume in items(spec, "volumes"):
        if not volume.keys() - {"name"}:
            volume["emptyDir"] = {}
        volume_source(volume)


def _container(container: Tree) -> None:
    fill(
        container,
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(container.get("image") or ""),
        resources={},
    )
    for port in items(container, "ports"):
        fill(port, protocol="TCP")
    for env in items(container, "env"):
        reference = (env.get("valueFrom") or {}).get("fieldRef")
        if reference:
            fill(reference, apiVersion="v1")
        resource = (env.get("valueFrom") or {}).get("resourceFieldRef")
        if resource:
            fill(resource, divisor="0")
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
            _handler(probe)
    for hook in (container.get("lifecycle") or {}).values():
        if isinstance(hook, dict):
            _handler(hook)


def _pull_policy(image: str) -> str:
    name = image.partition("@")[0]
    _, colon, tag = name.rpartition("/")[2].partition(":")
    latest = tag == "latest" or (not colon and "@" not in image)
    return "Always" if latest else "IfNotPresent"


def _handler(handler: Tree) -> None:
    http = handler.get("httpGet")
    if http is not None:
        fill(http, path="/", scheme="HTTP")
    grpc = handler.get("grpc")
    if grpc is not None:
        fill(grpc, service="")


def volume_source(volume: Tree) -> None:
    """Fill in where a volume comes from."""
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        source = volume.get(name)
        if source is not None:
            fill(source, defaultMode=_MODE)
            _fields(source)
    for source in items(volume.get("projected") or {}, "sources"):
        if source.get("serviceAccountToken") is not None:
            fill(source["serviceAccountToken"], expirationSeconds=3600)
        _fields(source.get("downwardAPI") or {})
    if volume.get("hostPath") is not None:
        fill(volume["hostPath"], type="")
    if volume.get("iscsi") is not None:
        fill(volume["iscsi"], iscsiInterface="default")
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim is not None:
        fill(claim.setdefault("spec", {}), volumeMode="Filesystem")


def _fields(source: Tree) -> None:
    for item in items(source, "items"):
        if item.get("fieldRef") is not None:
            fill(item["fieldRef"], apiVersion="v1")
        if item.get("resourceFieldRef") is not None:
            fill(item["resourceFieldRef"], divisor="0")
