"""The index of positions leaves out the events that have none yet: each event is written to it once, not twice."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NAME = "uq_order_events_position"


def upgrade() -> None:
    _replace(sa.text("position IS NOT NULL"))


def downgrade() -> None:
    _replace(None)


def _replace(where: sa.TextClause | None) -> None:
    op.drop_index(NAME, "order_events")
    op.create_index(NAME, "order_events", ["position"], unique=True, postgresql_where=where, sqlite_where=where)
