"""An index to find expired idempotency keys by."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    if op.get_bind().dialect.name == "postgresql":
        # The intake takes an expired key over; the relay deletes what nobody took over, and locks it first.
        op.execute("GRANT UPDATE (request_hash, order_id, created_at) ON idempotency_keys TO hardware_orders_intake")
        op.execute("GRANT SELECT, DELETE, UPDATE (created_at) ON idempotency_keys TO hardware_orders_relay")


def downgrade() -> None:
    op.drop_index("ix_idempotency_keys_created_at", "idempotency_keys")
