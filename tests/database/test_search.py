"""Searches on both databases: what is found, in which order, page after page, and by which index."""

import uuid
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from hardware_orders import canonical, identifiers
from hardware_orders.actor import Actor
from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.database import Database
from hardware_orders.errors import PageTooLargeError, SearchTooLongError
from hardware_orders.orders import search, store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import receive
from hardware_orders.orders.order import Order
from hardware_orders.orders.search import NUMBERED_MOST, DateFilter, Filters, SortBy
from hardware_orders.orders.status import Intent
from hardware_orders.tables import orders
from tests.backends import Postgres

START = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB, CAT = CUSTOMERS = tuple(str(uuid.UUID(int=number)) for number in (1, 2, 3))
USERS = tuple(str(uuid.UUID(int=number)) for number in (11, 12))
# Few values of each, so that many orders are equal in many ways.
INSTANTS = st.integers(0, 4).map(lambda hours: START + timedelta(hours=hours))


def made(customer: str, created: datetime, **body: Any) -> Order:
    whole = {"orderReference": "R-1", "customerEntityUid": customer, **body}
    command = Receive(
        identifiers.new(), canonical.text(whole), whole, Intent.SUBMIT, simplified=False, actor=Actor(USERS[0], "Ann")
    )
    return receive(command, created).order


@st.composite
def an_order(draw: st.DrawFn) -> Order:
    reference, merchant = draw(st.sampled_from(["R-1", "R-2"])), draw(st.sampled_from([None, "Café", "café"]))
    body = {"merchant": {"merchantName": merchant}} if merchant else {}
    order = made(draw(st.sampled_from(CUSTOMERS)), draw(INSTANTS), orderReference=reference, **body)
    status = draw(st.sampled_from([DetailedStatus.DRAFT, DetailedStatus.SUBMITTED]))
    return order._replace(
        status=Status(status),
        detailed_status=status,
        created=Actor(draw(st.sampled_from([*USERS, None])), "Ann"),
        modified=Actor(draw(st.sampled_from([*USERS, None])), "Bob"),
        modified_date=draw(INSTANTS),
        status_changed_at=draw(INSTANTS),
    )


FILTERS = st.builds(
    Filters,
    order_reference=st.sampled_from([None, None, "R-1", "none"]),
    in_status=st.sampled_from([None, None, Status.DRAFT]),
    detailed_status=st.sampled_from([None, None, DetailedStatus.SUBMITTED]),
    users=st.sampled_from([None, None, USERS, USERS[1:]]),
    merchant_name=st.sampled_from([None, None, "Café"]),
    customers=st.sampled_from([None, (ADA, BOB), (CAT,)]),
    filtered_date=st.sampled_from([DateFilter.CREATED, DateFilter.MODIFIED]),
    start=st.none() | INSTANTS,
    end=st.none() | INSTANTS,
    unchanged_since=st.none() | st.none() | INSTANTS,
    is_impossible=st.just(False),
    sort_by=st.sampled_from(SortBy),
    newest_first=st.booleans(),
)
ENTITIES = st.sampled_from([None, (ADA,), (ADA, CAT), CUSTOMERS, (), ("no-uuid", ADA)])


def matches(order: Order, entities: Collection[str] | None, wanted: Filters) -> bool:
    dated = order.created_date if wanted.filtered_date is DateFilter.CREATED else order.modified_date
    return all(
        [
            entities is None or order.customer_entity_uid in entities,
            wanted.customers is None or order.customer_entity_uid in wanted.customers,
            wanted.order_reference in (None, order.body["orderReference"]),
            wanted.in_status in (None, order.status),
            wanted.detailed_status in (None, order.detailed_status),
            wanted.users is None or order.created.uid in wanted.users or order.modified.uid in wanted.users,
            wanted.merchant_name in (None, order.body.get("merchant", {}).get("merchantName")),
            wanted.start is None or dated >= wanted.start,
            wanted.end is None or dated <= wanted.end,
            wanted.unchanged_since is None or order.status_changed_at < wanted.unchanged_since,
        ]
    )


def place(order: Order, wanted: Filters) -> tuple[datetime, str]:
    return order.created_date if wanted.sort_by is SortBy.CREATED else order.modified_date, order.order_id


def insert(database: Database, new: list[Order]) -> None:
    with database.write() as connection:
        store.insert_orders(connection, new)


