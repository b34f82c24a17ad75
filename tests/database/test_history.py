"""An order as it stood, and changes that are made only to a version that was expected, on both databases."""

import json
import uuid
from datetime import datetime, timedelta

import pytest

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.errors import NoSuchOrderError, NoSuchVersionError, NotAllowedError, StaleVersionError
from hardware_orders.intake.group_commit import Request, store_by_halves
from hardware_orders.orders import change, history, process, view
from hardware_orders.orders.commands import Cancel, Receive, Replace, Submit
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.source import lookup_from

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
ADA, BOB = (str(uuid.UUID(int=number)) for number in (1, 2))
ANY_DAY = timedelta(days=1)


def a_body(notes: str) -> dict[str, str]:
    return {"orderReference": "R-1", "customerEntityUid": ADA, "notes": notes}


def a_draft(database: Database) -> Order:
    body = a_body("first")
    command = Receive(identifiers.new(), json.dumps(body), body, Intent.DRAFT, simplified=False, actor=ANN)
    store_by_halves(database, [Request(command, None)])
    process.settle(database, lookup_from(None), [command.order_id], swept=False, max_attempts=4)
    return current(database, command.order_id)


def current(database: Database, order_id: str) -> Order:
    with database.read() as connection:
        return change.get(connection, order_id, None)


def replacing(notes: str) -> Replace:
    return Replace(json.dumps(a_body(notes)), a_body(notes), ANN)


def test_every_version_can_be_read_by_its_number_and_by_the_time_it_stood(database: Database) -> None:
    draft = a_draft(database)
    second = change.change(database, draft.order_id, (ADA,), replacing("second"))
    cancelled = change.change(database, draft.order_id, (ADA,), Cancel("OTHER", None, ANN))
    with database.read() as connection:
        for order in (draft, second, cancelled):
            told = history.Version(order.version, view.as_json(order))
            assert history.at(connection, order.order_id, (ADA,), order.version) == told
            assert history.as_of(connection, order.order_id, None, order.modified_date) == told
        assert history.as_of(connection, draft.order_id, (ADA,), cancelled.modified_date + ANY_DAY).version == 4
        just_before = second.modified_date - timedelta(microseconds=1)
        assert history.as_of(connection, draft.order_id, (ADA,), just_before).version == 2


def test_there_is_no_version_before_the_first_after_the_last_or_of_what_others_own(database: Database) -> None:
    draft = a_draft(database)
    created: datetime = draft.created_date
    with database.read() as connection:
        for order_id, entities, version, instant in [
            (draft.order_id, (ADA,), 3, created - timedelta(microseconds=1)),
            (draft.order_id, (BOB,), 1, created + ANY_DAY),
            (draft.order_id, (), 1, created + ANY_DAY),
            (draft.order_id, ("no-uuid", ADA.upper()), 2**31 - 1, created - ANY_DAY),
            (BOB, None, 1, created + ANY_DAY),
        ]:
            with pytest.raises(NoSuchVersionError):
                history.at(connection, order_id, entities, version)
            with pytest.raises(NoSuchVersionError):
                history.as_of(connection, order_id, entities, instant)


def test_what_others_own_is_neither_read_nor_changed(database: Database) -> None:
    draft = a_draft(database)
    for entities in [(BOB,), (), ("no-uuid",)]:
        with database.read() as connection, pytest.raises(NoSuchOrderError):
            change.get(connection, draft.order_id, entities)
        with pytest.raises(NoSuchOrderError):
            change.change(database, draft.order_id, entities, Cancel("OTHER", None, ANN))
    assert current(database, draft.order_id) == draft


def test_a_change_is_made_to_an_expected_version_or_not_at_all(database: Database) -> None:
    draft = a_draft(database)
    for expected in [(), (1,), (3, 4)]:
        with pytest.raises(StaleVersionError):
            change.change(database, draft.order_id, None, replacing("second"), expected)
    assert current(database, draft.order_id) == draft
    assert change.change(database, draft.order_id, None, replacing("second"), (9, 2)).version == 3
    # An act that changes nothing any more is not done twice to what the caller did not expect.
    change.change(database, draft.order_id, None, Submit(ANN), (3,))
    with pytest.raises(StaleVersionError):
        change.change(database, draft.order_id, None, Submit(ANN), (2,))


def test_what_the_status_forbids_is_told_before_what_is_stale(database: Database) -> None:
    draft = a_draft(database)
    change.change(database, draft.order_id, None, Cancel("OTHER", None, ANN))
    with pytest.raises(NotAllowedError):
        change.change(database, draft.order_id, None, replacing("second"), (2,))
