"""Numbering: gives every committed event its position over all orders, gap-free, in the order of insertion.

The counter's row is the lock: any number of relays may run, and none is elected. A transaction that commits late gets a
later position; nothing is ever passed over, as a cursor on ids would do.
"""

from sqlalchemy import func, select, update

from hardware_orders.database import Database
from hardware_orders.tables import order_events, relay_position

# A pass of this many is a transaction of some ten milliseconds; another pass follows at once while more wait.
BATCH_EVENTS = 1_000

_COUNTER = select(relay_position.c.last).where(relay_position.c.id == 1).with_for_update()


def number(database: Database) -> int:
    """Number what has no position yet, at most BATCH_EVENTS. Returns how many it were."""
    with database.write() as connection:
        last = connection.execute(_COUNTER).scalar_one()
        ids = (
            select(order_events.c.id)
            .where(order_events.c.position.is_(None))
            .order_by(order_events.c.id)
            .limit(BATCH_EVENTS)
            .subquery("waiting")
        )
        ranked = select(ids.c.id, (func.row_number().over(order_by=ids.c.id) + last).label("position")).subquery(
            "ranked"
        )
        numbered = connection.execute(
            update(order_events).where(order_events.c.id == ranked.c.id).values(position=ranked.c.position)
        ).rowcount
        if numbered:
            connection.execute(
                update(relay_position).where(relay_position.c.id == 1).values(last=relay_position.c.last + numbered)
            )
        return numbered
