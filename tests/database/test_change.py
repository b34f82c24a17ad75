"""What is decided in the request, stored: progress with its references, and orders that are gone but not forgotten."""

import concurrent.futures
import json
from typing import Any

import pytest

from hardware_orders.database import Database
from hardware_orders.delivery import log
from hardware_orders.errors import NoSuchOrderError, NotAllowedError
from hardware_orders.orders import change, view
from hardware_orders.orders.commands import Cancel, Command, Discard, Progress, Replace, Submit
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import CANCELED_BYUSER, SUBMITTED, Intent, State
from tests.database.test_locks import ANN, CUSTOMER, accepted, settle

BODY = {"orderReference": "R-2", "customerEntityUid": CUSTOMER}
REPLACE = Replace(json.dumps(BODY), BODY, ANN)
SHIPPED = State.of("INPROGRESS", "FULFILMENT_SHIPPED")


def report(state: State, tracking_reference: str | None = None, order_number: int | None = None) -> Progress:
    return Progress(state, "C", "ü", tracking_reference, order_number, ANN)


def stored(database: Database, order_id: str) -> Order:
    with database.read() as connection:
        return change.get(connection, order_id, None, even_discarded=True)


def timeline(database: Database, order_id: str) -> list[tuple[str, dict[str, Any]]]:
    with database.read() as connection:
        return [(row.type, json.loads(row.data)) for row in log.of_order(connection, order_id, 0, 100)]


def test_what_is_reported_is_stored_and_told(database: Database) -> None:
    (order_id,) = accepted(database, 1)
    settle(database, [order_id])
    for command in (
        report(State.of("INPROGRESS", "FULFILMENT_BOOKED"), order_number=2**53 - 1),
        report(SHIPPED, "1Z999"),
        report(SHIPPED, "1Z998"),
        report(State.of("COMPLETED", None)),
    ):
        after = change.change(database, order_id, {CUSTOMER}, command)
        assert stored(database, order_id) == after
        assert timeline(database, order_id)[-1][1]["order"] == view.as_json(after)
        assert change.change(database, order_id, {CUSTOMER}, command) == after
    assert (after.order_number, after.tracking_reference, after.version) == (2**53 - 1, "1Z998", 6)
    assert [kind for kind, _ in timeline(database, order_id)] == [
        *("order.received", "order.submitted"),
        *("order.progressed", "order.progressed", "order.progressed", "order.completed"),
    ]


@pytest.mark.parametrize("is_settled", [True, False], ids=["draft", "waiting"])
def test_a_discarded_order_is_gone_and_its_timeline_stays(database: Database, *, is_settled: bool) -> None:
    (order_id,) = accepted(database, 1, Intent.DRAFT)
    if is_settled:
        settle(database, [order_id])
    discarded = change.change(database, order_id, {CUSTOMER}, Discard(ANN))
    kept = stored(database, order_id)
    assert kept == discarded
    assert (kept.state, kept.is_waiting, kept.discarded_at) == (CANCELED_BYUSER, False, kept.modified_date)
    told = timeline(database, order_id)
    assert told[-1][0] == "order.discarded"
    assert told[-1][1]["order"] == view.as_json(kept)

    commands: tuple[Command, ...] = (Discard(ANN), REPLACE, Submit(ANN), Cancel("OTHER", None, ANN), report(SHIPPED))
    for command in commands:
        with pytest.raises(NoSuchOrderError):
            change.change(database, order_id, {CUSTOMER}, command)
    with database.read() as connection:
        for entities in (None, {CUSTOMER}):
            with pytest.raises(NoSuchOrderError):
                change.get(connection, order_id, entities)
        with pytest.raises(NoSuchOrderError):
            change.get(connection, order_id, {CUSTOMER.replace("7", "8")}, even_discarded=True)
    assert settle(database, [order_id]).events == 0  # its bell was rung before
    assert stored(database, order_id) == kept
    assert timeline(database, order_id) == told


def test_of_a_discard_and_a_submission_exactly_one_happens(database_url: str) -> None:
    database, other = Database(database_url), Database(database_url)
    drafts = accepted(database, 20, Intent.DRAFT)
    settle(database, drafts)

    def is_done(own: Database, order_id: str, command: Command) -> bool:
        try:
            change.change(own, order_id, None, command)
        except (NotAllowedError, NoSuchOrderError):
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for order_id in drafts:
            discarded = pool.submit(is_done, other, order_id, Discard(ANN))
            submitted = pool.submit(is_done, database, order_id, Submit(ANN))
            assert {discarded.result(), submitted.result()} == {True, False}
            settle(database, [order_id])
            assert stored(database, order_id).state == (SUBMITTED if submitted.result() else CANCELED_BYUSER)
    database.dispose()
    other.dispose()
