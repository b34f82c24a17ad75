"""Orders, their events, the relay's counter, idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    uid = sa.String(36) if is_sqlite else sa.Uuid()
    instant = sa.String(27) if is_sqlite else sa.DateTime(timezone=True)
    insertion_id = sa.Integer() if is_sqlite else sa.BigInteger()
    waiting = sa.text("due_at IS NOT NULL")
    unnumbered = sa.text("position IS NULL")

    op.create_table(
        "orders",
        sa.Column("order_id", uid, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("detailed_status", sa.String(32)),
        sa.Column("code", sa.String(64)),
        sa.Column("information", sa.Text()),
        sa.Column("status_changed_at", instant, nullable=False),
        sa.Column("sent", sa.Text(), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("derived", sa.Text()),
        sa.Column("derived_at", instant),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("order_reference", sa.Text(), nullable=False),
        sa.Column("customer_entity_uid", uid, nullable=False),
        sa.Column("requested_date", instant),
        sa.Column("po_ref", sa.Text()),
        sa.Column("simplified", sa.Boolean(), nullable=False),
        sa.Column("portfolio_uid", uid),
        sa.Column("portfolio_version", sa.Integer()),
        sa.Column("due_at", instant),
        sa.Column("intent", sa.String(8)),
        sa.Column("due_actor", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lookups", sa.Integer(), nullable=False),
        sa.Column("created_user_uid", sa.Text()),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_date", instant, nullable=False),
        sa.Column("modified_user_uid", sa.Text()),
        sa.Column("modified_by", sa.Text(), nullable=False),
        sa.Column("modified_date", instant, nullable=False),
        sa.Column("submitted_at", instant),
        sa.Column("cancellations", sa.Text(), nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="pk_orders"),
        sa.CheckConstraint("version >= 1", name=op.f("ck_orders_version")),
        sa.CheckConstraint("(due_at IS NULL) = (intent IS NULL)", name=op.f("ck_orders_due_intent")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_orders_due_at", "orders", ["due_at"], postgresql_where=waiting, sqlite_where=waiting)

    op.create_table(
        "order_events",
        sa.Column("id", insertion_id, nullable=False, autoincrement=True),
        sa.Column("event_id", uid, nullable=False),
        sa.Column("order_id", uid, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("occurred_at", instant, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_order_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_order_events_order_id_sequence", "order_events", ["order_id", "sequence"], unique=True)
    op.create_index("uq_order_events_position", "order_events", ["position"], unique=True)
    op.create_index(
        "ix_order_events_unnumbered", "order_events", ["id"], postgresql_where=unnumbered, sqlite_where=unnumbered
    )

    position = op.create_table(
        "relay_position",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_relay_position"),
        sa.CheckConstraint("id = 1", name=op.f("ck_relay_position_one_row")),
    )
    op.bulk_insert(position, [{"id": 1, "last": 0}])

    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("order_id", uid, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency_keys"),
    )


def downgrade() -> None:
    for table in ("idempotency_keys", "relay_position", "order_events", "orders"):
        op.drop_table(table)
