"""Numbering: gap-free positions in the order of insertion, whatever commits late and however many relays there are."""

import json
import threading

from sqlalchemy import select

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import log, numbering
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import receive
from hardware_orders.orders.status import Intent
from hardware_orders.tables import order_events
from tests.backends import Postgres

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
BODY = {"orderReference": "R-1", "customerEntityUid": "7d0d5c5e-0d8e-4b57-9a0c-3c2a5d1f7e01"}


def add_events(database: Database, count: int) -> None:
    with database.write() as connection:
        now = database.now(connection)
        commands = [
            Receive(identifiers.new(), json.dumps(BODY), BODY, Intent.SUBMIT, simplified=False, actor=ANN)
            for _ in range(count)
        ]
        store.insert_events(connection, [events.record(None, receive(command, now))[1] for command in commands])


def positions(database: Database) -> list[tuple[int, int | None]]:
    with database.read() as connection:
        query = select(order_events.c.id, order_events.c.position).order_by(order_events.c.id)
        return [(row.id, row.position) for row in connection.execute(query)]


def test_positions_follow_insertion_without_a_gap(database: Database) -> None:
    add_events(database, numbering.BATCH_EVENTS + 5)
    assert [len(numbering.number(database)) for _ in range(3)] == [numbering.BATCH_EVENTS, 5, 0]
    found = positions(database)
    assert [position for _, position in found] == list(range(1, len(found) + 1))
    with database.read() as connection:
        assert log.last_position(connection) == len(found)
        assert [row.position for row in log.after(connection, 503, 10)] == [504, 505]


def test_several_relays_number_every_event_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    add_events(databases[0], 3_000)

    def relay(own: Database) -> None:
        for _ in range(4):
            numbering.number(own)

    def write() -> None:
        for _ in range(20):
            add_events(databases[0], 20)

    threads = [threading.Thread(target=relay, args=(own,)) for own in databases]
    writer = threading.Thread(target=write)
    for thread in [*threads, writer]:
        thread.start()
    for thread in [*threads, writer]:
        thread.join()
    while numbering.number(databases[0]):
        pass
    given = sorted(position or 0 for _, position in positions(databases[0]))
    assert given == list(range(1, 3_401))
    for database in databases:
        database.dispose()


def test_an_event_that_commits_late_is_numbered_late_and_never_lost(postgres: Postgres) -> None:
    with postgres.clone() as url:
        database, slow = Database(url), Database(url)
        now_open = slow.engine.connect()
        opened = now_open.begin()
        command = Receive(identifiers.new(), json.dumps(BODY), BODY, Intent.SUBMIT, simplified=False, actor=ANN)
        store.insert_events(now_open, [events.record(None, receive(command, slow.now(now_open)))[1]])
        add_events(database, 1)
        assert len(numbering.number(database)) == 1
        opened.commit()
        now_open.close()
        assert len(numbering.number(database)) == 1
        assert [position for _, position in positions(database)] == [2, 1]
        for each in (database, slow):
            each.dispose()
