"""The hash chain that makes the audit log tamper-evident.

Each event's hash is SHA-256 over the previous event's hash (64 hex digits, as text) followed by
the event itself as canonical JSON: keys sorted, no spaces, UTF-8, the form of RFC 8785 save that
keys are ordered by code point and numbers are written as orjson writes them.  A changed, removed,
inserted or reordered event breaks the chain from there on.  Events missing at the *end* leave a
chain that is whole: only an `Anchor` that was kept elsewhere shows those.

Pure: works the same on rows of the database and on the lines of an export.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from fleet.store.errors import ChainBroken

GENESIS = "0" * 64
"""Stands for the hash before the first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """An event as the chain sees it: `canonical` is everything but the two hashes."""

    seq: int
    canonical: bytes
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in the log, to be kept where who can change the database cannot change it."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Anchor:
        """Read `SEQ:HASH`, as an anchor prints itself.

        Raises:
            ValueError: the text is not of this form.
        """
        seq, _, digest = text.strip().partition(":")
        if not (seq.isascii() and seq.isdecimal() and len(digest) == len(GENESIS)):
            raise ValueError("an anchor is SEQ:HASH, as `flotilla audit verify` prints it")
        return cls(int(seq), digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What verifying found.  `head` is the last event that was still in order."""

    events: int
    """How many were checked and found in order."""
    head: Anchor
    start: Anchor
    """What the first of them follows: event 0, or the checkpoint of an archive."""
    broken: ChainBroken | None = None

    @property
    def ok(self) -> bool:
        """Whether the whole log is as it was written."""
        return self.broken is None

    def __str__(self) -> str:
        begun = f", from the checkpoint {self.start} on" if self.start.seq else ""
        found = f"{self.events:,} events in order{begun}, up to {self.head}"
        return f"{self.broken} ({found})" if self.broken else found


def canonical_event(
    *,
    actor: str,
    at: str,
    bundle: str | None,
    cluster: str | None,
    data: bytes,
    kind: str,
    seq: int,
) -> bytes:
    """Write an event in the form that is hashed; `data` is canonical JSON already.

    Raises:
        ValueError: a text cannot be written as UTF-8.
    """
    # `data` goes in byte for byte: parsing would forgive changes that mean the same (1e16, 1E16).
    fields = {
        "actor": actor,
        "at": at,
        "bundle": bundle,
        "cluster": cluster,
        "data": orjson.Fragment(data),
        "kind": kind,
        "seq": seq,
    }
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError as error:
        raise ValueError("an event's texts must be valid Unicode") from error


def link_hash(prev_hash: str, canonical: bytes) -> str:
    """Chain `canonical` to the event before it."""
    return hashlib.sha256(prev_hash.encode() + canonical).hexdigest()


class ChainCheck:
    """Verifies a log fed page by page, in order of `seq`."""

    def __init__(self, anchor: Anchor | None = None, *, start: Anchor | None = None) -> None:
        """`start` is the event that the log follows: of a part of it, the last one before."""
        self._anchor = anchor
        self._start = self._head = start or Anchor(0, GENESIS)
        self._broken: ChainBroken | None = None

    @property
    def broken(self) -> bool:
        """Whether more pages could change nothing."""
        return self._broken is not None

    def feed(self, links: Iterable[ChainLink]) -> None:
        """Check the next events; everything after the first broken one is ignored."""
        for link in links:
            if self._broken is not None:
                return
            why = self._wrong(link)
            if why is None:
                self._head = Anchor(link.seq, link.hash)
            else:
                self._broken = ChainBroken(self._head.seq + 1, why)

    def fail(self, why: str) -> None:
        """Record that the next event cannot even be read."""
        self._broken = self._broken or ChainBroken(self._head.seq + 1, why)

    def report(self, *, known_seq: int = 0) -> ChainReport:
        """Say how it stands, the end of the log being reached.

        Args:
            known_seq: an event that is known to have been in the log.
        """
        if self._anchor is not None and self._anchor.seq <= self._start.seq != 0:
            if self._anchor != self._start:
                self.fail(
                    f"event {self._anchor.seq} of the anchor was archived: check the archive for it"
                )
        elif self._anchor is not None and self._head.seq < self._anchor.seq:
            self.fail(f"missing: the anchor knows the log up to event {self._anchor.seq}")
        if self._head.seq < known_seq:
            self.fail(f"missing: the state was stored as of event {known_seq}")
        return ChainReport(
            events=self._head.seq - self._start.seq,
            head=self._head,
            start=self._start,
            broken=self._broken,
        )

    def _wrong(self, link: ChainLink) -> str | None:
        if link.seq != self._head.seq + 1:
            return f"missing or out of order: event {link.seq} stands in its place"
        if link.prev_hash != self._head.hash:
            return "does not follow the event before it: an event was replaced"
        if link.hash != link_hash(link.prev_hash, link.canonical):
            return "its content is not what was written"
        if self._anchor is not None and link.seq == self._anchor.seq:
            return None if link.hash == self._anchor.hash else "is not the event of the anchor"
        return None


def export_line(link: ChainLink) -> bytes:
    """Write one line of an export: the event and its two hashes as canonical JSON."""
    fields = orjson.loads(link.canonical) | {"hash": link.hash, "prev_hash": link.prev_hash}
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def parse_line(line: bytes) -> ChainLink:
    """Read one line of an export.

    Raises:
        ValueError: the line is not, byte for byte, one that `export_line` writes.
    """
    fields = orjson.loads(line)
    try:
        own, prev, seq = fields.pop("hash"), fields.pop("prev_hash"), fields["seq"]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not an event") from error
    if not (isinstance(own, str) and isinstance(prev, str) and type(seq) is int):
        raise ValueError("not an event")
    canonical = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    link = ChainLink(seq=seq, canonical=canonical, prev_hash=prev, hash=own)
    if export_line(link).removesuffix(b"\n") != line.removesuffix(b"\n"):
        raise ValueError("not in canonical form")
    return link


def verify_lines(
    lines: Iterable[bytes], *, anchor: Anchor | None = None, start: Anchor | None = None
) -> ChainReport:
    """Verify an export, which needs neither the database nor its key.

    Args:
        lines: of the export.
        anchor: an event that is known to be in it.
        start: the event that the first line follows; None: the log's beginning.
    """
    check = ChainCheck(anchor, start=start)
    for line in lines:
        try:
            check.feed([parse_line(line)])
        except ValueError:
            check.fail("is not a line of an export")
        if check.broken:
            break
    return check.report()
