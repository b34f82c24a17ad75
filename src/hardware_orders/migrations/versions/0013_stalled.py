"""Since when an order waits, and whether it was told that this is too long."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    instant = sa.String(27) if op.get_bind().dialect.name == "sqlite" else sa.DateTime(timezone=True)
    op.add_column("orders", sa.Column("waiting_since", instant))
    op.add_column("orders", sa.Column("stalled_at", instant))
    told = sa.text("stalled_at IS NOT NULL AND due_at IS NOT NULL")
    op.create_index("ix_orders_stalled", "orders", ["order_id"], postgresql_where=told, sqlite_where=told)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("GRANT SELECT (waiting_since) ON orders TO hardware_orders_relay")


def downgrade() -> None:
    op.drop_index("ix_orders_stalled", "orders")
    op.drop_column("orders", "stalled_at")
    op.drop_column("orders", "waiting_since")
