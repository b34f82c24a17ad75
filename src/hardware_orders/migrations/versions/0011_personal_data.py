"""Erasure of personal data, by a role of its own; retention of events and batches, by the relay."""

import sqlalchemy as sa
from alembic import op

from hardware_orders.migrations import roles

revision = "0011"
down_revision = "0010"

ERASER = "hardware_orders_eraser"
RELAY = "hardware_orders_relay"
CALLER = "hardware_orders_caller"
INTAKE = "hardware_orders_intake"

GRANTS = (
    f"SELECT, UPDATE ON orders TO {ERASER}",
    # Of an event only what is about a person; what the chain covers stays as it is.
    f"SELECT, INSERT, UPDATE (data, salt) ON order_events TO {ERASER}",
    f"USAGE ON SEQUENCE order_events_id_seq TO {ERASER}",
    f"SELECT (created_at, order_id), UPDATE (request_hash) ON idempotency_keys TO {ERASER}",
    f"SELECT (order_id, customer_entity_uid), UPDATE (line_hash) ON batch_items TO {ERASER}",
    f"SELECT (event_id), UPDATE (answer) ON webhook_attempts TO {ERASER}",
    f"DELETE ON order_events TO {RELAY}",
    f"DELETE ON webhook_attempts TO {RELAY}",
    f"SELECT, UPDATE (deleted_to) ON event_retention TO {RELAY}",
    f"SELECT, INSERT, UPDATE (sequence, hash) ON chain_starts TO {RELAY}",
    f"SELECT ON chain_starts TO {CALLER}",
    f"SELECT ON event_retention TO {CALLER}, {INTAKE}",
    f"DELETE ON batches TO {RELAY}",
    f"DELETE ON batch_items TO {RELAY}",
)

# As for callers in 0004: an administrator may be one of some customers only.
ENTITIES = "current_setting('hardware_orders.entities', true)"
CUSTOMERS = f"(SELECT string_to_array(NULLIF({ENTITIES}, '*'), ',')::uuid[])"
IS_VISIBLE = f"(SELECT {ENTITIES}) = '*' OR customer_entity_uid = ANY ({CUSTOMERS}::uuid[])"
POLICIES = (
    ("orders", IS_VISIBLE),
    ("order_events", "(SELECT true FROM orders WHERE orders.order_id = order_events.order_id)"),
    ("batch_items", IS_VISIBLE),
    # Whatever endpoint an event was sent to; which events they are is asked of the caller's own.
    ("webhook_attempts", "true"),
)
# The relay may delete what has been declared deleted, and no other event, whatever statement asks for it.
IS_DECLARED = "position <= (SELECT deleted_to FROM event_retention)"


def upgrade() -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    op.add_column("orders", sa.Column("erased_at", sa.String(27) if is_sqlite else sa.DateTime(timezone=True)))
    event_retention = op.create_table(
        "event_retention",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("deleted_to", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_retention"),
        sa.CheckConstraint("id = 1", name="ck_event_retention_one_row"),
    )
    op.bulk_insert(event_retention, [{"id": 1, "deleted_to": 0}])
    op.create_table(
        "chain_starts",
        sa.Column("order_id", sa.String(36) if is_sqlite else sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_chain_starts"),
    )
    op.create_index("ix_batches_settled_at", "batches", ["settled_at"])
    op.create_index("ix_batch_items_order_id", "batch_items", ["order_id"])
    if is_sqlite:
        return
    roles.ensure(connection, (ERASER,))
    op.execute(f"GRANT USAGE ON SCHEMA {_schema()} TO {ERASER}")
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")
    for table, condition in POLICIES:
        op.execute(f"CREATE POLICY eraser ON {table} TO {ERASER} USING ({condition})")
    op.execute(f"CREATE POLICY declared ON order_events AS RESTRICTIVE FOR DELETE TO {RELAY} USING ({IS_DECLARED})")


def downgrade() -> None:
    """The role stays: it may be another database's as well. An order that was erased stays so."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP POLICY declared ON order_events")
        for table, _ in POLICIES:
            op.execute(f"DROP POLICY eraser ON {table}")
            op.execute(f"REVOKE ALL ON {table} FROM {ERASER}")
        op.execute(f"REVOKE ALL ON idempotency_keys FROM {ERASER}")
        op.execute(f"REVOKE ALL ON SEQUENCE order_events_id_seq FROM {ERASER}")
        op.execute(f"REVOKE USAGE ON SCHEMA {_schema()} FROM {ERASER}")
        op.execute(f"REVOKE DELETE ON order_events, webhook_attempts, batches, batch_items FROM {RELAY}")
    op.drop_index("ix_batch_items_order_id", "batch_items")
    op.drop_index("ix_batches_settled_at", "batches")
    op.drop_table("chain_starts")
    op.drop_table("event_retention")
    op.drop_column("orders", "erased_at")


def _schema() -> str:
    return str(op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one())
