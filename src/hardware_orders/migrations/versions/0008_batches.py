"""Batches of orders that come in one request, and what became of each of their lines."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

CALLER = "hardware_orders_caller"
INTAKE = "hardware_orders_intake"
RELAY = "hardware_orders_relay"

GRANTS = (
    f"SELECT, INSERT, UPDATE (ended_at) ON batches TO {INTAKE}",
    f"SELECT, UPDATE (settled_at) ON batches TO {RELAY}",
    f"SELECT, INSERT ON batch_items TO {INTAKE}",
    f"SELECT ON batch_items TO {CALLER}, {RELAY}",
)

# As for orders in 0004. A line that failed is of no customer; whose batch it is was asked before.
ENTITIES = "current_setting('hardware_orders.entities', true)"
CUSTOMERS = f"(SELECT string_to_array(NULLIF({ENTITIES}, '*'), ',')::uuid[])"
IS_VISIBLE = f"order_id IS NULL OR (SELECT {ENTITIES}) = '*' OR customer_entity_uid = ANY ({CUSTOMERS}::uuid[])"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    uid = sa.String(36) if is_sqlite else sa.Uuid()
    instant = sa.String(27) if is_sqlite else sa.DateTime(timezone=True)
    op.create_table(
        "batches",
        sa.Column("batch_id", uid, nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("ended_at", instant),
        sa.Column("settled_at", instant),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batches"),
    )
    op.create_index("uq_batches_caller_key", "batches", ["caller", "key"], unique=True)
    unsettled = sa.text("settled_at IS NULL")
    op.create_index("ix_batches_unsettled", "batches", ["batch_id"], postgresql_where=unsettled, sqlite_where=unsettled)
    op.create_table(
        "batch_items",
        sa.Column("batch_id", uid, nullable=False),
        sa.Column("item_index", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("line_hash", sa.String(64), nullable=False),
        sa.Column("order_id", uid),
        sa.Column("customer_entity_uid", uid),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("batch_id", "item_index", name="pk_batch_items"),
        sa.CheckConstraint("(order_id IS NULL) = (error IS NOT NULL)", name="ck_batch_items_outcome"),
    )
    if is_sqlite:
        return
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")
    op.execute("ALTER TABLE batch_items ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY caller ON batch_items TO {CALLER} USING ({IS_VISIBLE})")
    op.execute(f"CREATE POLICY service ON batch_items TO {INTAKE}, {RELAY} USING (true)")


def downgrade() -> None:
    op.drop_table("batch_items")
    op.drop_table("batches")
