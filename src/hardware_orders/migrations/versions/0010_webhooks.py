"""Webhooks: endpoints with their place in the log, and what became of each attempt."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

CALLER = "hardware_orders_caller"
INTAKE = "hardware_orders_intake"
RELAY = "hardware_orders_relay"

# Secrets are no caller's to read, not even encrypted.
SHOWN = (
    "endpoint_id, url, description, customers, event_types, previous_secret_until, created_at, changed_at, paused_at, "
    "paused_reason, position, attempts, failing_since, due_at"
)
MOVED = "position, attempts, failing_since, due_at, claim, claimed_until, paused_at, paused_reason"
GRANTS = (
    f"SELECT ({SHOWN}) ON webhook_endpoints TO {CALLER}",
    f"SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints TO {INTAKE}",
    f"SELECT, UPDATE ({MOVED}) ON webhook_endpoints TO {RELAY}",
    f"SELECT ON webhook_attempts TO {CALLER}",
    f"SELECT, INSERT ON webhook_attempts TO {INTAKE}, {RELAY}",
    f"USAGE ON SEQUENCE webhook_attempts_id_seq TO {INTAKE}, {RELAY}",
    f"SELECT (customer_entity_uid) ON orders TO {RELAY}",
)

# An endpoint is visible to whoever may act for every customer that it has; one of all customers to whoever acts for all.
ENTITIES = "current_setting('hardware_orders.entities', true)"
IS_VISIBLE = (
    f"(SELECT {ENTITIES}) = '*' OR string_to_array(customers, ',') <@ (SELECT string_to_array({ENTITIES}, ','))"
)
ATTEMPT_IS_VISIBLE = (
    "(SELECT true FROM webhook_endpoints WHERE webhook_endpoints.endpoint_id = webhook_attempts.endpoint_id)"
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    uid = sa.String(36) if is_sqlite else sa.Uuid()
    instant = sa.String(27) if is_sqlite else sa.DateTime(timezone=True)
    op.create_table(
        "webhook_endpoints",
        sa.Column("endpoint_id", uid, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("customers", sa.Text(), nullable=False),
        sa.Column("event_types", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text()),
        sa.Column("previous_secret_until", instant),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("changed_at", instant, nullable=False),
        sa.Column("paused_at", instant),
        sa.Column("paused_reason", sa.String(16)),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since", instant),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("claimed_until", instant),
        sa.PrimaryKeyConstraint("endpoint_id", name="pk_webhook_endpoints"),
        sa.CheckConstraint("(paused_at IS NULL) = (paused_reason IS NULL)", name="ck_webhook_endpoints_paused"),
    )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Integer() if is_sqlite else sa.BigInteger(), nullable=False),
        sa.Column("endpoint_id", uid, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("event_id", uid, nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("attempted_at", instant, nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.String(32)),
        sa.Column("answer", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_attempts"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_attempts_endpoint_id", "webhook_attempts", ["endpoint_id", "id"])
    op.create_index("ix_webhook_attempts_event_id", "webhook_attempts", ["event_id", "endpoint_id"])
    op.create_index("ix_webhook_attempts_attempted_at", "webhook_attempts", ["attempted_at"])
    if is_sqlite:
        return
    for grant in GRANTS:
        op.execute(f"GRANT {grant}")
    for table, condition in (("webhook_endpoints", IS_VISIBLE), ("webhook_attempts", ATTEMPT_IS_VISIBLE)):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY caller ON {table} TO {CALLER} USING ({condition})")
        op.execute(f"CREATE POLICY service ON {table} TO {INTAKE}, {RELAY} USING (true)")


def downgrade() -> None:
    op.drop_table("webhook_attempts")
    op.drop_table("webhook_endpoints")
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"REVOKE SELECT (customer_entity_uid) ON orders FROM {RELAY}")  # noqa: S608  # no one else's words
