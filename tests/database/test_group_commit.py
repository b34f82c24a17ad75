"""Group commit on real databases: neighbours, keys, and two processes at once."""

import json
import multiprocessing
import uuid
from collections.abc import Callable
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, text

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.errors import DatabaseAwayError, HardwareOrdersError, KeyInFlightError, KeyReusedError
from hardware_orders.intake.group_commit import Accepted, Outcome, Request, store_by_halves
from hardware_orders.intake.idempotency import Key
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.status import Intent
from hardware_orders.tables import idempotency_keys, order_events, orders
from tests.proxy import dropped_commit_reply

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
CUSTOMER = "7d0d5c5e-0d8e-4b57-9a0c-3c2a5d1f7e01"


def request(*, key: str | None = None, body_hash: str = "h", reference: str = "R-1") -> Request:
    body = {"orderReference": reference, "customerEntityUid": CUSTOMER}
    command = Receive(identifiers.new(), json.dumps(body), body, Intent.SUBMIT, simplified=False, actor=ANN)
    return Request(command, Key(ANN.uid or "", key, body_hash) if key else None)


def counts(database: Database) -> tuple[int, int, int]:
    with database.read() as connection:
        found = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (orders, order_events, idempotency_keys)
        ]
    return found[0], found[1], found[2]


def ids(outcomes: list[Outcome]) -> list[str]:
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    return [outcome.order.order_id for outcome in outcomes if isinstance(outcome, Accepted)]


def test_all_requests_in_hand_are_stored_together(database: Database) -> None:
    batch = [request() for _ in range(500)]
    outcomes = store_by_halves(database, batch)
    assert ids(outcomes) == [r.command.order_id for r in batch]
    assert counts(database) == (500, 500, 0)


def test_one_bad_neighbour_fails_alone(database: Database) -> None:
    # Half a surrogate pair cannot be stored by any database; the edge refuses it, so this is what slipped through.
    bad = request(reference="\ud800")
    batch = [*(request() for _ in range(20)), bad, *(request(key=f"k{n}") for n in range(20))]
    outcomes = store_by_halves(database, batch)
    assert isinstance(outcomes[20], DatabaseAwayError)
    assert len(ids([*outcomes[:20], *outcomes[21:]])) == 40
    assert counts(database) == (40, 40, 20)


def test_one_key_twice_in_a_batch_makes_one_order(database: Database) -> None:
    batch = [request(key="a"), request(), request(key="a"), request(key="a", body_hash="other")]
    outcomes = store_by_halves(database, batch)
    assert ids(outcomes[:3]) == [batch[0].command.order_id, batch[1].command.order_id, batch[0].command.order_id]
    assert [outcome.is_repeat for outcome in outcomes[:3] if isinstance(outcome, Accepted)] == [False, False, True]
    assert isinstance(outcomes[3], KeyReusedError)
    assert counts(database) == (2, 2, 1)


def test_a_key_of_an_earlier_batch_names_its_order(database: Database) -> None:
    first = store_by_halves(database, [request(key="a")])
    second = store_by_halves(database, [request(key="a"), request(key="a", body_hash="other"), request(key="b")])
    assert ids(second[:1]) == ids(first)
    assert isinstance(second[1], KeyReusedError)
    assert counts(database) == (2, 2, 2)


def test_keys_of_two_callers_are_two_keys(database: Database) -> None:
    bob = Request(request().command, Key("bob", "a", "h"))
    assert len(set(ids(store_by_halves(database, [request(key="a"), bob])))) == 2


def test_a_key_held_by_an_open_transaction_is_in_flight_and_holds_up_nobody(postgres: Any) -> None:
    with postgres.clone() as url:
        database, other = Database(url), Database(url)
        with other.write() as connection:
            other_request = request(key="a")
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtextextended('hardware-orders ' || :k, 0))"),
                {"k": f"{len(ANN.uid or '')} {ANN.uid}a"},
            )
            assert other_request.key
            outcomes = store_by_halves(database, [request(), request(key="a"), request(key="b")])
        assert isinstance(outcomes[1], KeyInFlightError)
        assert len(ids([outcomes[0], outcomes[2]])) == 2
        for opened in (database, other):
            opened.dispose()


