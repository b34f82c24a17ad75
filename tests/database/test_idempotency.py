"""How long an idempotency key is somebody's, and that its expiry and its reuse never meet badly, on real databases."""

import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from hardware_orders import identifiers
from hardware_orders.database import Database
from hardware_orders.errors import KeyInFlightError, KeyReusedError
from hardware_orders.intake.group_commit import store_by_halves
from hardware_orders.intake.idempotency import FORGOTTEN_AT_ONCE, LIFETIME, Repeat, claim, forget
from hardware_orders.tables import idempotency_keys
from tests.database.test_group_commit import ANN, KEYS, ROUNDS, _race, counts, ids, request, two_processes

A_MOMENT = timedelta(seconds=30)


def age(database: Database, by: timedelta) -> None:
    """Make every key so much older."""
    with database.write() as connection:
        rows = connection.execute(select(idempotency_keys)).all()
        for row in rows:
            chosen = update(idempotency_keys).where(idempotency_keys.c.key == row.key)
            connection.execute(chosen.values(created_at=row.created_at - by))


def insert(database: Database, keys: list[str], age: timedelta) -> None:
    with database.write() as connection:
        created_at = database.now(connection) - age
        row = {"caller": ANN.uid, "request_hash": "h", "order_id": identifiers.new(), "created_at": created_at}
        connection.execute(idempotency_keys.insert(), [{**row, "key": key} for key in keys])


def keys_left(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(idempotency_keys)).scalar_one())


def test_a_key_is_kept_for_its_lifetime_and_then_free(database: Database) -> None:
    first = ids(store_by_halves(database, [request(key="a")]))
    age(database, LIFETIME - A_MOMENT)
    assert ids(store_by_halves(database, [request(key="a")])) == first
    assert isinstance(store_by_halves(database, [request(key="a", body_hash="other")])[0], KeyReusedError)
    age(database, A_MOMENT)
    again = [request(key="a", body_hash="other"), request(key="a", body_hash="other"), request(key="b")]
    made = ids(store_by_halves(database, again))
    assert made[0] == made[1] == again[0].command.order_id
    assert isinstance(store_by_halves(database, [request(key="a")])[0], KeyReusedError)
    assert counts(database) == (3, 3, 2)


def test_a_lifetime_of_the_operators_choice(database: Database) -> None:
    first = ids(store_by_halves(database, [request(key="a")]))
    age(database, timedelta(days=2))
    assert ids(store_by_halves(database, [request(key="a")], timedelta(days=3))) == first
    assert ids(store_by_halves(database, [request(key="a")], timedelta(days=1))) != first


def test_what_has_expired_is_forgotten_the_oldest_first_and_so_many_at_once(database: Database) -> None:
    insert(database, ["young"], LIFETIME - A_MOMENT)
    insert(database, [f"old {number}" for number in range(FORGOTTEN_AT_ONCE)], LIFETIME * 2)
    insert(database, ["newest of the old"], LIFETIME + A_MOMENT)
    assert forget(database, LIFETIME) == FORGOTTEN_AT_ONCE
    assert keys_left(database) == 2
    assert [forget(database, LIFETIME) for _ in range(2)] == [1, 0]
    assert keys_left(database) == 1


def test_a_key_that_is_being_repeated_or_taken_over_is_not_forgotten_and_holds_up_nobody(postgres: Any) -> None:
    with postgres.clone() as url:
        database, other = Database(url, lock_ms=200), Database(url)
        insert(database, ["repeated", "taken over", "expired"], LIFETIME + A_MOMENT)
        with other.write() as connection:
            now = other.now(connection)
            repeated, taken = request(key="repeated"), request(key="taken over")
            assert repeated.key
            assert taken.key
            held = claim(connection, [(repeated.key, repeated.command.order_id)], now, LIFETIME * 2)
            assert isinstance(held[repeated.command.order_id], Repeat)
            assert claim(connection, [(taken.key, taken.command.order_id)], now, LIFETIME) == {}
            assert forget(database, LIFETIME) == 1
        assert keys_left(database) == 2
        for opened in (database, other):
            opened.dispose()


def test_a_key_that_is_being_forgotten_is_free_a_moment_later(postgres: Any) -> None:
    with postgres.clone() as url:
        database, other = Database(url), Database(url)
        insert(database, ["a"], LIFETIME + A_MOMENT)
        outcomes = []
        storing = threading.Thread(target=lambda: outcomes.extend(store_by_halves(database, [request(key="a")])))
        with other.write() as connection:
            connection.execute(idempotency_keys.delete())
            storing.start()
            storing.join(0.1)
        storing.join(10)
        assert len(ids(outcomes)) == 1
        assert counts(database) == (1, 1, 1)
        for opened in (database, other):
            opened.dispose()


def test_expired_keys_at_two_processes_and_the_relay_at_once_make_one_order_each(database_url: str) -> None:
    database = Database(database_url)
    insert(database, [f"{turn}-{key}" for turn in range(ROUNDS) for key in KEYS], LIFETIME + A_MOMENT)
    is_over = threading.Event()

    def relay() -> None:
        while not is_over.wait(0.002):
            forget(database, LIFETIME)

    relaying = threading.Thread(target=relay)
    relaying.start()
    try:
        raced = two_processes(_race, database_url)
    finally:
        is_over.set()
        relaying.join(10)
    for first, second in raced:
        for mine, theirs in zip(first, second, strict=True):
            assert len({outcome for outcome in (mine, theirs) if outcome != KeyInFlightError.__name__}) == 1
    assert counts(database) == (ROUNDS * len(KEYS),) * 3
    database.dispose()
