"""Attempts to settle an order that failed, kept with it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("orders", sa.Column("failures", sa.Text()))


def downgrade() -> None:
    op.drop_column("orders", "failures")
