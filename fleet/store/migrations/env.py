"""Runs migrations on the connection that `fleet.store.schema` hands over."""

from alembic import context

from fleet.store.tables import EVENT

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=EVENT.metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
