"""The operations log: what is about no single order."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

INTAKE = "hardware_orders_intake"
RELAY = "hardware_orders_relay"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "operations",
        sa.Column("id", sa.Integer() if is_sqlite else sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.String(27) if is_sqlite else sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text()),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sqlite_autoincrement=True,
    )
    if not is_sqlite:
        # Rows are only added: nobody may change or remove what was done.
        op.execute(f"GRANT SELECT, INSERT ON operations TO {INTAKE}")
        op.execute(f"GRANT INSERT ON operations TO {RELAY}")
        op.execute(f"GRANT USAGE ON SEQUENCE operations_id_seq TO {INTAKE}, {RELAY}")


def downgrade() -> None:
    op.drop_table("operations")
