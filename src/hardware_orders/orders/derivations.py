"""From which portfolios, and which versions of them, the newest orders were completed."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from hardware_orders.orders import visible
from hardware_orders.tables import orders

# No index leads to simplified orders: this many of the newest orders are looked at, whatever they are.
LOOKED_AT_MOST = 5_000
SHOWN_MOST = 200

_NEWEST = (
    select(
        orders.c.customer_entity_uid,
        orders.c.portfolio_uid,
        orders.c.portfolio_version,
        orders.c.derived_at,
        orders.c.lookups,
    )
    .where(visible.IS_THERE)
    .order_by(orders.c.created_date.desc(), orders.c.order_id.desc())
    .limit(LOOKED_AT_MOST)
    .subquery("newest")
)
_BY = (_NEWEST.c.customer_entity_uid, _NEWEST.c.portfolio_uid, _NEWEST.c.portfolio_version)
_last = func.max(_NEWEST.c.derived_at).label("last")
_USED = (
    select(*_BY, func.count().label("orders"), _last)
    .where(_NEWEST.c.portfolio_uid.is_not(None))
    .group_by(*_BY)
    .order_by(_last.desc())
    .limit(SHOWN_MOST)
)


class Used(NamedTuple):
    """A version of a portfolio, with how many of the newest orders it completed, and when last."""

    customer_entity_uid: str
    portfolio_uid: str
    portfolio_version: int
    orders: int
    last: datetime


def newest(connection: Connection) -> Sequence[Used]:
    """The versions that were used last, over all customers."""
    return [Used(*row) for row in connection.execute(_USED)]
