"""The feed: all events in the order of their positions, as far as a caller may see them, a bounded part at a time.

A part is bounded by the events it returns, by their bytes, and by the positions it looks at: what a caller may not see,
or did not ask for, has to be looked at as well. Its `next_after` passes over all of them (docs/adr/0021).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from hardware_orders.database import Database
from hardware_orders.delivery import log
from hardware_orders.errors import EventsGoneError
from hardware_orders.orders import visible
from hardware_orders.orders.visible import Entities
from hardware_orders.tables import order_events, orders

# Positions of one part. Of 10,000 that the caller may not see, PostgreSQL asks for the order of each: some 50 ms.
SCAN_POSITIONS = 10_000
PAGE_EVENTS = 500

# The LIMIT keeps the planner from any other way than along the positions, such as by the customer's every order.
_SCANNED = (
    select(*log.TOLD)
    .where(order_events.c.position > bindparam("after"), order_events.c.position <= bindparam("through"))
    .order_by(order_events.c.position)
    .limit(SCAN_POSITIONS)
    .subquery("scanned")
)
_WITH_CUSTOMER = select(*_SCANNED.c, orders.c.customer_entity_uid).join(
    orders, orders.c.order_id == _SCANNED.c.order_id
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose events are asked for: `customers` and `types` limit what `entities`, the caller's own, let it see.

    None is all of them, for each of the three.
    """

    entities: Entities = None
    customers: Collection[str] | None = None
    types: Collection[str] | None = None

    @property
    def seen(self) -> Entities:
        """The customers whose events are told."""
        return visible.among(self.entities, self.customers)


class Page(NamedTuple):
    """Rows as CloudEvents are made of them, each with `customer_entity_uid`, and the last position looked at.

    `last` is the highest position that there was.
    """

    rows: Sequence[Any]
    next_after: int
    last: int

    @property
    def is_last(self) -> bool:
        return self.next_after >= self.last


def page(database: Database, wanted: Wanted, after: int, limit: int = PAGE_EVENTS) -> Page:
    """The next part of the feed. Raises EventsGoneError when events after this position are no longer kept."""
    with database.read() as connection:
        first, last = log.ends(connection)
    if after < first - 1:
        raise EventsGoneError(first)
    # Positions are given in order: whoever knows the last one finds all that are lower.
    through = min(after + SCAN_POSITIONS, last)
    if through <= after:
        return Page([], last, last)
    statement, parameters = _limited(wanted, {"after": after, "through": through})
    chosen = statement.order_by(_SCANNED.c.position).limit(limit).subquery("chosen")
    with database.read_for(wanted.entities) as connection:
        rows = connection.execute(log.within_bytes(chosen, "position"), parameters).all()
    is_full = len(rows) == limit or (rows and rows[-1].bytes_through >= log.PART_MOST_BYTES)
    return Page(rows, rows[-1].position if is_full else through, last)


def newest(database: Database) -> int:
    """The highest position given so far."""
    with database.read() as connection:
        return log.last_position(connection)


def _limited(wanted: Wanted, parameters: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    statement: Any = _WITH_CUSTOMER
    if wanted.types is not None:
        statement = statement.where(_SCANNED.c.type.in_(sorted(wanted.types)))
    if wanted.seen is not None:
        statement = statement.where(visible.CONDITION)
        parameters = parameters | visible.parameter(wanted.seen)
    return statement, parameters
