"""Takes, renews and lets go of the right to write to one cluster (see `lease`).

Costs a read and a write when a connection is made and a write every half minute, however many
objects there are: each write to the cluster asks only `check`, which looks at a clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from clusters.bookkeeping.lease import (
    LEASE_NAMESPACE,
    Held,
    WriteRight,
    lost_to,
    obstacle,
    read_spec,
    spec_of,
)
from clusters.client.transport import Reply, Transport
from clusters.client.wire import decode_object
from clusters.errors import ClusterError, Conflict, Fenced, Forbidden, NotFound
from clusters.model import ClusterName

_NAMESPACES = "/api/v1/namespaces"
_LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{LEASE_NAMESPACE}/leases"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_RETRY_S = 5.0
_RELEASE_TIMEOUT_S = 2.0


def _awake_s() -> float:
    """Seconds of a clock that also runs while the machine sleeps, where there is one."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class LeaseKeeper:
    """Keeps the right to write to one cluster while connected.

    Args:
        transport: the connection.
        cluster: its name here.
        right: who asks, for which fleet, on which terms.
        lost: called when it is lost for good.
        now: the time in UTC, as other servers see it.
        awake_s: seconds that only ever grow, sleep included.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        cluster: ClusterName,
        right: WriteRight,
        lost: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        awake_s: Callable[[], float] = _awake_s,
    ) -> None:
        self._transport = transport
        self._name = f"flotilla-writer.{right.fleet}"
        self._cluster = cluster
        self._writer = right.writer
        self._terms = right.terms
        self._lost = lost
        self._now = now
        self._awake_s = awake_s
        self._object: dict[str, Any] = {}
        self._renewed_s: float | None = None
        self.trouble: Fenced | None = None
        """Why the right is lost for good; None: it is not."""
        self.generation = 0
        """Of the right, while it is ours."""

    def check(self) -> None:
        """Let a write pass, or not.

        Raises:
            Fenced: the right is lost, or was not renewed in time.
        """
        if self.trouble is not None:
            raise self.trouble
        quiet_s = self._awake_s() - self._renewed_s if self._renewed_s is not None else None
        if quiet_s is None or quiet_s > self._terms.usable_s:
            raise Fenced(
                "the right to write to this cluster was not renewed in time, another server may "
                "have it by now: nothing is written until it is"
            )

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Take the right, renew it meanwhile, and let go of it when the server stops.

        Raises:
            Fenced: another server has it.
            ClusterError: the cluster does not let us ask.
        """
        await self.acquire()
        task = asyncio.get_running_loop().create_task(self._keep(), name=f"lease {self._cluster}")
        try:
            yield
        except asyncio.CancelledError:
            # First the end of a renewal that is under way: the cluster may have taken it already.
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._release()
            raise
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def acquire(self) -> None:
        """Take the right, or make sure of it.

        Raises:
            Fenced: another server has it.
            ClusterError: the cluster does not let us ask.
        """
        try:
            for _ in range(3):
                with suppress(Conflict):
                    await self._acquire()
                    return
            raise Fenced("several servers ask for the right to write to this cluster at once")
        except Forbidden as error:
            raise Fenced(
                f"may not keep the lease that says who writes to this cluster ({error.message}); "
                f"allow get, create and update of leases in namespace {LEASE_NAMESPACE}"
            ) from error

    async def renew(self) -> None:
        """Renew the right once.

        Raises:
            Fenced: another server has taken it.
            ClusterError: it could not be asked.
        """
        try:
            await self._write(self._held())
        except (Conflict, NotFound):
            # Somebody else wrote: a person (then it still is ours), or the next holder.
            await self._acquire(only_own=True)

    def _held(self, generation: int | None = None) -> Held:
        return Held(
            identity=self._writer.identity(self._cluster),
            generation=self.generation if generation is None else generation,
            renewed_at=self._now(),
            duration_s=self._terms.duration_s,
        )

    async def _acquire(self, *, only_own: bool = False) -> None:
        self._object = await self._read()
        known = read_spec(self._object.get("spec") or {})
        mine = known.identity == self._writer.identity(self._cluster)
        if not mine and only_own and known.identity:
            raise lost_to(known)
        if problem := obstacle(known, self._writer, self._cluster, self._now()):
            raise problem
        self.generation = known.generation if mine else known.generation + 1
        spent_s = known.duration_s - known.left_s(self._now())
        if mine and not only_own and 0 <= spent_s < self._terms.renew_s:
            self._renewed_s = self._awake_s() - spent_s  # a short interruption: nothing to write
        else:
            await self._write(self._held())

    async def _read(self) -> dict[str, Any]:
        try:
            reply = await self._transport.send("GET", f"{_LEASES}/{self._name}")
        except NotFound:
            return {}
        return decode_object(reply.body)

    async def _write(self, held: Held) -> None:
        """Write under the version that was read: of two servers at once, one gets a conflict."""
        asked_s = self._awake_s()
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": self._object.get("metadata")
            or {"name": self._name, "namespace": LEASE_NAMESPACE},
            "spec": {**(self._object.get("spec") or {}), **spec_of(held)},
        }
        if self._object:
            path, text = f"{_LEASES}/{self._name}", msgspec.json.encode(body)
            reply = await self._transport.send("PUT", path, body=text, headers=_JSON)
        else:
            reply = await self._create(msgspec.json.encode(body))
        self._object = decode_object(reply.body)
        self._renewed_s = asked_s

    async def _create(self, body: bytes) -> Reply:
        try:
            return await self._transport.send("POST", _LEASES, body=body, headers=_JSON)
        except NotFound:
            pass  # there is no such namespace yet
        metadata = {"name": LEASE_NAMESPACE}
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        with suppress(Conflict):
            text = msgspec.json.encode(namespace)
            await self._transport.send("POST", _NAMESPACES, body=text, headers=_JSON)
        return await self._transport.send("POST", _LEASES, body=body, headers=_JSON)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._terms.renew_s)
            while True:
                try:
                    await self.renew()
                    break
                except Fenced as error:
                    self.trouble = error
                    self._lost()
                    return
                except ClusterError:
                    # `check` stops the writing in time if this goes on.
                    await asyncio.sleep(min(_RETRY_S, self._terms.renew_s))

    async def _release(self) -> None:
        """Let another server take over at once; where that fails, it waits."""
        self._renewed_s = None
        if self.trouble is not None:
            return
        with suppress(ClusterError, TimeoutError):
            async with asyncio.timeout(_RELEASE_TIMEOUT_S):
                try:
                    await self._write(replace(self._held(), identity=""))
                except Conflict:
                    # Our own renewal arrived, and its answer did not: then it is another version.
                    self._object = await self._read()
                    known = read_spec(self._object.get("spec") or {})
                    if known.identity == self._writer.identity(self._cluster):
                        await self._write(replace(self._held(), identity=""))
        self._renewed_s = None