def pages(
    database: Database, entities: Collection[str] | None, wanted: Filters, limit: int, between: Callable[[], None]
) -> Iterator[list[Order]]:
    last = None
    while True:
        with database.read() as connection:
            page = search.after(connection, entities, wanted, last, limit)
        assert len(page.orders) <= limit
        yield list(page.orders)
        if page.last is None:
            return
        assert page.last != last, "the page begins where it ended"
        last = page.last
        between()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(an_order(), max_size=12),
    arriving=st.lists(an_order(), max_size=6),
    entities=ENTITIES,
    wanted=FILTERS,
    limit=st.integers(1, 4),
)
def test_by_cursor_each_order_is_found_once_whatever_comes_in_meanwhile(
    database: Database,
    *,
    first: list[Order],
    arriving: list[Order],
    entities: Collection[str] | None,
    wanted: Filters,
    limit: int,
) -> None:
    with database.write() as connection:
        connection.execute(delete(orders))
    insert(database, first)
    to_come = list(arriving)
    seen = [
        order
        for page in pages(
            database, entities, wanted, limit, lambda: insert(database, [to_come.pop()] if to_come else [])
        )
        for order in page
    ]
    places = [place(order, wanted) for order in seen]
    assert places == sorted(set(places), reverse=wanted.newest_first)
    known = {order.order_id for order in first}
    expected = {order for order in known if matches(next(o for o in first if o.order_id == order), entities, wanted)}
    assert {order.order_id for order in seen if order.order_id in known} == expected
    assert all(matches(order, entities, wanted) for order in seen)

    with database.read() as connection:
        page, total = search.numbered(connection, entities, wanted, 2, limit)
    arrived = [order for order in arriving if order not in to_come]
    all_places = sorted(
        (place(order, wanted) for order in [*first, *arrived] if matches(order, entities, wanted)),
        reverse=wanted.newest_first,
    )
    assert ([place(order, wanted) for order in page.orders], total) == (all_places[limit : 2 * limit], len(all_places))
    assert (page.last is None) == (len(all_places) <= 2 * limit)


def test_what_no_order_has_is_not_looked_for(database: Database) -> None:
    insert(database, [made(ADA, START)])
    with database.read() as connection:
        for entities, wanted in [(None, Filters(is_impossible=True)), ((BOB,), Filters(customers=(ADA,)))]:
            assert search.after(connection, entities, wanted, None, 5) == ((), None)
            assert search.numbered(connection, entities, wanted, 1, 5) == (((), None), 0)


def test_totals_are_exact_to_their_bound_and_say_when_there_are_more(database: Database) -> None:
    insert(database, [made(ADA, START + timedelta(seconds=number)) for number in range(NUMBERED_MOST)])
    with database.read() as connection:
        page, total = search.numbered(connection, (ADA,), Filters(), NUMBERED_MOST // 100, 100)
        assert (len(page.orders), total, page.last) == (100, NUMBERED_MOST, None)
    insert(database, [made(ADA, START) for _ in range(2)])
    with database.read() as connection:
        assert search.numbered(connection, None, Filters(), 1, 100)[1] == NUMBERED_MOST + 1
        page, _ = search.numbered(connection, (ADA,), Filters(), NUMBERED_MOST // 100, 100)
        assert page.last is not None
        assert len(search.after(connection, (ADA,), Filters(), page.last, 100).orders) == 2


def test_a_page_of_large_orders_ends_early_and_nothing_is_lost(database: Database) -> None:
    large = [made(ADA, START, notes="é" * 700_000) for _ in range(5)]
    insert(database, large)
    counts = [len(page) for page in pages(database, (ADA,), Filters(), 5, lambda: None)]
    assert counts == [3, 2]
    with database.read() as connection:
        with pytest.raises(PageTooLargeError):
            search.numbered(connection, (ADA,), Filters(), 1, 5)
        assert len(search.numbered(connection, (ADA,), Filters(), 1, 2)[0].orders) == 2


@pytest.mark.parametrize(
    ("entities", "wanted", "index", "most_rows"),
    [
        (None, Filters(), "ix_orders_created_date", 6),
        (None, Filters(in_status=Status.COMPLETED, newest_first=False), "ix_orders_created_date", 0),
        (None, Filters(customers=(ADA,)), "ix_orders_customer", 6),
        (CUSTOMERS, Filters(), "ix_orders_customer", 18),
        (CUSTOMERS, Filters(in_status=Status.RECEIVED, users=USERS, start=START), "ix_orders_customer", 18),
        (CUSTOMERS, Filters(sort_by=SortBy.MODIFIED), "ix_orders_customer", 150),
        (None, Filters(order_reference="R-1"), "ix_orders_reference", 6),
        ((ADA,), Filters(order_reference="R-1"), "ix_orders_reference", 6),
    ],
)
def test_the_index_that_is_walked_and_how_far(
    empty_postgres: Database, *, entities: Collection[str] | None, wanted: Filters, index: str, most_rows: int
) -> None:
    """Pages of 5, on tables that were never analysed, as a new installation's are."""
    new = [made(customer, START + timedelta(seconds=number)) for number in range(50) for customer in CUSTOMERS]
    insert(empty_postgres, new)
    sent: list[tuple[str, Any]] = []
    event.listen(empty_postgres.engine, "before_cursor_execute", lambda *given: sent.append((given[2], given[3])))
    with empty_postgres.read() as connection:
        last = search.after(connection, entities, wanted, None, 5).last
        search.after(connection, entities, wanted, last, 5)
        explained = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given).scalar_one()
            for statement, given in list(sent)
        ]
    for plan in explained:
        (scan,) = (node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "orders")
        assert scan["Index Name"] == index
        assert scan["Actual Rows"] * scan["Actual Loops"] <= most_rows


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


@pytest.fixture
def empty_postgres(postgres: Postgres) -> Iterator[Database]:
    with postgres.clone() as url:
        database = Database(url, statement_ms=200)
        yield database
        database.dispose()


def test_a_search_that_takes_too_long_says_so(empty_postgres: Database) -> None:
    url = empty_postgres.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as other, empty_postgres.read() as connection:
        other.execute("LOCK TABLE orders")
        with pytest.raises(SearchTooLongError):
            search.after(connection, None, Filters(), None, 5)
