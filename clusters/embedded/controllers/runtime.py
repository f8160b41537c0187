"""The work queue of one cluster's controllers.

Writes to the store wake the controllers that care, once per object however many writes came;
a controller may also ask to be woken later.  There is no task and no thread per cluster: all
waiting is in the timer heap of the one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.embedded.kinds import Resource, StorageKey
from clusters.embedded.requests import ResourcePath
from clusters.embedded.status import ApiStatus
from clusters.embedded.storage import Event

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

_log = logging.getLogger(__name__)

Body = dict[str, Any]
KeysOf = Callable[["EmbeddedCluster", Event], Iterable[str]]
"""Which objects of the controller an event is about."""

CONTROLLER_MANAGER = "kube-controller-manager"
KUBELET = "kubelet"
SCHEDULER = "kube-scheduler"
API_SERVER = "kube-apiserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How fast the imitated cluster is."""

    ready_after_s: float = 2.0
    """From the creation of a workload until it is ready."""
    reaction_s: float = 0.25
    """From a change until the workload controllers notice it."""

    @classmethod
    def of(cls, ready_after_s: float) -> Timing:
        """Choose a reaction that fits: a cluster that is ready at once reacts at once."""
        return cls(ready_after_s=ready_after_s, reaction_s=min(0.25, ready_after_s / 8))

    @property
    def pod_start_s(self) -> float:
        """From the creation of a Pod until it runs: what four reactions leave of the whole."""
        return max(self.ready_after_s - 4 * self.reaction_s, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One controller: what wakes it, how soon, and what it does then."""

    name: str
    reconcile: Callable[[EmbeddedCluster, str], None]
    watches: Mapping[StorageKey, KeysOf]
    prompt: bool = False
    """Woken at once, and not after the reaction time."""


def own_key(cluster: EmbeddedCluster, event: Event) -> Iterable[str]:
    """Wake for the object itself."""
    return (event.current.key,)


class Runtime:
    """Wakes the controllers of one cluster."""

    def __init__(
        self, cluster: EmbeddedCluster, controllers: Sequence[Controller], timing: Timing
    ) -> None:
        self.timing = timing
        self._cluster = cluster
        self._watchers: dict[StorageKey, list[tuple[Controller, KeysOf]]] = {}
        for controller in controllers:
            for resource, keys_of in controller.watches.items():
                self._watchers.setdefault(resource, []).append((controller, keys_of))
        self._pending: dict[tuple[str, str], asyncio.TimerHandle | asyncio.Handle] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._timers: dict[str, float] = {}

    def start_timer(self, name: str, seconds: float) -> None:
        """Start a timer that `left_s` reads; finer than the seconds that objects carry."""
        self._timers[name] = self._loop.time() + seconds

    def left_s(self, name: str) -> float:
        """Give what a timer has left; 0 for one that ran out, or never was."""
        left_s = self._timers.get(name, 0.0) - self._loop.time()
        if left_s <= 0:
            self._timers.pop(name, None)
        return max(left_s, 0.0)

    def notice(self, event: Event) -> None:
        """Wake whom an event concerns; a listener of the store."""
        for controller, keys_of in self._watchers.get(event.resource, ()):
            for key in keys_of(self._cluster, event):
                self.wake(controller, key)

    def wake(self, controller: Controller, key: str, delay_s: float | None = None) -> None:
        """Let a controller look at an object, in `delay_s` or its own time, once."""
        if self._closed:
            return
        if delay_s is None:
            delay_s = 0.0 if controller.prompt else self.timing.reaction_s
        slot = (controller.name, key)
        due = self._loop.time() + delay_s
        waiting = self._pending.get(slot)
        if isinstance(waiting, asyncio.TimerHandle):
            if waiting.when() <= due:
                return
            waiting.cancel()
        elif waiting is not None:
            return
        if delay_s > 0:
            handle: asyncio.Handle = self._loop.call_at(due, self._run, controller, key)
        else:
            handle = self._loop.call_soon(self._run, controller, key)
        self._pending[slot] = handle

    def close(self) -> None:
        """Wake nobody any more."""
        self._closed = True
        for handle in self._pending.values():
            handle.cancel()
        self._pending.clear()

    def _run(self, controller: Controller, key: str) -> None:
        del self._pending[controller.name, key]
        try:
            controller.reconcile(self._cluster, key)
        except ApiStatus as refused:
            _log.info("%s: %s %s: %s", self._cluster.name, controller.name, key, refused.message)


def path_to(resource: Resource, key: str, subresource: str = "") -> ResourcePath:
    """Name a stored object as a request would."""
    namespace, _, name = key.rpartition("/")
    return ResourcePath(
        group=resource.group,
        version=resource.version,
        namespace=namespace,
        plural=resource.plural,
        name=name,
        subresource=subresource,
    )


def owner_reference(resource: Resource, owner: Mapping[str, Any]) -> Body:
    """Name an object as the controlling owner of another."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def with_condition(
    conditions: Sequence[Mapping[str, Any]], new: Mapping[str, Any], now: str
) -> list[Body]:
    """Set a condition; its transition time moves only when its status does."""
    out = []
    found = False
    for held in conditions:
        if held.get("type") != new["type"]:
            out.append(dict(held))
            continue
        found = True
        moved = held.get("status") != new["status"]
        since = now if moved else held.get("lastTransitionTime", now)
        out.append({**held, **new, "lastTransitionTime": since})
    if not found:
        out.append({**new, "lastTransitionTime": now})
    return out
