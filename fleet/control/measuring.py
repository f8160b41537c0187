"""Measures gates: asks a Prometheus, a web server or a Job once, and says what came of it.

An answer that says nothing is inconclusive and a question that cannot be asked is an error: neither
is ever a success.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from clusters.client.api import ClusterApi
from clusters.client.transport import network_words
from clusters.errors import ClusterError
from clusters.health.kinds import health_of
from clusters.model import ClusterName, Health, Manifest, digest_of
from fleet.control.supervisor import Supervisor
from fleet.model import Cluster, Gate, HttpCheck, Inventory, JobCheck, PrometheusCheck
from fleet.rollout.decisions import MeasureGate
from fleet.rollout.events import GateMeasured, Measurement
from fleet.rollout.expressions import judge
from fleet.rollout.folding import stage_of
from fleet.rollout.state import Rollout, gate_key
from fleet.source.answers import read_json
from fleet.source.render.substitution import Variables, substitute

QUERY_TIMEOUT_S = 10.0
JOB_LOOK_S = 1.0
JOB_KEPT_S = 3600
"""Seconds after which a cluster removes a Job that a killed server could not delete."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement said."""

    outcome: Measurement
    detail: str


class Measurer:
    """Measures gates of one fleet.

    Args:
        supervisor: the connected clusters, for Jobs.
        session: for queries and requests.
    """

    def __init__(self, supervisor: Supervisor, session: aiohttp.ClientSession) -> None:
        self._supervisor = supervisor
        self._session = session

    async def measure(
        self, asked: MeasureGate, rollout: Rollout, inventory: Inventory
    ) -> GateMeasured:
        """Measure once; never raises for what a gate or a network can do wrong."""
        gate = rollout.plan.gates[asked.gate]
        try:
            measured = await self._measure(gate, asked, rollout, inventory)
        except aiohttp.ClientConnectionError as error:
            measured = Measured(Measurement.ERROR, network_words(error))
        except (aiohttp.ClientError, ClusterError, TimeoutError, ValueError, OSError) as error:
            words = str(error) or type(error).__name__
            measured = Measured(Measurement.ERROR, words)
        return GateMeasured(
            at=datetime.now(UTC),
            stage=asked.stage,
            gate=asked.gate,
            position=asked.position,
            cluster=asked.cluster,
            outcome=measured.outcome,
            detail=measured.detail,
        )

    async def _measure(
        self, gate: Gate, asked: MeasureGate, rollout: Rollout, inventory: Inventory
    ) -> Measured:
        cluster = inventory.clusters.get(asked.cluster) if asked.cluster else None
        match gate.check:
            case PrometheusCheck():
                return await self._query(gate.check, cluster)
            case HttpCheck():
                return await self._get(gate.check, cluster)
            case JobCheck():
                return await self._job(gate.check, asked, rollout)
            case _:
                return Measured(Measurement.ERROR, "this gate is not measured")

    async def _query(self, check: PrometheusCheck, cluster: Cluster | None) -> Measured:
        url = f"{_address(check.url, cluster).rstrip('/')}/api/v1/query"
        async with asyncio.timeout(QUERY_TIMEOUT_S):
            async with self._session.get(
                url, params={"query": _filled(check.query, cluster)}, allow_redirects=False
            ) as response:
                answer = await read_json(response)
        if not isinstance(answer, dict):
            return Measured(Measurement.ERROR, f"{url} does not answer as Prometheus does")
        if answer.get("status") != "success":
            return Measured(
                Measurement.ERROR, f"Prometheus says: {answer.get('error', 'no success')}"
            )
        value = _single_value(answer.get("data"))
        if value is None:
            return Measured(Measurement.INCONCLUSIVE, "the query gave no value, or more than one")
        return Measured(judge(check, value), f"{value:g}")

    async def _get(self, check: HttpCheck, cluster: Cluster | None) -> Measured:
        async with asyncio.timeout(check.timeout_s):
            async with self._session.get(
                _address(check.url, cluster), allow_redirects=False
            ) as response:
                status = response.status
        good = status in check.expect_status
        return Measured(Measurement.SUCCESS if good else Measurement.FAILURE, f"HTTP {status}")

    async def _job(self, check: JobCheck, asked: MeasureGate, rollout: Rollout) -> Measured:
        names = [asked.cluster] if asked.cluster else _reached(rollout, asked)
        # A name of its own for each measurement: an earlier one's Job must not answer for it.
        run = stage_of(rollout, asked.stage)
        held = run.gates.get(gate_key(asked.position, asked.gate, asked.cluster))
        asked_at = held.asked_at.isoformat() if held is not None and held.asked_at else ""
        suffix = short_name(rollout.id, asked.stage, asked.gate, asked_at)
        results = await asyncio.gather(*(self._run_job(check, name, suffix) for name in names))
        bad = [result for result in results if result.outcome is not Measurement.SUCCESS]
        return bad[0] if bad else Measured(Measurement.SUCCESS, f"{len(results)} jobs completed")

    async def _run_job(self, check: JobCheck, cluster: ClusterName, suffix: str) -> Measured:
        reconciler = self._supervisor.running.get(cluster)
        if reconciler is None or reconciler.api is None:
            return Measured(Measurement.ERROR, f"{cluster} does not answer")
        manifest = _job_manifest(check.manifest, suffix)
        api = reconciler.api
        resource = api.discovery.resource(manifest.api_version, manifest.ref.kind)
        await api.apply(resource, manifest)
        try:
            return await _watch_job(api, manifest, cluster, check.timeout_s)
        finally:
            await _tidy_away(api, manifest)


