"""Numbering: gives every committed event its position over all orders, gap-free, in the order of insertion.

The counter's row is the lock: any number of relays may run, and none is elected. A transaction that commits late gets a
later position; nothing is ever passed over, as a cursor on ids would do.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, bindparam, func, select, update

from hardware_orders.database import Database
from hardware_orders.delivery.log import TOLD, within_bytes
from hardware_orders.tables import order_events, relay_position

# A pass of this many is a transaction of some ten milliseconds; another pass follows at once while more wait.
BATCH_EVENTS = 500

_COUNTER = select(relay_position.c.last).where(relay_position.c.id == 1).with_for_update()
_WAITING = within_bytes(
    select(order_events.c.id, order_events.c.data)
    .where(order_events.c.position.is_(None))
    .order_by(order_events.c.id)
    .limit(BATCH_EVENTS)
    .subquery("unnumbered"),
    "id",
).subquery("waiting")
_RANKED = select(
    _WAITING.c.id,
    (func.row_number().over(order_by=_WAITING.c.id) + bindparam("last", type_=BigInteger)).label("position"),
).subquery("ranked")
_NUMBER = (
    update(order_events).where(order_events.c.id == _RANKED.c.id).values(position=_RANKED.c.position).returning(*TOLD)
)
_ADVANCE = update(relay_position).where(relay_position.c.id == 1).values(last=bindparam("new_last", type_=BigInteger))


def number(database: Database) -> Sequence[Any]:
    """Number what has no position yet, at most BATCH_EVENTS and so many bytes. Returns rows as `log.after` would."""
    with database.write() as connection:
        last = connection.execute(_COUNTER).scalar_one()
        numbered = sorted(connection.execute(_NUMBER, {"last": last}), key=attrgetter("position"))
        if numbered:
            connection.execute(_ADVANCE, {"new_last": last + len(numbered)})
        return numbered
