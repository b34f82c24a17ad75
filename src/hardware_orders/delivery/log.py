"""The log of events as its readers see it: always by position, or one order's own, never by insertion id."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Subquery, bindparam, func, select

from hardware_orders.tables import order_events, relay_position

# What a CloudEvent is made of.
TOLD = (
    order_events.c.event_id,
    order_events.c.order_id,
    order_events.c.sequence,
    order_events.c.position,
    order_events.c.type,
    order_events.c.occurred_at,
    order_events.c.actor,
    order_events.c.data,
)
# Of one batch or page: an event may be as large as an order, some hundred times the usual.
PART_MOST_BYTES = 4 * 2**20


def within_bytes(rows: Subquery, *order: str, text: str = "data") -> Select[Any]:
    """The first of these rows by `order`, up to the one whose `text` exceeds PART_MOST_BYTES together with theirs.

    Each has its own bytes and those of all before it as `bytes_through`.
    """
    size = func.octet_length(rows.c[text])
    through = func.sum(size).over(order_by=[rows.c[name] for name in order], rows=(None, 0)).label("bytes_through")
    counted = select(*rows.c, through).subquery()
    is_within = counted.c.bytes_through - func.octet_length(counted.c[text]) < PART_MOST_BYTES
    return select(counted).where(is_within).order_by(*(counted.c[name] for name in order))


_AFTER = within_bytes(
    select(*TOLD)
    .where(order_events.c.position > bindparam("after"))
    .order_by(order_events.c.position)
    .limit(bindparam("limit"))
    .subquery("page"),
    "position",
)
_OF_ORDER = (
    select(*TOLD, order_events.c.digest, order_events.c.hash)
    .where(
        order_events.c.order_id == bindparam("order_id"),
        # Events without a position are the newest: they are behind every position.
        func.coalesce(order_events.c.position, 2**62) > bindparam("after"),
    )
    .order_by(order_events.c.sequence)
    .limit(bindparam("limit"))
)
_POSITIONS = select(order_events.c.order_id, order_events.c.position).where(order_events.c.position.is_not(None))
_LAST = select(relay_position.c.last).where(relay_position.c.id == 1)
_ENDS = select(relay_position.c.last, select(func.min(order_events.c.position)).scalar_subquery().label("first")).where(
    relay_position.c.id == 1
)


def after(connection: Connection, position: int, limit: int) -> Sequence[Any]:
    """Rows of numbered events above this position, in order; fewer than `limit` where they are large."""
    return connection.execute(_AFTER, {"after": position, "limit": limit}).all()


def of_order(connection: Connection, order_id: str, position: int, limit: int) -> Sequence[Any]:
    """One order's events after this position in their sequence; those not numbered yet come last."""
    return connection.execute(_OF_ORDER, {"order_id": order_id, "after": position, "limit": limit}).all()


def earlier(connection: Connection, rows: Sequence[Any]) -> list[int]:
    """The positions of all earlier events of the orders that these rows tell of."""
    ends = {row.order_id: row.position for row in rows}
    earlier = _POSITIONS.where(order_events.c.order_id.in_(list(ends)))
    found = connection.execute(earlier).all()
    return sorted(row.position for row in found if row.position < ends[row.order_id])


def last_position(connection: Connection) -> int:
    """The highest position given so far; 0 before the first."""
    return int(connection.execute(_LAST).scalar_one())


def ends(connection: Connection) -> tuple[int, int]:
    """The lowest position that is kept and the highest that was given; the first is last + 1 when none is kept."""
    row = connection.execute(_ENDS).one()
    return (row.last + 1 if row.first is None else row.first), row.last
