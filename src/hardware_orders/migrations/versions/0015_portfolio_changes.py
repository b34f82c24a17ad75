"""What a newer portfolio would change in a draft, kept with the draft whose submission it stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("orders", sa.Column("portfolio_changes", sa.Text()))


def downgrade() -> None:
    # The versions before know one way to submit, which asks before it changes a value.
    op.execute("UPDATE orders SET intent = 'SUBMIT' WHERE intent IN ('PINNED', 'LATEST')")
    op.drop_column("orders", "portfolio_changes")
