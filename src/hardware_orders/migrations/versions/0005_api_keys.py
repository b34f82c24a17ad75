"""API keys, for clients without an issuer of tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    uid = sa.String(36) if is_sqlite else sa.Uuid()
    instant = sa.String(27) if is_sqlite else sa.DateTime(timezone=True)
    op.create_table(
        "api_keys",
        sa.Column("key_id", uid, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("entities", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant),
        sa.Column("revoked_at", instant),
        sa.Column("last_used_at", instant),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    if not is_sqlite:
        # The API looks for them and says when; only the owner's login makes and revokes them.
        op.execute("GRANT SELECT, UPDATE (last_used_at) ON api_keys TO hardware_orders_intake")


def downgrade() -> None:
    op.drop_table("api_keys")
