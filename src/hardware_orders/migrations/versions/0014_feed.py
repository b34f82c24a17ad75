"""The API may ask from which position on events are kept, which is about no customer."""

from alembic import op

revision = "0014"
down_revision = "0013"

GRANT = "SELECT (position) ON order_events"
INTAKE = "hardware_orders_intake"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"GRANT {GRANT} TO {INTAKE}")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"REVOKE {GRANT} FROM {INTAKE}")
