"""What is available because Pods are: API services behind a Service, and disruption budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import API_SERVER, Controller, own_key, with_condition
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.kinds import API_SERVICES, PODS, SERVICES, built_in
from clusters.embedded.storage import Event

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_BUDGETS = built_in("policy", "poddisruptionbudgets")


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether a LabelSelector selects these labels; an empty one selects all."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for term in selector.get("matchExpressions") or ():
        held, values = labels.get(term["key"]), term.get("values") or ()
        fits = {
            "In": held in values,
            "NotIn": held not in values,
            "Exists": held is not None,
            "DoesNotExist": held is None,
        }
        if not fits.get(term["operator"], False):
            return False
    return True


def _pods(cluster: EmbeddedCluster, namespace: str, selector: Mapping[str, Any]) -> list[Body]:
    return [
        stored.load()
        for stored in cluster.storage.shelf(PODS.storage_key).sorted()
        if stored.namespace == namespace and matches(selector, stored.labels)
    ]


def reconcile_api_service(cluster: EmbeddedCluster, name: str) -> None:
    """Tell whether what an APIService points to answers."""
    stored = cluster.storage.get(API_SERVICES.storage_key, name)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    body = stored.load()
    status, reason, message = _reachable(cluster, body["spec"].get("service"))
    new = {"type": "Available", "status": status, "reason": reason, "message": message}
    held = (body.get("status") or {}).get("conditions") or ()
    conditions = with_condition(held, new, cluster.now())
    write_status(cluster, API_SERVICES, name, {"conditions": conditions}, manager=API_SERVER)


def _reachable(
    cluster: EmbeddedCluster, reference: Mapping[str, Any] | None
) -> tuple[str, str, str]:
    if not reference:
        return "True", "Local", "Local APIServices are always available"
    namespace, name = reference.get("namespace", ""), reference.get("name", "")
    service = cluster.storage.get(SERVICES.storage_key, f"{namespace}/{name}")
    if service is None:
        return "False", "ServiceNotFound", f'service/{name} in "{namespace}" is not present'
    selector = service.load()["spec"].get("selector") or {}
    pods = _pods(cluster, namespace, {"matchLabels": selector}) if selector else []
    if not any(podset.ready_since(pod) for pod in pods):
        text = f'endpoints for service/{name} in "{namespace}" have no addresses'
        return "False", "MissingEndpoints", text
    return "True", "Passed", "all checks passed"


def _services_behind(cluster: EmbeddedCluster, event: Event) -> Iterable[str]:
    for stored in cluster.storage.shelf(API_SERVICES.storage_key).sorted():
        reference = stored.load()["spec"].get("service") or {}
        if reference.get("namespace") == event.current.namespace:
            yield stored.key


def reconcile_budget(cluster: EmbeddedCluster, key: str) -> None:
    """Count how many Pods may be disrupted."""
    stored = cluster.storage.get(_BUDGETS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    body = stored.load()
    spec = body["spec"]
    selector = spec.get("selector")
    pods = _pods(cluster, stored.namespace, selector) if selector is not None else []
    active = [pod for pod in pods if podset.is_active(pod)]
    healthy = sum(podset.ready_since(pod) is not None for pod in active)
    total = len(active)
    if spec.get("minAvailable") is not None:
        needed = podset.scaled(spec["minAvailable"], total, up=True)
    else:
        needed = total - podset.scaled(spec.get("maxUnavailable"), total, up=True)
    allowed = max(healthy - needed, 0) if total else 0
    new = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": body["metadata"]["generation"],
    }
    held = (body.get("status") or {}).get("conditions") or ()
    status = {
        "conditions": with_condition(held, new, cluster.now()),
        "currentHealthy": healthy,
        "desiredHealthy": max(needed, 0),
        "disruptionsAllowed": allowed,
        "expectedPods": total,
        "observedGeneration": body["metadata"]["generation"],
    }
    write_status(cluster, _BUDGETS, key, status)


def _budgets_of(cluster: EmbeddedCluster, event: Event) -> Iterable[str]:
    for stored in cluster.storage.shelf(_BUDGETS.storage_key).sorted():
        if stored.namespace == event.current.namespace:
            yield stored.key


API_SERVICE_CONTROLLER = Controller(
    name="api services",
    reconcile=reconcile_api_service,
    watches={
        API_SERVICES.storage_key: own_key,
        SERVICES.storage_key: _services_behind,
        PODS.storage_key: _services_behind,
    },
)
BUDGET_CONTROLLER = Controller(
    name="disruption budgets",
    reconcile=reconcile_budget,
    watches={_BUDGETS.storage_key: own_key, PODS.storage_key: _budgets_of},
)
