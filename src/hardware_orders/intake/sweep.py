"""The sweep: rings again for what has been due too long. Losing all messages of a broker costs seconds, no order."""

from datetime import timedelta

import structlog
from sqlalchemy import bindparam, select

from hardware_orders.broker import Ringer
from hardware_orders.database import Database
from hardware_orders.tables import orders

log = structlog.get_logger()

INTERVAL_SECONDS = 1.0
# A bell is normally answered within milliseconds; who waits longer than this was probably not heard.
GRACE_SECONDS = 2.0
# Orders of one bell. A batch that kills its worker is rung singly the next time.
TOGETHER_ORDERS = 200
# Bells of one round: bounded, so that a long outage is worked off in order rather than queued all at once.
ROUND_ORDERS = 10_000
ROUND_ALONE_ORDERS = 100


# The longest waiting first. The whole order is the worker's business; this process stays small without it.
_OVERDUE = (
    select(orders.c.order_id, orders.c.attempts)
    .where(orders.c.due_at < bindparam("before", type_=orders.c.due_at.type))
    .order_by(orders.c.due_at)
    .limit(ROUND_ORDERS)
)


def sweep(database: Database, ringer: Ringer) -> int:
    """Ring for what is overdue; returns the number of orders. Skips its turn while earlier bells are still queued.

    Counts nothing: a worker that begins a swept batch does. Raises what the broker's client raises when it is away.
    """
    with database.read() as connection:
        before = database.now(connection) - timedelta(seconds=GRACE_SECONDS)
        overdue = connection.execute(_OVERDUE, {"before": before}).all()
    if not overdue or ringer.queued():
        return 0
    together = [order_id for order_id, attempts in overdue if attempts == 0]
    alone = [order_id for order_id, attempts in overdue if attempts > 0][:ROUND_ALONE_ORDERS]
    for start in range(0, len(together), TOGETHER_ORDERS):
        ringer.ring(together[start : start + TOGETHER_ORDERS], swept=True)
    for order_id in alone:
        ringer.ring([order_id], swept=True)
    log.info("rung_again", together=len(together), alone=len(alone))
    return len(together) + len(alone)
