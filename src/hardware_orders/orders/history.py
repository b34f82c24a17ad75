"""An order as it stood at a version or an instant: what the event of that version told, to the letter."""

from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, select

from hardware_orders.errors import NoSuchVersionError
from hardware_orders.orders import visible
from hardware_orders.orders.visible import Entities
from hardware_orders.tables import order_events, orders

_OF_ORDER = (
    select(order_events.c.sequence, order_events.c.data)
    .join(orders, orders.c.order_id == order_events.c.order_id)
    .where(order_events.c.order_id == bindparam("order_id"), visible.IS_THERE)
)
_AT = _OF_ORDER.where(order_events.c.sequence == bindparam("version"))
# Events of one instant: the last of them is how the order stood then.
_AS_OF = (
    _OF_ORDER.where(order_events.c.occurred_at <= bindparam("instant"))
    .order_by(order_events.c.sequence.desc())
    .limit(1)
)


class Version(NamedTuple):
    """The order as plain JSON values, as `view.as_json` showed it then."""

    version: int
    order: dict[str, Any]


def at(connection: Connection, order_id: str, entities: Entities, version: int) -> Version:
    """The order at this version, from 1. Raises NoSuchVersionError when this caller can see none."""
    return _one(connection, _AT, entities, {"order_id": order_id, "version": version})


def as_of(connection: Connection, order_id: str, entities: Entities, instant: datetime) -> Version:
    """The order as it stood at this instant. Raises NoSuchVersionError when this caller can see none."""
    return _one(connection, _AS_OF, entities, {"order_id": order_id, "instant": instant})


def _one(connection: Connection, statement: Any, entities: Entities, parameters: dict[str, Any]) -> Version:
    if entities is not None:
        statement, parameters = statement.where(visible.CONDITION), parameters | visible.parameter(entities)
    row = connection.execute(statement, parameters).one_or_none()
    if row is None:
        raise NoSuchVersionError
    return Version(row.sequence, orjson.loads(row.data)["order"])