async def _tidy_away(api: ClusterApi, manifest: Manifest) -> None:
    """Delete a Job; where that fails, the cluster does it in time (`JOB_KEPT_S`)."""
    resource = api.discovery.resource(manifest.api_version, manifest.ref.kind)
    with contextlib.suppress(ClusterError):
        live = await api.get(resource, manifest.ref)
        if live is not None:
            await api.delete(
                resource,
                manifest.ref,
                uid=live.metadata.uid,
                resource_version=live.metadata.resource_version,
            )


async def _watch_job(
    api: ClusterApi, manifest: Manifest, cluster: ClusterName, timeout_s: float
) -> Measured:
    resource = api.discovery.resource(manifest.api_version, manifest.ref.kind)
    deadline = asyncio.get_running_loop().time() + timeout_s
    while asyncio.get_running_loop().time() < deadline:
        live = await api.get(resource, manifest.ref)
        if live is None:
            return Measured(Measurement.ERROR, f"the job on {cluster} was deleted by somebody")
        result = health_of(manifest.ref.group_kind, live.content())
        if result.health is Health.HEALTHY:
            return Measured(Measurement.SUCCESS, "completed")
        if result.health is Health.DEGRADED:
            return Measured(Measurement.FAILURE, f"{cluster}: {result.message}")
        await asyncio.sleep(JOB_LOOK_S)
    return Measured(Measurement.FAILURE, f"{cluster}: not complete after {timeout_s:g} s")


def _job_manifest(declared: Mapping[str, Any], suffix: str) -> Manifest:
    metadata = dict(declared.get("metadata") or {})
    metadata["name"] = f"{str(metadata.get('name', 'gate'))[:50]}-{suffix}"
    metadata.setdefault("namespace", "default")
    spec = {"ttlSecondsAfterFinished": JOB_KEPT_S, **(declared.get("spec") or {})}
    return Manifest.of({**declared, "metadata": metadata, "spec": spec})


def short_name(*parts: str) -> str:
    """Eight characters that stand for `parts`."""
    return digest_of("\n".join(parts).encode())[:8]


def _reached(rollout: Rollout, asked: MeasureGate) -> list[ClusterName]:
    return [
        name
        for name, entry in rollout.clusters.items()
        if entry.seat.stage == asked.stage and entry.assigned_at is not None
    ]


def _address(text: str, cluster: Cluster | None) -> str:
    """Fill in the URL of a gate.

    Raises:
        ValueError: as `_filled`, or it is an address that gives machines their credentials.
    """
    url = _filled(text, cluster)
    try:
        address = ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return url  # a name
    if address.is_link_local:
        # 169.254.169.254 answers with the machine's own credentials.
        raise ValueError(f"no gate asks a link-local address: {address}")
    return url


def _filled(text: str, cluster: Cluster | None) -> str:
    """Replace `${cluster.…}`.

    Raises:
        ValueError: the text names what the cluster lacks, or there is no cluster here.
    """
    if cluster is None:
        if "${cluster." in text:
            raise ValueError("the gate speaks of a cluster: give it scope: cluster")
        return text
    filled, unresolved = substitute(text, Variables(cluster=cluster).resolve)
    if unresolved:
        raise ValueError(unresolved[0].message)
    return str(filled)


def _single_value(data: object) -> float | None:
    if not isinstance(data, dict):
        return None
    kind, result = data.get("resultType"), data.get("result")
    if kind == "scalar" and isinstance(result, list) and len(result) == 2:
        return _number(result[1])
    if kind != "vector" or not isinstance(result, list) or len(result) != 1:
        return None
    sample = result[0].get("value") if isinstance(result[0], dict) else None
    return _number(sample[1]) if isinstance(sample, list) and len(sample) == 2 else None


def _number(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return None if math.isnan(value) else value
