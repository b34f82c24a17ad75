"""What a search looks by: the merchant's name as a column, and the indexes along which it walks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("orders", sa.Column("merchant_name", sa.Text()))
    body = "coalesce(body, sent)"
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    name = (
        f"json_extract({body}, '$.merchant.merchantName')"
        if is_sqlite
        else f"{body}::json #>> '{{merchant,merchantName}}'"
    )
    # Only bodies that mention a merchant are parsed.
    op.execute(sa.text(f"UPDATE orders SET merchant_name = {name} WHERE {body} LIKE '%\"merchant\"%'"))  # noqa: S608  # no input

    op.create_index("ix_orders_created_date", "orders", ["created_date", "order_id"])
    op.create_index("ix_orders_customer", "orders", ["customer_entity_uid", "created_date", "order_id"])
    op.create_index("ix_orders_reference", "orders", ["order_reference", "created_date", "order_id"])


def downgrade() -> None:
    for name in ("reference", "customer", "created_date"):
        op.drop_index(f"ix_orders_{name}", "orders")
    op.drop_column("orders", "merchant_name")
