"""The tables, and nothing else.

Rows are mutable and do not validate: they never leave this package (`records` turns them into
values).  Text that is hashed or compared byte for byte (times, JSON) is stored as text, so that no
database can normalise it.  `migrations` creates what is declared here; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel

_SEQ = BigInteger().with_variant(Integer, "sqlite")


class EventRow(SQLModel, table=True):
    """One line of the audit log.  Triggers refuse to change it, or to delete it unarchived."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_kind", "kind", "seq"),
        Index("ix_event_cluster", "cluster", "seq"),
        Index("ix_event_bundle", "bundle", "seq"),
    )

    seq: int = Field(sa_column=Column(_SEQ, primary_key=True, autoincrement=False))
    at: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    cluster: str | None = Field(default=None, sa_type=Text)
    bundle: str | None = Field(default=None, sa_type=Text)
    data: str = Field(sa_type=Text)
    """Canonical JSON, the very bytes that were hashed."""
    prev_hash: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)


class CheckpointRow(SQLModel, table=True):
    """The last event of a part of the audit log that was archived and deleted."""

    __tablename__ = "checkpoint"

    seq: int = Field(sa_column=Column(_SEQ, primary_key=True, autoincrement=False))
    hash: str = Field(sa_type=Text)


class SnapshotRow(SQLModel, table=True):
    """The state after event `seq`, sealed."""

    __tablename__ = "snapshot"

    seq: int = Field(sa_column=Column(_SEQ, primary_key=True, autoincrement=False))
    state: bytes = Field(sa_type=LargeBinary)


class ContentRow(SQLModel, table=True):
    """One manifest, named by its digest, sealed."""

    __tablename__ = "content"

    digest: str = Field(sa_type=Text, primary_key=True)
    stored_at: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)


class ManifestSetRow(SQLModel, table=True):
    """The manifests of one release on one cluster, in order."""

    __tablename__ = "manifest_set"

    digest: str = Field(sa_type=Text, primary_key=True)
    stored_at: str = Field(sa_type=Text)
    members: str = Field(sa_type=Text)
    """Digests of contents, one a line."""


class AppliedRow(SQLModel, table=True):
    """One member of one cluster's apply set."""

    __tablename__ = "applied"
    # Clustered by primary key: loading one cluster's apply set is one range scan.
    __table_args__ = {"sqlite_with_rowid": False}

    cluster: str = Field(sa_type=Text, primary_key=True)
    api_group: str = Field(sa_type=Text, primary_key=True)
    kind: str = Field(sa_type=Text, primary_key=True)
    namespace: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text, primary_key=True)
    api_version: str = Field(sa_type=Text)
    bundle: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    uid: str = Field(sa_type=Text)
    entry_hash: str = Field(sa_type=Text)
    live_hash: str = Field(sa_type=Text)
    confirmed: bool


class CommandRow(SQLModel, table=True):
    """What a command answered, by its idempotency key; sealed."""

    __tablename__ = "command"

    key: str = Field(sa_type=Text, primary_key=True)
    stored_at: str = Field(sa_type=Text, index=True)
    result: bytes = Field(sa_type=LargeBinary)


class SettingRow(SQLModel, table=True):
    """A fact about this database: which key its sealed columns need, which server owns it."""

    __tablename__ = "setting"

    name: str = Field(sa_type=Text, primary_key=True)
    value: str = Field(sa_type=Text)


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


# Statements over many rows go through the tables: building an object for each row costs more than
# the row itself.
EVENT = _table(EventRow)
CHECKPOINT = _table(CheckpointRow)
SNAPSHOT = _table(SnapshotRow)
CONTENT = _table(ContentRow)
MANIFEST_SET = _table(ManifestSetRow)
APPLIED = _table(AppliedRow)
COMMAND = _table(CommandRow)
SETTING = _table(SettingRow)
