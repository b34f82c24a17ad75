"""Orders that wait for too long are told of: once each, and not all of a great outage."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hardware_orders.actor import SERVICE
from hardware_orders.database import Database
from hardware_orders.intake import line
from hardware_orders.orders import stalls, store
from hardware_orders.orders.change import change
from hardware_orders.orders.commands import Submit
from hardware_orders.orders.order import Order
from hardware_orders.tables import order_events, orders
from tests.database.test_locks import accepted, settle

BOUND = timedelta(minutes=1)


def wait_for(database: Database, order_ids: Sequence[str], ago: timedelta) -> None:
    """Let these orders have been made, and be waiting, since then."""
    with database.write() as connection:
        then = database.now(connection) - ago
        waiting = update(orders).where(orders.c.order_id.in_(order_ids), orders.c.due_at.is_not(None))
        connection.execute(waiting.values(created_date=then))


def the_order(database: Database, order_id: str) -> Order:
    with database.read() as connection:
        return store.read(connection, [order_id])[0]


def events(database: Database) -> list[tuple[Any, ...]]:
    columns = select(order_events.c.order_id, order_events.c.sequence, order_events.c.type)
    with database.read() as connection:
        rows = connection.execute(columns.where(order_events.c.type == "order.stalled"))
        return [tuple(row) for row in rows]


def test_an_order_is_told_of_once_and_goes_on_waiting(database: Database) -> None:
    late, recent = accepted(database, 2)
    wait_for(database, [late], BOUND * 2)
    before = the_order(database, late)
    assert [stalls.tell(database, BOUND) for _ in range(3)] == [1, 0, 0]
    after = the_order(database, late)
    assert events(database) == [(late, 2, "order.stalled")]
    assert (after.state, after.due_at, after.intent, after.due_actor) == (
        before.state,
        before.due_at,
        before.intent,
        before.due_actor,
    )
    assert (after.version, after.modified, after.stalled_at) == (2, SERVICE, after.modified_date)
    assert the_order(database, recent).version == 1
    settle(database, [late])
    settled = the_order(database, late)
    assert (settled.is_waiting, settled.version, settled.stalled_at) == (False, 3, after.stalled_at)


def test_a_draft_waits_since_it_was_submitted(database: Database) -> None:
    (draft,) = accepted(database, 1)
    settle(database, [draft])
    with database.write() as connection:
        long_ago = database.now(connection) - BOUND * 10
        parked = {"status": "DRAFT", "detailed_status": "DRAFT", "submitted_at": None, "created_date": long_ago}
        connection.execute(update(orders).values(parked))
    change(database, draft, None, Submit(SERVICE))
    waiting = the_order(database, draft)
    assert waiting.is_waiting
    assert waiting.waits_since == waiting.due_at
    assert stalls.tell(database, BOUND) == 0
    with database.write() as connection:
        connection.execute(update(orders).values(waiting_since=database.now(connection) - BOUND * 2))
    assert stalls.tell(database, BOUND) == 1
    settle(database, [draft])
    assert the_order(database, draft).waiting_since is None


def test_a_great_outage_is_told_by_so_many_orders_and_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stalls, "TOLD_MOST", 3)
    waiting = accepted(database, 5)
    wait_for(database, waiting, BOUND * 2)
    assert [stalls.tell(database, BOUND) for _ in range(2)] == [3, 0]
    settle(database, [order_id for order_id, _, _ in events(database)])
    # Those that were told of wait no more, so that there is room for others.
    assert [stalls.tell(database, BOUND) for _ in range(2)] == [2, 0]


def test_how_many_have_their_turn_before_it(database: Database) -> None:
    order_ids = accepted(database, 3)
    with database.write() as connection:
        now = database.now(connection)
        for place, order_id in enumerate(order_ids):
            due = update(orders).where(orders.c.order_id == order_id)
            connection.execute(due.values(due_at=now + timedelta(hours=1, seconds=place)))
    last = the_order(database, order_ids[-1])
    assert line.ahead(database, last) == 2
    assert line.overdue(database) == timedelta()


def test_nobody_waits(database: Database) -> None:
    assert line.overdue(database) == timedelta()
    (order_id,) = accepted(database, 1)
    with database.write() as connection:
        connection.execute(update(orders).values(due_at=database.now(connection) - BOUND))
    assert BOUND <= line.overdue(database) < BOUND * 2
    settle(database, [order_id])
    assert line.overdue(database) == timedelta()
