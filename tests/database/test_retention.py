"""Retention: the log loses its first part and nothing else, chains go on from where they were cut, batches go whole."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select, update
from sqlalchemy.exc import ProgrammingError

from hardware_orders import identifiers
from hardware_orders.actor import SERVICE
from hardware_orders.database import Database, DatabaseRole
from hardware_orders.delivery import log, numbering, retention
from hardware_orders.delivery.webhooks import attempts, endpoints
from hardware_orders.delivery.webhooks.attempts import Kind, Sent
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets
from hardware_orders.delivery.webhooks.message import Result
from hardware_orders.errors import EventsGoneError, WebhookRefusedError
from hardware_orders.intake import batches
from hardware_orders.orders import events
from hardware_orders.orders.order import NO_HASH
from hardware_orders.tables import batch_items, chain_starts, order_events, webhook_endpoints
from hardware_orders.tables import batches as batches_table
from tests.database.test_numbering import add_events
from tests.orders.samples import a_body, as_sent

DAY = timedelta(days=1)


@pytest.fixture
def relay(database_url: str) -> Iterator[Database]:
    """As the relay's process opens it."""
    opened = Database(database_url, role=DatabaseRole.RELAY)
    yield opened
    opened.dispose()


def add_versions(database: Database, orders: int, versions: int) -> None:
    """Numbered events of orders that are told of in turn, chained as `events.record` chains them."""
    order_ids = [identifiers.new() for _ in range(orders)]
    hashes = dict.fromkeys(order_ids, NO_HASH)
    with database.write() as connection:
        now = database.now(connection)
        for sequence in range(1, versions + 1):
            for order_id in order_ids:
                row: dict[str, Any] = {
                    "event_id": identifiers.new(),
                    "order_id": order_id,
                    "sequence": sequence,
                    "type": "order.progressed",
                    "occurred_at": now,
                    "actor": "{}",
                    "data": as_sent(a_body()),
                    "salt": "5f",
                    "digest": "d" * 64,
                }
                row["hash"] = hashes[order_id] = events.chain(hashes[order_id], row)
                connection.execute(order_events.insert().values(row))
    number_all(database)


def number_all(database: Database) -> None:
    while numbering.number(database):
        pass


def age(database: Database, to_position: int) -> None:
    with database.write() as connection:
        old = database.now(connection) - 2 * DAY
        connection.execute(update(order_events).where(order_events.c.position <= to_position).values(occurred_at=old))


def kept(database: Database) -> list[int | None]:
    with database.read() as connection:
        ordered = select(order_events.c.position).order_by(order_events.c.position)
        return list(connection.execute(ordered).scalars())


def test_the_first_part_goes_and_positions_stay_without_a_gap(database: Database, relay: Database) -> None:
    add_versions(database, 3, 3)
    assert retention.forget(relay, None) == retention.forget(relay, DAY) == 0
    age(database, 4)
    with database.write() as connection:  # one that is old behind one that is not: it waits for its turn
        ninth = order_events.c.position == 9
        connection.execute(update(order_events).where(ninth).values(occurred_at=database.now(connection) - 3 * DAY))
    assert (retention.forget(relay, DAY), retention.forget(relay, DAY)) == (4, 0)
    assert kept(database) == [5, 6, 7, 8, 9]
    with database.read() as connection:
        assert (retention.deleted_to(connection), log.last_position(connection)) == (4, 9)
        starts = {row.order_id: row.sequence for row in connection.execute(select(chain_starts))}
    assert sorted(starts.values()) == [1, 1, 2]
    age(database, 9)
    assert retention.forget(relay, DAY) == 5
    add_events(database, 1)
    number_all(database)
    assert kept(database) == [10]


def test_a_chain_goes_on_from_where_it_was_cut(database: Database, relay: Database) -> None:
    add_versions(database, 4, 5)
    with database.read() as connection:  # the instant is a part of what is hashed, so it is the clock that moves here
        rows = connection.execute(select(order_events).order_by(order_events.c.position)).mappings().all()
    age(database, 10)
    assert retention.forget(relay, DAY) == 10
    with database.read() as connection:
        starts = {row.order_id: (row.sequence, row.hash) for row in connection.execute(select(chain_starts))}
    for row in rows[10:]:
        sequence, previous = starts[row["order_id"]]
        assert (row["sequence"], row["hash"]) == (sequence + 1, events.chain(previous, dict(row)))
        starts[row["order_id"]] = (row["sequence"], row["hash"])


