"""Samples of the whole system, a row a second; an index of what is parked; and operators' acts on many orders."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

CALLER = "hardware_orders_caller"
INTAKE = "hardware_orders_intake"
RELAY = "hardware_orders_relay"
PARKED = "detailed_status = 'REQUIRES_ATTENTION'"
# What the sampler counts by. It reads no body and no name.
COUNTED = "status, detailed_status, code, created_date"


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("second", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("second", name="pk_samples"),
    )
    op.create_index(
        "ix_orders_parked",
        "orders",
        ["code", "created_date", "order_id"],
        postgresql_where=sa.text(PARKED),
        sqlite_where=sa.text(PARKED),
    )
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute(f"GRANT SELECT, INSERT, DELETE ON samples TO {RELAY}")
    op.execute(f"GRANT SELECT ON samples TO {INTAKE}")
    op.execute(f"GRANT SELECT ({COUNTED}) ON orders TO {RELAY}")
    # An act on many orders and its row are there together or not at all. Callers cannot read the log.
    op.execute(f"GRANT INSERT ON operations TO {CALLER}")
    op.execute(f"GRANT USAGE ON SEQUENCE operations_id_seq TO {CALLER}")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"REVOKE INSERT ON operations FROM {CALLER}")
        op.execute(f"REVOKE USAGE ON SEQUENCE operations_id_seq FROM {CALLER}")
        op.execute(f"REVOKE SELECT ({COUNTED}) ON orders FROM {RELAY}")  # noqa: S608  # no input
    op.drop_index("ix_orders_parked", "orders")
    op.drop_table("samples")
