"""List and watch one kind of one cluster, for as long as it is wanted.

Level-triggered: what comes out is a `Synced` set now and then (after a list) and single changes
between.  The list is streamed by the watch where the server can do that (KEP-3157), else read in
pages; watch with bookmarks, resume from the last version, list again on 410, and take silence for a
lost connection (engine rules: kopf's inactivity timeout, client-go's reflector).  Versions that run
backwards mean a restored backup: all that was known is listed again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from time import monotonic

import aiohttp
import msgspec

from clusters.backoff import WATCH
from clusters.client.discovery import Resource
from clusters.client.transport import Transport
from clusters.client.wire import (
    Metadata,
    decode_fault,
    decode_head,
    decode_page,
    read_watch_line,
)
from clusters.errors import (
    ClusterError,
    Gone,
    InvalidObject,
    NotFound,
    ServerFault,
    SilentWatch,
    UnknownKind,
)

PAGE_SIZE = 500
SILENCE_S = 70.0
"""Bookmarks come about once a minute: a watch silent for longer is dead."""
STEADY_S = 5.0
"""A watch that lasted so long was a good one: the next starts at once, without backoff."""
WATCH_S = (300, 600)
"""Range of the lifetimes that watches ask for: spread, lest they all reconnect at once."""
_INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
_INITIAL_END = "k8s.io/initial-events-end"
RELIST_S = 30.0
"""A watch that cannot be had for so long: it is listed again what there is."""
BLIND_S = 70.0
"""Without a word of a kind for so long, not even a list, nothing is known of it."""
LINE_MAX_BYTES = 64 * 1024 * 1024
_FULL = {"Accept": "application/json"}
_METADATA = {
    "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
}
_METADATA_LIST = {
    "Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One live object."""

    metadata: Metadata = field(repr=False)
    body: msgspec.Raw = field(repr=False)
    """The object's bytes; metadata only where the watch asked for no more."""


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything there is of the kind now; whatever is not in it does not exist."""

    objects: tuple[Seen, ...]
    version: str
    rewound: bool = False
    """The cluster's history went back: what was known of later versions did not happen."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An object was added or modified."""

    object: Seen


@dataclass(frozen=True, slots=True)
class Removed:
    """An object was deleted, or no longer matches the selector."""

    object: Seen


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The kind cannot be watched at present; it is tried again."""

    error: ClusterError
    blind: bool = False
    """For so long that what was known before does not count any more."""


Observation = Synced | Changed | Removed | Interrupted


async def observe(
    transport: Transport, resource: Resource, *, selector: str, metadata_only: bool
) -> AsyncIterator[Observation]:
    """Yield what happens to the objects of a kind that match a label selector.  Does not end.

    Raises:
        UnknownKind: the kind is not served any more.
    """
    version = reached = ""
    failures = 0
    failing_since: float | None = None
    while True:
        opened = monotonic()
        try:
            if not (version or transport.watch_lists):
                async with transport.listing():
                    listed, version = await _list(transport, resource, selector, metadata_only)
                failing_since = None
                yield Synced(listed, version, rewound=newer(reached, version))
                reached = version
            lines = _watch(transport, resource, selector, version, metadata_only)
            async for item, newest in lines:
                if isinstance(item, Synced) and newer(reached, newest):
                    item = replace(item, rewound=True)
                version, failing_since = newest, None
                reached = newest
                if item is not None:
                    yield item
        except Gone:
            version = ""
        except (NotFound, UnknownKind) as error:
            raise UnknownKind(f"{resource.kind} is no longer served") from error
        except ClusterError as error:
            if not version and transport.watch_lists and _refuses_watch_lists(error):
                transport.watch_lists = False
                continue
            failing_since = monotonic() if failing_since is None else failing_since
            failing_s = monotonic() - failing_since
            if failing_s > RELIST_S or isinstance(error, ServerFault):
                version = ""  # it may be this version that it cannot serve
            yield Interrupted(error, blind=failing_s > BLIND_S)
            opened = monotonic()
            await asyncio.sleep(error.retry_after_s or 0.0)
        if monotonic() - opened > STEADY_S:
            failures = 0
        else:
            await asyncio.sleep(WATCH.delay_s(failures, random.random()))
            failures += 1


def _refuses_watch_lists(error: ClusterError) -> bool:
    """Whether a server does not know streamed lists, or something in between swallows them."""
    return isinstance(error, InvalidObject | SilentWatch)


def newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is later than another of the same kind (KEP-5504: integers).

    False for versions that cannot be compared.
    """
    return version.isdigit() and than.isdigit() and int(version) > int(than)