def test_several_relays_delete_as_much_as_one_and_a_round_is_bounded(
    database: Database, relay: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", 30)
    add_events(database, 200)
    number_all(database)
    age(database, 170)
    gone: list[int] = []

    def delete() -> None:
        while deleted := retention.forget(relay, DAY):
            gone.append(deleted)

    relays = [threading.Thread(target=delete) for _ in range(3)]
    for thread in relays:
        thread.start()
    for thread in relays:
        thread.join(30)
    delete()
    assert (sum(gone), max(gone)) == (170, 30)
    assert kept(database) == list(range(171, 201))


def test_the_relay_cannot_delete_what_was_not_declared(postgres: Any) -> None:
    with postgres.clone() as url:
        relay, owner = Database(url, role=DatabaseRole.RELAY), Database(url)
        add_events(owner, 3)
        number_all(relay)
        with relay.write() as connection:
            assert connection.execute(order_events.delete()).rowcount == 0
        worker = Database(url, role=DatabaseRole.WORKER)
        with pytest.raises(ProgrammingError, match="permission denied"), worker.write() as connection:
            connection.execute(order_events.delete())
        for opened in (relay, owner, worker):
            opened.dispose()


def test_a_settled_batch_goes_after_its_time_with_all_its_lines(
    database: Database, relay: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "FORGOTTEN_LINES", 7)
    with database.write() as connection:
        now = database.now(connection)
        settled = {"old": now - 2 * DAY, "new": now, "open": None}
        ids = {name: identifiers.new() for name in settled}
        for name, batch_id in ids.items():
            row = {"batch_id": batch_id, "caller": "u", "created_at": now - 3 * DAY, "settled_at": settled[name]}
            connection.execute(batches_table.insert().values(row))
            lines = [
                {"batch_id": batch_id, "item_index": index, "line_hash": "h", "error": "{}"} for index in range(10)
            ]
            connection.execute(batch_items.insert(), lines)
    assert batches.forget(relay, None) == 0
    assert [batches.forget(relay, DAY) for _ in range(3)] == [7, 4, 0]
    with database.read() as connection:
        left = set(connection.execute(select(batches_table.c.batch_id)).scalars())
        assert left == {ids["new"], ids["open"]}
        assert connection.execute(select(func.count()).select_from(batch_items)).scalar_one() == 20


def an_endpoint(database: Database) -> str:
    wanted = endpoints.columns(None, url="https://shop.example.com/")
    return endpoints.create(database, Secrets([Fernet.generate_key()]), SERVICE, wanted)[0]


def test_what_an_endpoint_is_still_to_be_sent_is_kept_and_what_a_paused_one_lacks_is_told(
    database: Database, relay: Database
) -> None:
    endpoint_id = an_endpoint(database)
    add_versions(database, 2, 2)
    age(database, 4)
    assert retention.forget(relay, DAY) == 0
    with database.write() as connection:
        connection.execute(update(webhook_endpoints).values(position=1))
    assert retention.forget(relay, DAY) == 1
    endpoints.change(database, SERVICE, endpoint_id, None, {"paused_reason": endpoints.Reason.BY_CALLER})
    assert retention.forget(relay, DAY) == 3
    with pytest.raises(WebhookRefusedError, match="position 1 are no longer kept: it would pass over those up to 4"):
        endpoints.change(database, SERVICE, endpoint_id, None, {"paused_reason": None})
    with pytest.raises(EventsGoneError):
        endpoints.replay(database, SERVICE, endpoint_id, None, 3)
    endpoints.replay(database, SERVICE, endpoint_id, None, 4)
    endpoints.change(database, SERVICE, endpoint_id, None, {"paused_reason": None})


def test_old_attempts_go(database: Database, relay: Database) -> None:
    endpoint_id = an_endpoint(database)
    with database.write() as connection:
        now = database.now(connection)
        for at in (now - 2 * DAY, now):
            sent = Sent(identifiers.new(), "order.received", 1)
            attempts.record(connection, endpoint_id, Kind.DELIVERY, at, [(sent, Result(1, 200))])
    assert [attempts.forget(relay, DAY) for _ in range(2)] == [1, 0]
