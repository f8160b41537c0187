"""Checkpoints: up to where the audit log was archived.  Events up to there may be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ARCHIVED = "(SELECT coalesce(max(seq), 0) FROM checkpoint)"
_IN_LOG = "(SELECT 1 FROM event WHERE event.seq = NEW.seq AND event.hash = NEW.hash)"
_NOT_IN_LOG = f"NEW.seq <= {_ARCHIVED} OR NOT EXISTS {_IN_LOG}"
_LAST = f"max((SELECT coalesce(max(seq), 0) FROM event), {_ARCHIVED})"  # noqa: S608
_REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "checkpoint",
        sa.Column("seq", _SEQ, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text(), nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _protect_sqlite()
    else:
        _protect_postgresql()


def _protect_sqlite() -> None:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for name in ("event_no_delete", "event_in_order"):
        op.execute(f"DROP TRIGGER {name}")
    op.execute(
        f"CREATE TRIGGER event_no_delete BEFORE DELETE ON event WHEN OLD.seq > {_ARCHIVED} {refuse}"
    )
    op.execute(
        f"CREATE TRIGGER event_in_order BEFORE INSERT ON event WHEN NEW.seq <> {_LAST} + 1 {refuse}"
    )
    op.execute(
        f"CREATE TRIGGER checkpoint_of_log BEFORE INSERT ON checkpoint WHEN {_NOT_IN_LOG} {refuse}"
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER checkpoint_no_{verb.lower()} BEFORE {verb} ON checkpoint {refuse}"
        )


def _protect_postgresql() -> None:
    op.execute("DROP TRIGGER event_no_change ON event")
    for table, verbs in (("event", "UPDATE OR TRUNCATE"), ("checkpoint", "UPDATE OR TRUNCATE")):
        op.execute(
            f"CREATE TRIGGER {table}_no_change BEFORE {verbs} ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()"
        )
    op.execute(
        "CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint "
        "FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()"
    )
    _guard("event", "event_archived", f"OLD.seq > {_ARCHIVED}", "DELETE", "OLD")
    _guard("checkpoint", "checkpoint_of_log", _NOT_IN_LOG, "INSERT", "NEW")


def _guard(table: str, name: str, forbidden: str, verb: str, row: str) -> None:
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {forbidden} THEN RAISE EXCEPTION '{_REFUSAL}'; END IF; RETURN {row}; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
