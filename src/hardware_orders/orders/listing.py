"""Orders as lists show them: a row without its body, found by the search's filters and by words in what it shows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, func, or_, select

from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders import search, visible
from hardware_orders.orders.search import Filters, Place
from hardware_orders.orders.visible import Entities

# How many orders one page looks through for words, and how many are counted. No index leads to a word in the middle of a
# name: without a bound, a word that occurs nowhere would have all orders read.
LOOKED_AT_MOST = 10_000


class Row(NamedTuple):
    """An order in a list."""

    order_id: str
    order_reference: str
    status: Status
    detailed_status: DetailedStatus | None
    code: str | None
    customer_entity_uid: str
    merchant_name: str | None
    created_date: datetime
    modified_date: datetime
    due_at: datetime | None


class Listing(NamedTuple):
    """Rows, newest first, and where to go on. `is_cut`: what is behind was not looked at, rather than being full."""

    rows: Sequence[Row]
    last: Place | None
    is_cut: bool


class Counted(NamedTuple):
    """How many orders are in each status, of at most `LOOKED_AT_MOST` newest; `is_cut` when there are more."""

    statuses: Mapping[Status, int]
    is_cut: bool


def page(
    connection: Connection, entities: Entities, filters: Filters, words: str | None, *, place: Place | None, limit: int
) -> Listing:
    """At most `limit` orders behind this place. Raises SearchTooLongError."""
    customers = visible.among(entities, filters.customers)
    if customers is not None and not customers:
        return Listing((), None, is_cut=False)
    most = limit + 1 if words is None else LOOKED_AT_MOST
    found = search.matching(connection, customers, filters, place, offset=0, limit=most).subquery("found")
    shown = select(*(found.c[name] for name in Row._fields)).order_by(
        found.c.created_date.desc(), found.c.order_id.desc()
    )
    if words is not None:
        shown = shown.where(_has(found, words))
    rows = [_row(row) for row in search.execute(connection, shown.limit(limit + 1), customers)]
    if len(rows) > limit:
        return Listing(rows[:limit], Place(rows[limit - 1].created_date, rows[limit - 1].order_id), is_cut=False)
    if words is None:
        return Listing(rows, None, is_cut=False)
    ends = select(found.c.created_date, found.c.order_id).order_by(found.c.created_date, found.c.order_id).limit(1)
    count = select(func.count().label("count")).select_from(found)
    (counted,) = search.execute(connection, count, customers)
    if counted["count"] < LOOKED_AT_MOST:
        return Listing(rows, None, is_cut=False)
    (end,) = search.execute(connection, ends, customers)
    return Listing(rows, Place(end["created_date"], end["order_id"]), is_cut=True)


def counted(connection: Connection, entities: Entities, filters: Filters, words: str | None) -> Counted:
    """The same filters, but for the status. Raises SearchTooLongError."""
    customers = visible.among(entities, filters.customers)
    if customers is not None and not customers:
        return Counted({}, is_cut=False)
    anywhere = filters._replace(in_status=None)
    most = LOOKED_AT_MOST + 1
    found = search.matching(connection, customers, anywhere, None, offset=0, limit=most).subquery("found")
    count = func.count().label("count")
    by_status = select(found.c.status, count).group_by(found.c.status)
    if words is not None:
        by_status = by_status.where(_has(found, words))
    rows = search.execute(connection, by_status, customers)
    statuses = {Status(row["status"]): int(row["count"]) for row in rows}
    return Counted(statuses, is_cut=sum(statuses.values()) >= most)


def _has(found: FromClause, words: str) -> ColumnElement[bool]:
    looked_at = (
        "order_reference",
        "merchant_name",
        "po_ref",
        "created_by",
        "code",
        "information",
        "tracking_reference",
    )
    return or_(*(found.c[name].icontains(words, autoescape=True) for name in looked_at))


def _row(row: Any) -> Row:
    detailed = DetailedStatus(row["detailed_status"]) if row["detailed_status"] else None
    values = {name: row[name] for name in Row._fields}
    return Row(**{**values, "status": Status(row["status"]), "detailed_status": detailed})
