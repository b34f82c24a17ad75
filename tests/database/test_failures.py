"""Attempts to settle that failed are kept with the order, each with its cause; one that succeeds writes nothing of the kind."""

import json

from sqlalchemy import delete, insert, select, update

from hardware_orders import identifiers
from hardware_orders.database import Database
from hardware_orders.intake.group_commit import Request, store_by_halves
from hardware_orders.orders import change, process
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.failures import Cause, Failures
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.lookup import Unavailable, UnknownCustomer
from hardware_orders.tables import order_events, orders
from tests.database.test_locks import ANN, CUSTOMER, accepted, settle


def failures(database: Database, order_id: str) -> Failures:
    with database.read() as connection:
        return change.get(connection, order_id, None).failures


def test_an_outage_is_one_of_them_and_is_still_told_of_afterwards(database: Database) -> None:
    body = {"orderReference": "R-1", "customerEntityUid": CUSTOMER}
    command = Receive(identifiers.new(), json.dumps(body), body, Intent.SUBMIT, simplified=True, actor=ANN)
    store_by_halves(database, [Request(command, None)])

    def settle_with(outcome: Unavailable | UnknownCustomer) -> None:
        asked = [command.order_id]
        process.settle(database, lambda uids: dict.fromkeys(uids, outcome), asked, swept=False, max_attempts=4)

    for _ in range(3):
        settle_with(Unavailable("It is away."))
    (away,) = failures(database, command.order_id)
    assert (away.cause, away.reason, away.times) == (Cause.LOOKUP, "It is away.", 3)
    assert away.first_at < away.last_at
    settle_with(UnknownCustomer())
    assert failures(database, command.order_id) == (away,)


def test_a_run_that_raises_says_with_what_and_its_neighbours_settle(database: Database) -> None:
    guilty, *others = accepted(database, 3)
    with database.write() as connection:
        (first,) = connection.execute(select(order_events).where(order_events.c.order_id == guilty)).mappings()
        # Its next event is there already, which no run can write again.
        next_one = {**first, "sequence": 2, "event_id": identifiers.new()}
        del next_one["id"]
        connection.execute(insert(order_events), [next_one])
    assert set(settle(database, [guilty, *others]).order_ids) == set(others)
    settle(database, [guilty], swept=True)
    (fault,) = failures(database, guilty)
    assert (fault.cause, fault.reason, fault.times) == (Cause.FAULT, "IntegrityError", 2)
    with database.write() as connection:
        connection.execute(delete(order_events).where(order_events.c.order_id == guilty, order_events.c.sequence == 2))
    settle(database, [guilty], swept=True)
    assert failures(database, guilty) == (fault,)  # the second start was heard of, and is none that was lost
    assert [failures(database, order_id) for order_id in others] == [(), ()]


def test_an_order_that_cannot_even_be_noted_holds_up_nobody_else(database: Database) -> None:
    guilty, *others = accepted(database, 3)
    with database.write() as connection:
        connection.execute(update(orders).where(orders.c.order_id == guilty).values(missing="{"))
    assert set(settle(database, [guilty, *others]).order_ids) == set(others)
