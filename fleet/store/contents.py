"""Content-addressed storage of manifests, and of the sets of them that releases are made of.

Identical manifests of many clusters are one row.  Bodies are sealed (`sealing` says why); digests
are not.  Those of Secrets are keyed: who holds the database cannot confirm a guess of one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import Table, select
from sqlmodel import Session

from clusters.model import Digest, digest_of
from fleet.store.errors import ContentMissing
from fleet.store.part import StorePart
from fleet.store.records import members_of, members_text, time_text
from fleet.store.sealing import Sealer
from fleet.store.statements import chunks, delete_rows, insert_rows, upsert_rows
from fleet.store.tables import CONTENT, MANIFEST_SET

_UNUSED_FOR = timedelta(hours=1)
"""Contents and sets younger than this are never collected: their release may be on its way."""


class ContentStore(StorePart):
    """Manifests by digest, and manifest sets by digest."""

    async def get_contents(self, digests: Collection[Digest]) -> dict[Digest, bytes]:
        """Bodies by digest.  A digest that is not stored is not in the result.

        Raises:
            StoreDamaged: a body is not what was stored.
        """
        sealer = self._sealer
        return await self._database.read(lambda session: read_contents(session, digests, sealer))

    async def get_sets(self, digests: Collection[Digest]) -> dict[Digest, tuple[Digest, ...]]:
        """Manifest sets by digest.  A digest that is not stored is not in the result."""

        def job(session: Session) -> dict[Digest, tuple[Digest, ...]]:
            found: dict[Digest, tuple[Digest, ...]] = {}
            for part in chunks(sorted(digests)):
                query = select(MANIFEST_SET).where(MANIFEST_SET.c.digest.in_(part))
                for row in session.execute(query):
                    found[Digest(row.digest)] = members_of(row.members)
            return found

        return await self._database.read(job)

    async def collect_garbage(self, live_sets: Collection[Digest]) -> tuple[int, int]:
        """Delete the sets that are not live, and the contents that no remaining set names.

        What was stored within the last hour stays.

        Returns:
            How many sets and how many contents were deleted.
        """
        before = time_text(self._clock() - _UNUSED_FOR)
        live = frozenset(live_sets)
        return await self._database.write(lambda session: collect(session, live, before=before))


def check_digests(contents: Mapping[Digest, bytes], secret_key: bytes) -> None:
    """Make sure that contents are named by what they are, Secrets with the key.

    Raises:
        ValueError: a digest is not that of its body.
    """
    for digest, body in contents.items():
        if digest not in (digest_of(body), digest_of(body, secret_key)):
            raise ValueError(f"content {digest} is not the content of this digest")


def write_contents(
    session: Session, contents: Mapping[Digest, bytes], *, sealer: Sealer, at: str
) -> None:
    """Store bodies within a transaction."""
    known = _known(session, CONTENT, contents)
    rows = [
        {"digest": digest, "stored_at": at, "body": sealer.seal(digest, body)}
        for digest, body in contents.items()
        if digest not in known
    ]
    insert_rows(session, CONTENT, rows)


def read_contents(
    session: Session, digests: Collection[Digest], sealer: Sealer
) -> dict[Digest, bytes]:
    """Read bodies within a transaction."""
    found: dict[Digest, bytes] = {}
    for part in chunks(sorted(digests)):
        query = select(CONTENT.c.digest, CONTENT.c.body).where(CONTENT.c.digest.in_(part))
        for row in session.execute(query):
            found[Digest(row.digest)] = sealer.open(row.digest, row.body)
    return found


def write_sets(session: Session, sets: Mapping[Digest, Sequence[Digest]], *, at: str) -> None:
    """Store manifest sets within a transaction.

    Raises:
        ContentMissing: a set names contents that are not stored.
    """
    wanted = {member for members in sets.values() for member in members}
    missing = wanted - _known(session, CONTENT, wanted)
    if missing:
        raise ContentMissing(
            f"{len(missing)} of {len(wanted)} contents of manifest sets are not stored, "
            f"{min(missing)} among them: store them in the same batch"
        )
    rows = [
        {"digest": digest, "stored_at": at, "members": members_text(members)}
        for digest, members in sets.items()
    ]
    upsert_rows(session, MANIFEST_SET, rows)


def collect(session: Session, live: Collection[Digest], *, before: str) -> tuple[int, int]:
    """Delete unused sets and contents stored before the time `before`, within a transaction."""
    query = select(MANIFEST_SET.c.digest).where(MANIFEST_SET.c.stored_at < before)
    dead_sets = [digest for digest in session.scalars(query) if digest not in live]
    delete_rows(session, MANIFEST_SET, [{"digest": digest} for digest in dead_sets])
    used = {
        member
        for members in session.scalars(select(MANIFEST_SET.c.members))
        for member in members_of(members)
    }
    old = select(CONTENT.c.digest).where(CONTENT.c.stored_at < before)
    dead = [digest for digest in session.scalars(old) if digest not in used]
    delete_rows(session, CONTENT, [{"digest": digest} for digest in dead])
    return len(dead_sets), len(dead)


def _known(session: Session, table: Table, digests: Collection[Digest]) -> set[Digest]:
    known: set[Digest] = set()
    for part in chunks(sorted(digests)):
        query = select(table.c.digest).where(table.c.digest.in_(part))
        known.update(Digest(digest) for digest in session.scalars(query))
    return known
