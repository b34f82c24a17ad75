"""The line of those who wait: all customers' orders, each with its turn when it is due."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select

from hardware_orders.database import Database
from hardware_orders.orders.order import Order
from hardware_orders.tables import orders

# Who waits behind ten thousand need not know behind how many more; so many are counted in some milliseconds.
COUNTED_MOST = 10_000

_DUE_BEFORE = select(orders.c.due_at).where(orders.c.due_at < bindparam("due_at", type_=orders.c.due_at.type))
_AHEAD = select(func.count()).select_from(_DUE_BEFORE.limit(COUNTED_MOST).subquery("due_before"))
_FIRST = select(orders.c.due_at).where(orders.c.due_at.is_not(None)).order_by(orders.c.due_at).limit(1)


def ahead(database: Database, order: Order) -> int:
    """How many orders have their turn before this waiting one, counted up to `COUNTED_MOST`."""
    with database.read() as connection:
        return int(connection.execute(_AHEAD, {"due_at": order.due_at}).scalar_one())


def overdue(database: Database) -> timedelta:
    """For how long the first in the line has had its turn; nothing when nobody waits whose turn it is."""
    with database.read() as connection:
        first: datetime | None = connection.execute(_FIRST).scalar_one_or_none()
        return max(database.now(connection) - first, timedelta()) if first else timedelta()
