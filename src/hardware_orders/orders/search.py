"""Finding orders: the filters, and the two ways of paging through what matches them.

Orders are sorted by a date, and by their ids where dates are equal: the order is total, and a page begins exactly
behind the one before, however many orders come in meanwhile (docs/adr/0014).
"""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger

from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.database import is_statement_timeout
from hardware_orders.errors import PageTooLargeError, SearchTooLongError
from hardware_orders.orders import store, visible
from hardware_orders.orders.order import Order
from hardware_orders.orders.visible import Entities
from hardware_orders.tables import orders

# How far numbered pages reach, and orders are counted: counting a million takes a hundred times as long as finding a
# page, and to reach a deep page by its number is to read all pages before it. A cursor goes on from there without.
NUMBERED_MOST = 10_000
# A page's bodies: as much as the largest body that is taken in, so that a page costs no more memory than a request.
PAGE_MOST_BYTES = 4 * 2**20


class DateFilter(StrEnum):
    """Which date `start` and `end` are about."""

    CREATED = "createdDate"
    MODIFIED = "modifiedDate"
    REQUESTED = "requestedDate"


class SortBy(StrEnum):
    """Which date the orders are sorted by. Only the first has indexes; by the other all that match are sorted."""

    CREATED = "createdDate"
    MODIFIED = "modifiedDate"


class Filters(NamedTuple):
    """Which orders are looked for, and in which order. An absent filter is None; all that are given must hold."""

    order_reference: str | None = None
    in_status: Status | None = None
    detailed_status: DetailedStatus | None = None
    users: tuple[str, ...] | None = None  # who created the order, or modified it last
    merchant_name: str | None = None
    customers: tuple[str, ...] | None = None
    filtered_date: DateFilter = DateFilter.CREATED
    start: datetime | None = None  # inclusive, as `end` is
    end: datetime | None = None
    unchanged_since: datetime | None = None  # the status last changed before this instant
    is_impossible: bool = False  # asks for what no order here has
    sort_by: SortBy = SortBy.CREATED
    newest_first: bool = True


class Place(NamedTuple):
    """An order's place in the sorted orders: the date they are sorted by, and its id."""

    instant: datetime
    order_id: str


class Page(NamedTuple):
    """Orders in their order, and the place of the last one when there are more behind it."""

    orders: Sequence[Order]
    last: Place | None


def after(connection: Connection, entities: Entities, filters: Filters, place: Place | None, limit: int) -> Page:
    """At most `limit` orders behind this place, or from the beginning; fewer when their bodies are large.

    Raises SearchTooLongError when it takes longer than a statement may.
    """
    page, _ = _page(connection, entities, filters, limit, place=place)
    return page


def numbered(connection: Connection, entities: Entities, filters: Filters, number: int, size: int) -> tuple[Page, int]:
    """Page `number`, from 1, of pages of `size` orders, and how many there are, counted up to `NUMBERED_MOST` + 1.

    Raises PageTooLargeError when the page's bodies are too large together, SearchTooLongError as `after` does.
    """
    offset = (number - 1) * size
    page, found = _page(connection, entities, filters, size, offset=offset)
    if len(page.orders) < min(found, size):
        raise PageTooLargeError
    # A page that is not full is the last one, unless it lies behind the last.
    is_last = found <= size and (found or not offset)
    return page, offset + found if is_last else _count(connection, entities, filters)


def _page(
    connection: Connection,
    entities: Entities,
    filters: Filters,
    limit: int,
    *,
    place: Place | None = None,
    offset: int = 0,
) -> tuple[Page, int]:
    """The page, and how many rows there were for it: one more than `limit` when others follow."""
    customers = visible.among(entities, filters.customers)
    if filters.is_impossible or (customers is not None and not customers):
        return Page((), None), 0
    found_rows = matching(connection, customers, filters, place, offset=offset, limit=limit + 1)
    rows = execute(connection, _bounded(found_rows.subquery("matching"), filters), customers)
    kept = [store.order_of(row) for row in rows[:limit]]
    found = int(rows[0]["found"]) if rows else 0
    return Page(kept, _place(kept[-1], filters) if found > len(kept) else None), found


def _count(connection: Connection, entities: Entities, filters: Filters) -> int:
    customers = visible.among(entities, filters.customers)
    if filters.is_impossible or (customers is not None and not customers):
        return 0
    matching = select(literal(1)).select_from(orders).where(*_conditions(filters)).limit(NUMBERED_MOST + 1)
    if customers is not None:
        matching = matching.where(visible.CONDITION)
    (row,) = execute(connection, select(func.count().label("count")).select_from(matching.subquery()), customers)
    return int(row["count"])


