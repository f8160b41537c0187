"""Looks at every context of a kubeconfig: does it answer, what may be done, what time has it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from clusters.client.kubeconfig import KubeconfigSource, connect, context_names
from clusters.client.transport import Transport
from clusters.engine.rights import ALWAYS, FOR_ANY_BUNDLE, clock_ahead_s, missing
from clusters.errors import ClusterError, CredentialsError
from fleet.cli.doctor import Finding, Mark

PATIENCE_S = 10.0
AT_ONCE = 20
SKEW_S = 5.0
"""Clocks further apart than this are told of: a lease is held for 90 s by the clock of a server,
and the times of changes are those of the cluster."""


async def examine(kubeconfig: Path) -> list[Finding]:
    """Ask all contexts at once, those that hang not for ever."""
    try:
        names = context_names(kubeconfig)
    except CredentialsError as error:
        return [Finding(Mark.BAD, "kubeconfig", error.message)]
    places = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> Finding:
        async with places:
            mark, words = await _examined(KubeconfigSource(path=kubeconfig, context=name))
            return Finding(mark, f"context {name}", words)

    return list(await asyncio.gather(*map(one, names)))


async def _examined(source: KubeconfigSource) -> tuple[Mark, str]:
    try:
        endpoint = await connect(source)
    except CredentialsError as error:
        return Mark.NOTE, f"not asked: {error.message}"
    try:
        async with asyncio.timeout(PATIENCE_S), Transport(endpoint) as transport:
            ahead_s = await clock_ahead_s(transport, datetime.now(UTC))
            needed = await missing(transport, ALWAYS)
            wished = await missing(transport, FOR_ANY_BUNDLE)
    except ClusterError as error:
        return Mark.BAD, error.message
    except TimeoutError:
        return Mark.BAD, f"no answer within {PATIENCE_S:g} s"
    if needed:
        return Mark.BAD, f"may not {', '.join(map(str, needed))}: grant it (docs/security.md)"
    if ahead_s is not None and abs(ahead_s) > SKEW_S:
        way = "ahead of" if ahead_s > 0 else "behind"
        words = f"its clock is {abs(ahead_s):.0f} s {way} ours: set both by NTP"
        return Mark.BAD, words
    if wished:
        verbs = ", ".join(right.verb for right in wished)
        return Mark.NOTE, f"may not {verbs} everything: enough only if bundles hold less"
    return Mark.GOOD, "answers, all that is needed is allowed, its clock is ours"
