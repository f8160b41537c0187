"""The apply set of each cluster: what we applied there, or were about to.

Written ahead: an intended object is stored before the request that may create it, and confirmed
after; a crash in between leaves an entry too many, never one too few.  Only what is in here may be
pruned, so this is also what keeps a lost render from deleting a stranger's objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlmodel import Session

from clusters.model import Applied, ClusterName, ObjectRef
from fleet.store.model import AppliedChange
from fleet.store.part import StorePart
from fleet.store.records import applied_key, applied_of, applied_row
from fleet.store.statements import delete_rows, upsert_rows
from fleet.store.tables import APPLIED


class ApplySets(StorePart):
    """The apply sets of all clusters."""

    async def applied(self, cluster: ClusterName) -> tuple[Applied, ...]:
        """One cluster's apply set, in order of group, kind, namespace and name."""
        query = select(APPLIED).where(APPLIED.c.cluster == cluster)
        rows = await self._database.read(lambda session: session.execute(query).mappings().all())
        return tuple(sorted(map(applied_of, rows), key=lambda applied: applied.ref))

    async def write_applied(
        self,
        cluster: ClusterName,
        upserts: Sequence[Applied] = (),
        removals: Sequence[ObjectRef] = (),
    ) -> None:
        """Change one cluster's apply set: first the removals, then the upserts.

        Of several upserts of one object the last one wins; removing what is not there is no error.
        """
        change = {cluster: AppliedChange(upserts=tuple(upserts), removals=tuple(removals))}
        await self._database.write(lambda session: write_applied(session, change))


def write_applied(session: Session, changes: Mapping[ClusterName, AppliedChange]) -> None:
    """Change apply sets within a transaction."""
    removals = [
        applied_key(cluster, ref) for cluster, change in changes.items() for ref in change.removals
    ]
    upserts = [
        applied_row(cluster, applied)
        for cluster, change in changes.items()
        for applied in change.upserts
    ]
    delete_rows(session, APPLIED, removals)
    upsert_rows(session, APPLIED, upserts)
