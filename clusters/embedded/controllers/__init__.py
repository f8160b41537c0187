"""Controllers that imitate what a cluster does to the objects applied to it.

Each module is one controller, level-triggered: told that something about an object changed, it
looks at what is there and writes what a real controller would write, under the name that a real
one uses.  `runtime` wakes them; no controller keeps state of its own but the collector, whose
index of owners can be rebuilt from the store.
"""

from __future__ import annotations

from clusters.embedded.controllers import (
    addresses,
    autoscalers,
    availability,
    cron_jobs,
    daemon_sets,
    definitions,
    deployments,
    jobs,
    namespaces,
    pods,
    replica_sets,
    stateful_sets,
    volumes,
)

CONTROLLERS = (
    namespaces.CONTROLLER,
    definitions.CONTROLLER,
    deployments.CONTROLLER,
    replica_sets.CONTROLLER,
    stateful_sets.CONTROLLER,
    daemon_sets.CONTROLLER,
    jobs.CONTROLLER,
    cron_jobs.CONTROLLER,
    pods.CONTROLLER,
    volumes.CLAIMS,
    volumes.VOLUMES,
    addresses.SERVICE_CONTROLLER,
    addresses.INGRESS_CONTROLLER,
    autoscalers.CONTROLLER,
    availability.API_SERVICE_CONTROLLER,
    availability.BUDGET_CONTROLLER,
)
