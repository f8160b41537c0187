"""What the engine must be allowed to do on a cluster, and what of it is missing.

Asked of the cluster itself (SelfSubjectAccessReview, which everybody may create), so that any
authoriser answers for itself.  Also whether its clock is ours: leases are told by clocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from clusters.bookkeeping.lease import LEASE_NAMESPACE
from clusters.client.transport import Transport
from clusters.client.wire import decode_object

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """One thing to be allowed."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    """Empty: in all of them, and what is in none."""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{where}"


ALWAYS = tuple(
    Right(verb=verb, group=group, resource=resource, namespace=LEASE_NAMESPACE)
    for group, resource, verbs in (
        ("coordination.k8s.io", "leases", ("get", "create", "update")),
        ("", "configmaps", ("list", "create", "patch", "delete")),
    )
    for verb in verbs
)
"""Without these nothing is written to a cluster, or what it holds is not remembered there."""
FOR_ANY_BUNDLE = tuple(
    Right(verb=verb, group="*", resource="*")
    for verb in ("get", "list", "watch", "create", "patch", "delete")
)
"""Enough for whatever a bundle may hold; for the kinds that bundles do hold, less is enough."""


async def missing(transport: Transport, rights: Sequence[Right]) -> list[Right]:
    """Those of some rights that we do not have.

    Raises:
        ClusterError: the cluster does not answer that.
    """
    answers = await asyncio.gather(*(_allowed(transport, right) for right in rights))
    return [right for right, allowed in zip(rights, answers, strict=True) if not allowed]


async def _allowed(transport: Transport, right: Right) -> bool:
    attributes = {"verb": right.verb, "group": right.group, "resource": right.resource}
    if right.namespace:
        attributes["namespace"] = right.namespace
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    reply = await transport.send("POST", _REVIEWS, body=msgspec.json.encode(body), headers=_JSON)
    status = decode_object(reply.body).get("status") or {}
    return bool(status.get("allowed"))


async def clock_ahead_s(transport: Transport, now: datetime) -> float | None:
    """How far a cluster's clock is ahead of ours, to a second or two; None: it does not say.

    Raises:
        ClusterError: the cluster does not answer.
    """
    reply = await transport.send("GET", "/version")
    try:
        return (parsedate_to_datetime(reply.headers["Date"]) - now).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