async def _list(
    transport: Transport, resource: Resource, selector: str, metadata_only: bool
) -> tuple[tuple[Seen, ...], str]:
    params = {"labelSelector": selector, "limit": str(PAGE_SIZE)}
    found: list[Seen] = []
    restarted = False
    while True:
        try:
            reply = await transport.send(
                "GET",
                resource.collection_path(),
                params=params,
                headers=_METADATA_LIST if metadata_only else _FULL,
            )
        except Gone:
            if restarted:
                raise ServerFault("its list expires faster than it can be read") from None
            # The list changed under our pages: take it in one piece.
            restarted, found = True, []
            params = {"labelSelector": selector}
            continue
        page = decode_page(reply.body)
        found.extend(Seen(decode_head(item).metadata, item) for item in page.items or ())
        if not page.metadata.continue_:
            return tuple(found), page.metadata.resource_version
        params = {
            "labelSelector": selector,
            "limit": str(PAGE_SIZE),
            "continue": page.metadata.continue_,
        }


async def _watch(
    transport: Transport, resource: Resource, selector: str, version: str, metadata_only: bool
) -> AsyncIterator[tuple[Synced | Changed | Removed | None, str]]:
    """Watch from a version; without one, have what there is streamed first (KEP-3157)."""
    params = {
        "watch": "true",
        "labelSelector": selector,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(random.randint(*WATCH_S)),
        **({"resourceVersion": version} if version else _INITIAL),
    }
    headers: Mapping[str, str] = _METADATA if metadata_only else _FULL
    initial: dict[tuple[str, str], Seen] | None = None if version else {}
    async with AsyncExitStack() as listing:
        if initial is not None:
            await listing.enter_async_context(transport.listing())
        async with transport.stream(
            resource.collection_path(), params=params, headers=headers, silence_s=SILENCE_S
        ) as content:
            async for line in _lines(content):
                kind, seen = _event(line)
                if initial is not None:
                    if kind != "BOOKMARK":
                        _add(initial, kind, seen)
                    elif _INITIAL_END in (seen.metadata.annotations or {}):
                        version = seen.metadata.resource_version
                        yield Synced(tuple(initial.values()), version), version
                        initial = None
                        await listing.aclose()
                    continue
                if newer(version, seen.metadata.resource_version):
                    raise Gone("the cluster's history went back")
                version = seen.metadata.resource_version
                match kind:
                    case "ADDED" | "MODIFIED":
                        yield Changed(seen), version
                    case "DELETED":
                        yield Removed(seen), version
                    case _:
                        yield None, version
    if initial is not None:
        raise SilentWatch("a streamed list ended before it was whole")


def _add(initial: dict[tuple[str, str], Seen], kind: str, seen: Seen) -> None:
    """What happens while a list is streamed comes in between, and never again."""
    name = (seen.metadata.namespace, seen.metadata.name)
    if kind == "DELETED":
        initial.pop(name, None)
    else:
        initial[name] = seen


def _event(line: bytes) -> tuple[str, Seen]:
    event = read_watch_line(line)
    if event.type == "ERROR":
        fault = decode_fault(event.object)
        if fault.code == 410 or fault.reason in ("Expired", "Gone"):
            raise Gone(fault.message or "the watch expired")
        raise ServerFault(fault.message or "the watch failed")
    return event.type, Seen(decode_head(event.object).metadata, event.object)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    pending = b""
    async for chunk in content.iter_any():
        pending += chunk
        if b"\n" not in chunk:
            if len(pending) > LINE_MAX_BYTES:
                raise ServerFault("one line of the watch is too long")
            continue
        *complete, pending = pending.split(b"\n")
        for line in complete:
            if line:
                yield line
