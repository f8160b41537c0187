"""Prometheus metrics, named after Flux's and Argo CD's where those have a twin.

Gauges are made from the state at each scrape, so they cannot go stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector
from prometheus_client import Counter as CounterMetric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from clusters.client.breaker import Circuit
from clusters.model import ClusterName
from fleet.presenting.views import Picture, cluster_view, placement_views


class Metrics:
    """All metrics of one server.

    Args:
        circuits: whether requests pass to each cluster.
    """

    def __init__(self, circuits: Callable[[], Mapping[ClusterName, Circuit]] = dict) -> None:
        self._circuits = circuits
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.events = CounterMetric(
            "flotilla_events_total",
            "Facts written to the audit log",
            ["kind"],
            registry=self._registry,
        )
        self._clusters = Gauge(
            "flotilla_clusters", "Clusters by state", ["state"], registry=self._registry
        )
        self._connection = Gauge(
            "flotilla_cluster_connection_status",
            "1 while the API server of the cluster answers (argocd_cluster_connection_status)",
            ["cluster"],
            registry=self._registry,
        )
        self._circuit = Gauge(
            "flotilla_cluster_circuit",
            "1 for the state of the circuit breaker before the cluster",
            ["cluster", "state"],
            registry=self._registry,
        )
        self._resources = Gauge(
            "flotilla_resource_info",
            "Bundles on clusters by state (gotk_resource_info, argocd_app_info)",
            ["cluster", "bundle", "state", "health", "revision"],
            registry=self._registry,
        )
        self._objects = Gauge(
            "flotilla_cluster_objects",
            "Objects we manage on a cluster",
            ["cluster"],
            registry=self._registry,
        )
        self._audit = Gauge(
            "flotilla_audit_disagreements",
            "Objects that an audit found changed though nothing had told of it",
            ["cluster"],
            registry=self._registry,
        )
        self._drift = Gauge(
            "flotilla_drifted_objects",
            "Objects that somebody else changed",
            ["cluster"],
            registry=self._registry,
        )

    def render(self, picture: Picture) -> tuple[bytes, str]:
        """The exposition text and its content type."""
        for gauge in (
            self._clusters,
            self._connection,
            self._circuit,
            self._resources,
            self._objects,
            self._drift,
            self._audit,
        ):
            gauge.clear()
        for cluster, circuit in self._circuits().items():
            for state in Circuit:
                self._circuit.labels(cluster, state.value).set(state is circuit)
        states: Counter[str] = Counter()
        for name in picture.state.clusters:
            view = cluster_view(picture, name)
            states[view.state.value] += 1
            self._connection.labels(name).set(picture.observed.contact(name).connected)
            self._objects.labels(name).set(view.objects)
            self._drift.labels(name).set(view.drifted)
            found = picture.state.clusters[name].disagreements
            self._audit.labels(name).set(len(found))
            for bundle in placement_views(picture, name):
                self._resources.labels(
                    name, bundle.bundle, bundle.state.value, bundle.health, bundle.revision[:8]
                ).set(1)
        for name_of_state, count in states.items():
            self._clusters.labels(name_of_state).set(count)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
