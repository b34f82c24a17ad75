"""The checker finds what is planted: a check that cannot fail proves nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import Executable, delete, insert, select, update

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log, numbering
from hardware_orders.intake import group_commit
from hardware_orders.intake.group_commit import Accepted
from hardware_orders.intake.idempotency import Key
from hardware_orders.orders import process
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.source import lookup_from
from hardware_orders.tables import idempotency_keys, order_events, orders
from tests.faults import checker
from tests.faults.load import Request, mixed

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
REQUESTS = 60


@dataclass
class Run:
    """A run without a fault, to plant one in."""

    database: Database
    journal: list[Request]
    stream: list[tuple[int, dict[str, object]]]
    followed: list[int]
    fed: list[dict[str, object]]

    def faults(self) -> list[str]:
        return checker.faults(self.journal, checker.read(self.database), self.stream, self.followed, self.fed)

    @property
    def accepted(self) -> Request:
        """An order of one request without a key."""
        return next(request for request in self.journal if request.is_accepted and not request.key)


def receive(request: Request) -> group_commit.Request:
    intent = Intent.DRAFT if request.kind == "DRAFT" else Intent.SUBMIT
    simplified = request.kind == "SIMPLIFIED"
    command = Receive(identifiers.new(), request.sent, json.loads(request.sent), intent, simplified, ANN)
    return group_commit.Request(command, Key(ANN.uid or "", request.key, request.sent[:64]) if request.key else None)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def run(database: Database) -> Run:
    source = mixed(1)
    journal = [next(source) for _ in range(REQUESTS)]
    assert {request.kind for request in journal} == {"SUBMIT", "DRAFT", "ASYNC", "SIMPLIFIED", "WRONG"}
    assert any(request.is_repeat for request in journal)
    for request in journal:
        if request.kind == "WRONG":
            request.status = 400
            continue
        (outcome,) = group_commit.store_by_halves(database, [receive(request)])
        assert isinstance(outcome, Accepted)
        request.status, request.order_id = 202, outcome.order.order_id
    ids = {request.order_id for request in journal if request.order_id}
    process.settle(database, lookup_from(None), ids, swept=False, max_attempts=4)
    numbering.number(database)
    with database.read() as connection:
        rows = log.after(connection, 0, 1_000)
    stream = [(row.position, json.loads(cloudevent.as_text(row))) for row in rows]
    return Run(database, journal, stream, [position for position, _ in stream], [event for _, event in stream])


def test_a_run_without_a_fault_has_none(run: Run) -> None:
    assert run.faults() == []


def test_a_request_without_an_answer_may_have_made_an_order_or_not(run: Run) -> None:
    run.accepted.status = None
    run.journal.append(Request("unanswered", "SUBMIT", None, "{}"))
    assert run.faults() == []


def an_order_is_lost(run: Run) -> None:
    change(run, delete(orders).where(orders.c.order_id == run.accepted.order_id))
    change(run, delete(order_events).where(order_events.c.order_id == run.accepted.order_id))


def an_order_is_there_twice(run: Run) -> None:
    group_commit.store_by_halves(run.database, [receive(run.accepted)])


def a_refused_request_made_an_order(run: Run) -> None:
    run.accepted.status = 400


def an_order_came_from_nowhere(run: Run) -> None:
    run.journal.remove(run.accepted)


def an_order_has_other_content(run: Run) -> None:
    other = run.accepted.sent.replace("Ring twice.", "Ring once.")
    change(run, update(orders).where(orders.c.order_id == run.accepted.order_id).values(sent=other))


def an_order_still_waits(run: Run) -> None:
    with run.database.read() as connection:
        now = run.database.now(connection)
    waiting = update(orders).where(orders.c.order_id == run.accepted.order_id)
    change(run, waiting.values(due_at=now, intent="SUBMIT"))


def an_order_came_out_otherwise(run: Run) -> None:
    run.accepted.kind = "DRAFT" if run.accepted.kind != "DRAFT" else "SUBMIT"


def a_caller_was_told_of_another_order(run: Run) -> None:
    run.accepted.order_id = identifiers.new()


def a_repeated_key_was_answered_with_another_order(run: Run) -> None:
    repeat = next(request for request in run.journal if request.is_repeat)
    repeat.order_id = run.accepted.order_id


def a_key_was_forgotten(run: Run) -> None:
    repeat = next(request for request in run.journal if request.is_repeat)
    change(run, delete(idempotency_keys).where(idempotency_keys.c.key == repeat.key))


def a_key_has_no_order(run: Run) -> None:
    with run.database.read() as connection:
        now = run.database.now(connection)
    row = {"caller": "x", "key": "k", "request_hash": "h", "order_id": identifiers.new(), "created_at": now}
    change(run, insert(idempotency_keys).values(**row))


def an_event_is_missing_in_the_middle(run: Run) -> None:
    change(run, delete(order_events).where(order_events.c.position == 5))


def the_last_event_is_cut_off(run: Run) -> None:
    change(run, delete(order_events).where(order_events.c.position == len(run.stream)))
    run.stream.pop()
    run.followed.pop()


def an_event_was_never_numbered(run: Run) -> None:
    change(run, update(order_events).where(order_events.c.position == len(run.stream)).values(position=None))
    run.stream.pop()
    run.followed.pop()


def two_events_of_an_order_changed_places(run: Run) -> None:
    first, second = positions_of(run, run.accepted)
    for old, new in ((first, -1), (second, first), (-1, second)):
        change(run, update(order_events).where(order_events.c.position == old).values(position=new))
    read = {row.position: row for row in checker.read(run.database).events}
    for position in (first, second):
        event = json.loads(cloudevent.as_text(read[position]))
        run.stream[position - 1] = (position, event)


def an_event_was_altered(run: Run) -> None:
    change(run, update(order_events).where(order_events.c.position == 5).values(actor='{"type":"user","name":"Eve"}'))


def a_hash_was_altered(run: Run) -> None:
    change(run, update(order_events).where(order_events.c.position == 5).values(hash="0" * 64))


def a_row_was_changed_without_an_event(run: Run) -> None:
    change(run, update(orders).where(orders.c.order_id == run.accepted.order_id).values(information="Changed."))


def the_stream_lacks_its_newest_entry(run: Run) -> None:
    run.stream.pop()


def the_stream_lacks_an_entry(run: Run) -> None:
    del run.stream[5]


def the_stream_has_an_entry_twice(run: Run) -> None:
    run.stream.insert(5, run.stream[5])


def the_stream_is_out_of_order(run: Run) -> None:
    run.stream[5], run.stream[6] = run.stream[6], run.stream[5]


def the_stream_has_another_event(run: Run) -> None:
    run.stream[5] = (6, run.stream[7][1])


def a_consumer_missed_an_entry(run: Run) -> None:
    del run.followed[5]


def a_consumer_saw_an_entry_twice(run: Run) -> None:
    run.followed.append(run.followed[-1])


def the_feed_lacks_an_event(run: Run) -> None:
    del run.fed[5]


def the_feed_is_out_of_order(run: Run) -> None:
    run.fed[5], run.fed[6] = run.fed[6], run.fed[5]


PLANTED = [
    (an_order_is_lost, "lost"),
    (an_order_is_there_twice, "doubled"),
    (a_refused_request_made_an_order, "refused, yet"),
    (an_order_came_from_nowhere, "nobody sent it"),
    (an_order_has_other_content, "not the content"),
    (an_order_still_waits, "still waits"),
    (an_order_came_out_otherwise, ", not "),
    (a_caller_was_told_of_another_order, "were told of orders"),
    (a_repeated_key_was_answered_with_another_order, "the key's order is"),
    (a_key_was_forgotten, "the key's order is None"),
    (a_key_has_no_order, "its order is not there"),
    (an_event_is_missing_in_the_middle, "events ["),
    (the_last_event_is_cut_off, "events ["),
    (an_event_was_never_numbered, "have no position"),
    (two_events_of_an_order_changed_places, "do not rise"),
    (an_event_was_altered, "was altered"),
    (a_hash_was_altered, "does not follow"),
    (a_row_was_changed_without_an_event, "do not add up"),
    (the_stream_lacks_its_newest_entry, "and the log at"),
    (the_stream_lacks_an_entry, "position 6: the stream goes on with 7"),
    (the_stream_has_an_entry_twice, "the stream repeats"),
    (the_stream_is_out_of_order, "position 6: the stream repeats it, or has it after 7"),
    (the_stream_has_another_event, "another event than the log"),
    (a_consumer_missed_an_entry, "a consumer saw 1-5, 7-"),
    (the_feed_lacks_an_event, "it tells 1-5, 7-"),
    (the_feed_is_out_of_order, "it tells 1-5, 7-7, 6-6"),
    (a_consumer_saw_an_entry_twice, "a consumer saw 1-"),
]


@pytest.mark.parametrize(("plant", "found"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_the_checker_finds_what_is_planted(run: Run, plant: Callable[[Run], None], found: str) -> None:
    plant(run)
    assert any(found in fault for fault in run.faults()), run.faults()


def change(run: Run, statement: Executable) -> None:
    with run.database.write() as connection:
        assert connection.execute(statement).rowcount > 0


def positions_of(run: Run, request: Request) -> list[int]:
    query = select(order_events.c.position).where(order_events.c.order_id == request.order_id)
    with run.database.read() as connection:
        return sorted(connection.execute(query).scalars())
