"""Alembic's entry: runs the versions on the connection that `migrate` opened, in its transaction."""

from alembic import context
from sqlalchemy import text

from hardware_orders.tables import metadata

# Two processes that migrate at once: the second waits for the first and finds nothing left to do. Any fixed number.
MIGRATION_LOCK = 4_710_286

connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    # An index over a large table takes longer than any statement of the service may.
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