def test_a_key_written_without_the_lock_is_in_flight_too(postgres: Any) -> None:
    """The unique key is what counts; the advisory lock only saves the wait."""
    with postgres.clone() as url:
        database, other = Database(url, lock_ms=200), Database(url)
        with other.write() as connection:
            row = {"caller": ANN.uid, "key": "a", "request_hash": "h", "order_id": identifiers.new()}
            connection.execute(idempotency_keys.insert(), {**row, "created_at": other.now(connection)})
            outcomes = store_by_halves(database, [request(), request(key="a"), request()])
        assert isinstance(outcomes[1], KeyInFlightError)
        assert len(ids([outcomes[0], outcomes[2]])) == 2
        for opened in (database, other):
            opened.dispose()


def test_a_commit_whose_answer_is_lost_is_looked_up_not_guessed(postgres: Any) -> None:
    with postgres.clone() as url, dropped_commit_reply(url) as through_proxy:
        database, direct = Database(through_proxy), Database(url)
        outcomes = store_by_halves(database, [request(key="a"), request()])
        assert len(ids(outcomes)) == 2
        assert counts(direct) == (2, 2, 1)
        for opened in (database, direct):
            opened.dispose()


def test_a_connection_that_breaks_before_the_commit_stores_nothing(postgres: Any) -> None:
    with postgres.clone() as url, dropped_commit_reply(url, forward=False) as through_proxy:
        database, direct = Database(through_proxy), Database(url)
        outcomes = store_by_halves(database, [request(), request()])
        assert all(isinstance(outcome, DatabaseAwayError) for outcome in outcomes)
        assert counts(direct) == (0, 0, 0)
        for opened in (database, direct):
            opened.dispose()


def test_a_database_that_is_away_is_told_to_all_at_once() -> None:
    database = Database("postgresql://postgres@127.0.0.1:1/none")
    outcomes = store_by_halves(database, [request() for _ in range(8)])
    assert all(isinstance(outcome, DatabaseAwayError) for outcome in outcomes)
    database.dispose()


ROUNDS = 60
KEYS = [f"key-{n}" for n in range(20)]
_barrier: Barrier


def _join(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603  # how a pool hands a barrier to its processes
    _barrier = barrier


def _race(url: str, seat: int) -> list[list[str]]:
    """Store the same keys as the other process at the same time, in the opposite order."""
    database = Database(url)
    seen = []
    for turn in range(ROUNDS):
        keys = KEYS if seat else KEYS[::-1]
        _barrier.wait(30)
        outcomes = store_by_halves(database, [request(key=f"{turn}-{key}") for key in keys])
        seen.append([o.order.order_id if isinstance(o, Accepted) else type(o).__name__ for o in outcomes])
    database.dispose()
    return seen if seat else [row[::-1] for row in seen]


def test_one_key_at_two_processes_at_once_makes_one_order(database_url: str) -> None:
    for first, second in two_processes(_race, database_url):
        for mine, theirs in zip(first, second, strict=True):
            made = {outcome for outcome in (mine, theirs) if outcome != KeyInFlightError.__name__}
            assert len(made) == 1, (mine, theirs)
    database = Database(database_url)
    assert counts(database) == (ROUNDS * len(KEYS),) * 3
    database.dispose()


def two_processes(work: Callable[[str, int], list[Any]], url: str) -> list[tuple[Any, Any]]:
    """The results of two processes that do the same at the same time, pairwise."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    pool: Pool
    with spawn.Pool(2, initializer=_join, initargs=(barrier,)) as pool:
        first, second = (pool.apply_async(work, (url, seat)) for seat in (0, 1))
        return list(zip(first.get(120), second.get(120), strict=True))


def test_refusals_are_errors_of_this_project() -> None:
    with pytest.raises(HardwareOrdersError):
        raise KeyInFlightError
    assert uuid.UUID(identifiers.new()).version == 7
