"""The log of events as its readers see it: always by position, or one order's own, never by insertion id."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from hardware_orders.tables import order_events, relay_position

# What a CloudEvent is made of.
_TOLD = (
    order_events.c.event_id,
    order_events.c.order_id,
    order_events.c.sequence,
    order_events.c.position,
    order_events.c.type,
    order_events.c.occurred_at,
    order_events.c.actor,
    order_events.c.data,
)
_AFTER = (
    select(*_TOLD)
    .where(order_events.c.position > bindparam("after"))
    .order_by(order_events.c.position)
    .limit(bindparam("limit"))
)
_OF_ORDER = (
    select(*_TOLD, order_events.c.digest, order_events.c.hash)
    .where(
        order_events.c.order_id == bindparam("order_id"),
        # Events without a position are the newest: they are behind every position.
        func.coalesce(order_events.c.position, 2**62) > bindparam("after"),
    )
    .order_by(order_events.c.sequence)
    .limit(bindparam("limit"))
)
_LAST = select(relay_position.c.last).where(relay_position.c.id == 1)


def after(connection: Connection, position: int, limit: int) -> Sequence[Any]:
    """Rows of numbered events above this position, in order."""
    return connection.execute(_AFTER, {"after": position, "limit": limit}).all()


def of_order(connection: Connection, order_id: str, position: int, limit: int) -> Sequence[Any]:
    """One order's events after this position in their sequence; those not numbered yet come last."""
    return connection.execute(_OF_ORDER, {"order_id": order_id, "after": position, "limit": limit}).all()


def last_position(connection: Connection) -> int:
    """The highest position given so far; 0 before the first."""
    return int(connection.execute(_LAST).scalar_one())
