"""What fulfilment reports of an order, and when an order was discarded."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ADDED = ("tracking_reference", "order_number", "discarded_at")


def upgrade() -> None:
    instant = sa.String(27) if op.get_bind().dialect.name == "sqlite" else sa.DateTime(timezone=True)
    for name, kind in zip(_ADDED, (sa.Text(), sa.BigInteger(), instant), strict=True):
        op.add_column("orders", sa.Column(name, kind))


def downgrade() -> None:
    for name in reversed(_ADDED):
        op.drop_column("orders", name)
