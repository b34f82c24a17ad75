"""Orders that wait for longer than they should: each is told once, as `order.stalled`, by whichever relay is first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, bindparam, func, select

from hardware_orders.database import Database
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Stall
from hardware_orders.orders.decide import decide
from hardware_orders.tables import orders

log = structlog.get_logger()

# Of those that wait at the same time. They wait for the same thing, and a hundred events say so as well as a million.
TOLD_MOST = 100

_TOLD = select(func.count()).where(orders.c.stalled_at.is_not(None), orders.c.due_at.is_not(None))
_UNTOLD = (
    select(orders.c.order_id)
    .where(
        orders.c.due_at.is_not(None),
        orders.c.stalled_at.is_(None),
        func.coalesce(orders.c.waiting_since, orders.c.created_date)
        < bindparam("before", type_=orders.c.created_date.type),
    )
    .order_by(orders.c.due_at)
    .limit(bindparam("limit"))
)


def tell(database: Database, bound: timedelta) -> int:
    """Tell of orders that have waited for longer than `bound`; returns how many it were."""
    with database.read() as connection:
        room = TOLD_MOST - connection.execute(_TOLD).scalar_one()
        before = database.now(connection) - bound
        untold = connection.execute(_UNTOLD, {"before": before, "limit": max(room, 0)}).scalars().all()
    if not untold:
        return 0
    with database.write() as connection:
        told = _tell_locked(connection, untold, before)
    if told:
        log.warning("orders_stalled", orders=told)
    return told


def _tell_locked(connection: Connection, order_ids: Sequence[str], before: datetime) -> int:
    changed, rows = [], []
    for order, now in store.lock(connection, order_ids):
        if not order.is_waiting or order.waits_since > before:
            continue  # settled since, and perhaps asked for something else
        decision = decide(order, Stall(), now)
        if decision.event is not None:
            after, row = events.record(order, decision)
            changed.append((order, after))
            rows.append(row)
    store.write(connection, changed)
    store.insert_events(connection, rows)
    return len(rows)