def execute(connection: Connection, statement: Select[Any], customers: Entities) -> Sequence[Any]:
    """The rows of a statement over `matching`. Raises SearchTooLongError when it takes longer than a statement may."""
    try:
        return connection.execute(statement, {} if customers is None else visible.parameter(customers)).mappings().all()
    except OperationalError as error:
        if is_statement_timeout(error):
            raise SearchTooLongError from None
        raise


def matching(
    connection: Connection, customers: Entities, filters: Filters, place: Place | None, *, offset: int, limit: int
) -> Select[Any]:
    """The rows that match, sorted; `customers` are those of `visible.among`. Each way reads an index in its order, and ends when it has enough."""
    matching = select(orders).where(*_conditions(filters), *_behind(filters, place)).order_by(*_sorted(orders, filters))
    if customers is None:
        return matching.limit(limit).offset(offset)
    if connection.dialect.name != "postgresql" or filters.order_reference is not None:
        return matching.where(visible.CONDITION).limit(limit).offset(offset)
    # An index that begins with the customer is sorted for each customer alone. Asked for several at once, PostgreSQL
    # sorts all their orders, or walks everybody's: so the first of each are taken, and the first of those.
    customer = func.json_array_elements_text(cast(visible.ENTITIES, JSON)).table_valued(
        column("value"), name="customer"
    )
    its_own = orders.c.customer_entity_uid == cast(customer.c.value, orders.c.customer_entity_uid.type)
    each = matching.where(its_own).limit(offset + limit).correlate(customer).lateral("each_customers")
    return (
        select(each)
        .select_from(customer.join(each, true()))
        .order_by(*_sorted(each, filters))
        .limit(limit)
        .offset(offset)
    )


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    dated = _DATES[filters.filtered_date]
    given: list[tuple[Column[Any], Callable[[Any, Any], ColumnElement[bool]], object]] = [
        (orders.c.order_reference, operator.eq, filters.order_reference),
        (orders.c.status, operator.eq, filters.in_status),
        (orders.c.detailed_status, operator.eq, filters.detailed_status),
        (orders.c.merchant_name, operator.eq, filters.merchant_name),
        (dated, operator.ge, filters.start),
        (dated, operator.le, filters.end),
        (orders.c.status_changed_at, operator.lt, filters.unchanged_since),
    ]
    conditions = [visible.IS_THERE, *(compare(here, value) for here, compare, value in given if value is not None)]
    if filters.users is not None:
        users = (orders.c.created_user_uid, orders.c.modified_user_uid)
        conditions.append(or_(*(user.in_(filters.users) for user in users)))
    return conditions


_DATES = {
    DateFilter.CREATED: orders.c.created_date,
    DateFilter.MODIFIED: orders.c.modified_date,
    DateFilter.REQUESTED: orders.c.requested_date,
}
_SORT_COLUMNS = {SortBy.CREATED: "created_date", SortBy.MODIFIED: "modified_date"}


def _sorted(source: FromClause, filters: Filters) -> list[ColumnElement[Any]]:
    keys = (source.c[_SORT_COLUMNS[filters.sort_by]], source.c.order_id)
    return [key.desc() if filters.newest_first else key.asc() for key in keys]


def _behind(filters: Filters, place: Place | None) -> list[ColumnElement[bool]]:
    if place is None:
        return []
    keys = (orders.c[_SORT_COLUMNS[filters.sort_by]], orders.c.order_id)
    here, there = tuple_(*keys), tuple_(*(literal(value, key.type) for key, value in zip(keys, place, strict=True)))
    return [here < there if filters.newest_first else here > there]


def _place(order: Order, filters: Filters) -> Place:
    return Place(order.created_date if filters.sort_by is SortBy.CREATED else order.modified_date, order.order_id)


def _bounded(matching: FromClause, filters: Filters) -> Select[Any]:
    """The rows as far as their bodies are not too large together, at least one; `found` is how many there were."""
    size = octets(matching.c.sent) + octets(matching.c.body) + octets(matching.c.derived)
    before = func.sum(size).over(order_by=_sorted(matching, filters)) - size
    sized = select(matching, before.label("bytes_before"), func.count().over().label("found")).subquery("sized")
    return select(sized).where(sized.c.bytes_before < PAGE_MOST_BYTES).order_by(*_sorted(sized, filters))


class octets(FunctionElement[int]):  # noqa: N801  # reads as SQL does
    """`octets(column)`: the bytes of a text, 0 for none. PostgreSQL knows them without reading the text."""

    type = BigInteger()
    inherit_cache = True


@compiles(octets, "postgresql")
def _octet_length(element: octets, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce(octet_length({compiler.process(element.clauses, **options)}), 0)"


@compiles(octets, "sqlite")
def _blob_length(element: octets, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce(length(CAST({compiler.process(element.clauses, **options)} AS BLOB)), 0)"
