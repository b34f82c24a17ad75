"""The order in which rows are locked: crossed batches at two workers, and a request against a worker."""

import concurrent.futures
import json
import multiprocessing
import threading
from multiprocessing.synchronize import Barrier
from typing import Any, LiteralString

import psycopg
from sqlalchemy import event

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.contract.enums import Status
from hardware_orders.database import Database
from hardware_orders.errors import NotAllowedError
from hardware_orders.intake.group_commit import Accepted, Request, store_by_halves
from hardware_orders.orders import change, process, store
from hardware_orders.orders.commands import Receive, Replace, Submit
from hardware_orders.orders.failures import Cause
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.source import lookup_from
from tests.system import eventually

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
CUSTOMER = "7d0d5c5e-0d8e-4b57-9a0c-3c2a5d1f7e01"
ROUNDS = 40
BATCH = 60

_barrier: Barrier


def accepted(
    database: Database, count: int, intent: Intent = Intent.SUBMIT, *, order_id: str | None = None
) -> list[str]:
    body = {"orderReference": "R-1", "customerEntityUid": CUSTOMER}
    commands = [
        Receive(order_id or identifiers.new(), json.dumps(body), body, intent, simplified=False, actor=ANN)
        for _ in range(count)
    ]
    outcomes = store_by_halves(database, [Request(command, None) for command in commands])
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    return [command.order_id for command in commands]


def settle(database: Database, order_ids: list[str], *, swept: bool = False) -> process.Settled:
    return process.settle(database, lookup_from(None), order_ids, swept=swept, max_attempts=4)


def _join(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603  # how a pool hands a barrier to its processes
    _barrier = barrier


def _settle_crossed(url: str, seat: int, batches: list[list[str]]) -> list[int]:
    database = Database(url, lock_ms=10_000)
    events = []
    for batch in batches:
        _barrier.wait(60)
        events.append(settle(database, batch if seat else batch[::-1]).events)
    database.dispose()
    return events


def test_crossed_batches_at_two_workers_settle_every_order_once(database_url: str) -> None:
    database = Database(database_url)
    batches = [accepted(database, BATCH) for _ in range(ROUNDS)]
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(2, initializer=_join, initargs=(spawn.Barrier(2),)) as pool:
        first, second = (pool.apply_async(_settle_crossed, (database_url, seat, batches)) for seat in (0, 1))
        written = [mine + theirs for mine, theirs in zip(first.get(120), second.get(120), strict=True)]
    assert written == [BATCH] * ROUNDS
    with database.read() as connection:
        for batch in batches:
            assert {(o.status, o.version) for o in store.read(connection, batch)} == {(Status.SUBMITTED, 2)}
    database.dispose()


def test_two_plans_of_one_statement_lock_in_the_same_order(postgres: Any) -> None:
    """One worker's planner walks the table, the other's the index; the rows lie in the table in reverse."""
    with postgres.clone() as url, concurrent.futures.ThreadPoolExecutor(2) as pool:
        holder, by_table, by_index = (
            Database(url),
            _planned(url, "indexscan", "bitmapscan"),
            _planned(url, "seqscan", "bitmapscan"),
        )
        order_ids = sorted(identifiers.new() for _ in range(9))
        for order_id in reversed(order_ids):
            accepted(holder, 1, order_id=order_id)
        with holder.write() as connection:
            store.lock(connection, [order_ids[4]])
            works = [pool.submit(settle, by_table, order_ids)]
            eventually(lambda: _waiting(url) == 1)
            works.append(pool.submit(settle, by_index, order_ids))
            eventually(lambda: _waiting(url) == 2)
        assert sorted(work.result(30).events for work in works) == [0, 9]
        for database in (holder, by_table, by_index):
            database.dispose()
        # Had they met in the middle, one would have been a deadlock's victim, and tried again by halves.
        assert _one(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


def _planned(url: str, *without: str) -> Database:
    database = Database(url, lock_ms=10_000)

    @event.listens_for(database.engine, "connect")
    def forbid(connection: Any, _record: Any) -> None:
        for plan in without:
            connection.execute(f"SET enable_{plan} = off")
        connection.commit()

    return database


def _waiting(url: str) -> int:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return _one(url, waiting)


def _one(url: str, query: LiteralString) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0


def test_a_second_bell_for_settled_orders_changes_nothing(database: Database) -> None:
    order_ids = accepted(database, 5)
    assert settle(database, order_ids).events == 5
    again = settle(database, order_ids, swept=True)
    assert (again.events, sorted(again.order_ids)) == (0, sorted(order_ids))


def test_a_put_against_a_submission_loses_no_update(database_url: str) -> None:
    database, other = Database(database_url), Database(database_url)
    drafts = accepted(database, 100, Intent.DRAFT)
    settle(database, drafts)
    for order_id in drafts:
        refused: list[NotAllowedError] = []
        body = {"orderReference": "R-2", "customerEntityUid": CUSTOMER}

        def put(
            order_id: str = order_id, body: dict[str, str] = body, refused: list[NotAllowedError] = refused
        ) -> None:
            try:
                change.change(other, order_id, None, Replace(json.dumps(body), body, ANN))
            except NotAllowedError as error:
                refused.append(error)

        racer = threading.Thread(target=put)
        racer.start()
        change.change(database, order_id, None, Submit(ANN))
        settle(database, [order_id])
        racer.join()
        with database.read() as connection:
            order = change.get(connection, order_id, None)
        # A PUT that was answered with success is what was submitted, or left the order a draft once more.
        assert order.body["orderReference"] == ("R-1" if refused else "R-2")
    database.dispose()
    other.dispose()


def test_an_order_that_kills_its_workers_is_parked_after_its_starts(database: Database) -> None:
    (order_id,) = accepted(database, 1)
    for start in range(1, 5):
        process._start_attempts(database, [order_id], 4)  # a worker that begins, and is never heard of again
        with database.read() as connection:
            order = change.get(connection, order_id, None)
        assert (order.attempts, order.status) == (start, Status.RECEIVED)
    assert settle(database, [order_id], swept=True).events == 1
    with database.read() as connection:
        order = change.get(connection, order_id, None)
    assert (order.status, order.code, order.attempts, order.due_at) == (Status.ONHOLD, "POISON", 4, None)
    (lost,) = order.failures
    assert (lost.cause, lost.times) == (Cause.UNENDED, 4)
    change.change(database, order_id, None, Submit(ANN))
    settle(database, [order_id])
    with database.read() as connection:
        assert change.get(connection, order_id, None).status is Status.SUBMITTED
