"""The first schema: audit log, snapshots, contents, manifest sets, apply sets, commands."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go to this version."""
    _create_log()
    _create_contents()
    _create_applied()
    if op.get_bind().dialect.name == "sqlite":
        _protect_log_sqlite()
    else:
        _protect_log_postgresql()


def _create_log() -> None:
    op.create_table(
        "event",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text()),
        sa.Column("bundle", sa.Text()),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    op.create_index("ix_event_kind", "event", ["kind", "seq"])
    op.create_index("ix_event_cluster", "event", ["cluster", "seq"])
    op.create_index("ix_event_bundle", "event", ["bundle", "seq"])
    op.create_table(
        "snapshot",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "command",
        sa.Column("key", sa.Text(), primary_key=True),
        sa.Column("stored_at", sa.Text(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=False),
    )
    op.create_index("ix_command_stored_at", "command", ["stored_at"])


def _create_contents() -> None:
    op.create_table(
        "content",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("stored_at", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "manifest_set",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("stored_at", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )


def _create_applied() -> None:
    key = ("cluster", "api_group", "kind", "namespace", "name")
    text = ("api_version", "bundle", "digest", "uid", "entry_hash", "live_hash")
    op.create_table(
        "applied",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in key),
        *(sa.Column(name, sa.Text(), nullable=False) for name in text),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sqlite_with_rowid=False,
    )


def _protect_log_sqlite() -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER event_no_{verb.lower()} BEFORE {verb} ON event "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    # INSERT OR REPLACE deletes without asking the trigger above.
    op.execute(
        "CREATE TRIGGER event_in_order BEFORE INSERT ON event "
        "WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event) "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    )


def _protect_log_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()"
    )
