"""Parked orders: set aside before submission, until somebody mends what their code says and submits them again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, literal, literal_column, select, tuple_

from hardware_orders.orders import visible
from hardware_orders.orders.status import PARKED
from hardware_orders.orders.visible import Entities
from hardware_orders.tables import orders

# As a literal: a plan that is made for any value cannot use the index of this one.
IS_PARKED: ColumnElement[bool] = orders.c.detailed_status == literal_column(f"'{PARKED.detailed}'")
# Beyond this nobody needs the exact number, and counting is no longer free.
COUNTED_MOST = 10_000

# One that was submitted again waits for the worker, and for nobody else.
_STANDS_STILL = (IS_PARKED, orders.c.due_at.is_(None), visible.IS_THERE)


class CodeCount(NamedTuple):
    """How many orders are parked for one reason; `code` is empty where there is none."""

    code: str
    orders: int
    oldest: datetime


class Row(NamedTuple):
    """A parked order, as a list shows it."""

    order_id: str
    order_reference: str
    customer_entity_uid: str
    merchant_name: str | None
    code: str | None
    information: str | None
    attempts: int
    created_date: datetime
    status_changed_at: datetime


def counts(connection: Connection, entities: Entities) -> Sequence[CodeCount]:
    """By code, the most frequent first; of the first `COUNTED_MOST` orders that this caller sees."""
    found = _visible(select(orders.c.code, orders.c.created_date).where(*_STANDS_STILL), entities)
    among = found.limit(COUNTED_MOST).subquery("found")
    count = func.count().label("orders")
    by_code = select(among.c.code, count, func.min(among.c.created_date).label("oldest")).group_by(among.c.code)
    rows = connection.execute(by_code.order_by(count.desc(), among.c.code), _parameters(entities))
    return [CodeCount(row.code or "", row.orders, row.oldest) for row in rows]


def listed(
    connection: Connection, entities: Entities, code: str, limit: int, behind: tuple[datetime, str] | None = None
) -> Sequence[Row]:
    """Orders parked with this code, the oldest first, behind the one with this creation and id."""
    wanted = select(*(orders.c[name] for name in Row._fields)).where(*_STANDS_STILL, orders.c.code == code)
    if behind is not None:
        keys = (orders.c.created_date, orders.c.order_id)
        there = tuple_(*(literal(value, key.type) for key, value in zip(keys, behind, strict=True)))
        wanted = wanted.where(tuple_(*keys) > there)
    ordered = _visible(wanted, entities).order_by(orders.c.created_date, orders.c.order_id).limit(limit)
    return [Row(*row) for row in connection.execute(ordered, _parameters(entities))]


def ids(connection: Connection, entities: Entities, code: str, limit: int) -> Sequence[str]:
    """The ids of the orders that were parked longest with this code."""
    return [row.order_id for row in listed(connection, entities, code, limit)]


def _visible(statement: Select[Any], entities: Entities) -> Select[Any]:
    return statement if entities is None else statement.where(visible.CONDITION)


def _parameters(entities: Entities) -> dict[str, str]:
    return {} if entities is None else visible.parameter(entities)
