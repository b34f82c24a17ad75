"""`hardware-orders events verify`: a sound system has no fault, and each kind of fault is found and named."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import Executable, delete, func, select, update

from hardware_orders import identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import log, numbering, retention
from hardware_orders.delivery.stream import STREAM, Entries, Stream
from hardware_orders.intake import group_commit
from hardware_orders.orders import change, erasure, process
from hardware_orders.orders.commands import Discard, Receive
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.source import lookup_from
from hardware_orders.tables import chain_starts, order_events, orders, relay_position
from hardware_orders.verification import walk
from tests.backends import valkey

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
ORDERS = 12
MAXLEN = 100_000


@dataclass
class Stores:
    """Twelve orders: settled, the first of them discarded; numbered and published."""

    database: Database
    events_url: str
    order_ids: list[str]

    def faults(self) -> list[str]:
        entries = Entries(self.events_url)
        report = walk.verify(self.database, entries, lambda *_: None)
        entries.close()
        assert {fault.check for fault in report.faults} <= {"orders", "positions", "stream"}
        return [str(fault) for fault in report.faults]

    def change(self, statement: Executable) -> None:
        with self.database.write() as connection:
            assert connection.execute(statement).rowcount > 0

    def redis(self, *command: Any) -> None:
        with redis.Redis.from_url(self.events_url) as client:
            client.execute_command(*command)


@pytest.fixture(scope="module")
def events_url() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture
def database_url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """SQLite's, but for the tests that ask for each."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield sqlite_url
    else:
        with request.getfixturevalue("postgres").clone() as url:
            yield url


on_each = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def stores(database: Database, events_url: str, monkeypatch: pytest.MonkeyPatch) -> Stores:
    monkeypatch.setattr(walk, "STREAM_SECONDS", 0.2)
    order_ids = []
    for number in range(ORDERS):
        body = {"orderReference": f"R-{number}", "customerEntityUid": identifiers.new()}
        text = json.dumps(body)
        receive = Receive(identifiers.new(), text, body, Intent.DRAFT, simplified=False, actor=ANN)
        group_commit.store_by_halves(database, [group_commit.Request(receive, None)])
        order_ids.append(receive.order_id)
    process.settle(database, lookup_from(None), set(order_ids), swept=False, max_attempts=4)
    change.change(database, order_ids[0], None, Discard(ANN), None)
    with redis.Redis.from_url(events_url) as client:
        client.delete(STREAM)
    relay = Stream(events_url, MAXLEN)
    while numbering.number(database):
        relay.publish(database)
    return Stores(database, events_url, order_ids)


def last(stores: Stores) -> int:
    with stores.database.read() as connection:
        return log.last_position(connection)


@on_each
def test_a_sound_system_has_no_fault(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "FAULTS_MOST", 3)
    report = walk.verify(stores.database, Entries(stores.events_url), lambda *_: None)
    assert report.faults == []
    assert (report.orders, report.events, report.entries) == (ORDERS, 2 * ORDERS + 1, 2 * ORDERS + 1)
    assert (report.first, report.last, report.unnumbered) == (1, 2 * ORDERS + 1, 0)
    stores.change(update(order_events).values(hash="0" * 64))
    report = walk.verify(stores.database, None, lambda *_: None)
    assert (len(report.faults), report.is_cut, report.entries) == (3, True, 0)


def test_what_is_not_numbered_yet_is_no_fault(stores: Stores) -> None:
    body = {"orderReference": "R-new", "customerEntityUid": identifiers.new()}
    receive = Receive(identifiers.new(), json.dumps(body), body, Intent.DRAFT, simplified=False, actor=ANN)
    group_commit.store_by_halves(stores.database, [group_commit.Request(receive, None)])
    assert stores.faults() == []


@on_each
def test_what_was_erased_is_no_fault_but_its_place_in_the_chain_is_kept(stores: Stores) -> None:
    order_id = stores.order_ids[0]
    erasure.erase(stores.database, order_id, None, ANN)
    publish(stores)
    assert stores.faults() == []
    its_first = (order_events.c.order_id == order_id, order_events.c.sequence == 1)
    stores.change(update(order_events).where(*its_first).values(digest="0" * 64))
    assert any("does not follow" in fault for fault in stores.faults())


def test_a_salt_that_nobody_erased_is_a_fault(stores: Stores) -> None:
    stores.change(update(order_events).where(order_events.c.position == 5).values(salt="", data='{"status":"DRAFT"}'))
    assert any("lost its salt, and no erasure is told" in fault for fault in stores.faults())


def test_a_log_whose_beginning_was_deleted_is_sound(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "DELETED_AT_ONCE", ORDERS + 3)
    assert retention.forget(stores.database, timedelta(0)) == ORDERS + 3
    with stores.database.read() as connection:
        assert log.ends(connection)[0] == retention.deleted_to(connection) + 1 == ORDERS + 4
    assert stores.faults() == []
    stores.change(update(chain_starts).values(hash="1" * 64))
    assert any("does not follow" in fault for fault in stores.faults())


def publish(stores: Stores) -> None:
    relay = Stream(stores.events_url, MAXLEN)
    while numbering.number(stores.database) or relay.publish(stores.database):
        pass


def an_order_is_gone(stores: Stores) -> str:
    stores.change(delete(orders).where(orders.c.order_id == stores.order_ids[3]))
    return f"{stores.order_ids[3]}: has events and no row"


def an_orders_events_are_gone(stores: Stores) -> str:
    stores.change(delete(order_events).where(order_events.c.order_id == stores.order_ids[3]))
    return f"{stores.order_ids[3]}: version 2, events []"


def the_last_event_is_cut_off(stores: Stores) -> str:
    stores.change(delete(order_events).where(order_events.c.position == last(stores)))
    return f"{stores.order_ids[0]}: version 3, events [1, 2]"


def an_event_was_altered(stores: Stores) -> str:
    altered = func.replace(order_events.c.data, "R-3", "R-4")
    of_order = (order_events.c.order_id == stores.order_ids[3]) & (order_events.c.sequence == 2)
    stores.change(update(order_events).where(of_order).values(data=altered))
    return f"{stores.order_ids[3]}: event 2 was altered"


def a_hash_was_altered(stores: Stores) -> str:
    stores.change(update(order_events).where(order_events.c.position == 1).values(hash="0" * 64))
    return f"{stores.order_ids[0]}: event 1 does not follow the one before"


def the_row_names_another_last_event(stores: Stores) -> str:
    stores.change(update(orders).where(orders.c.order_id == stores.order_ids[3]).values(last_hash="0" * 64))
    return f"{stores.order_ids[3]}: the last event is not the row's"


def a_row_was_changed_without_an_event(stores: Stores) -> str:
    stores.change(update(orders).where(orders.c.order_id == stores.order_ids[3]).values(information="Changed."))
    return f"{stores.order_ids[3]}: its events do not add up to its row"


def two_events_changed_places(stores: Stores) -> str:
    with stores.database.read() as connection:
        of_order = select(order_events.c.position).where(order_events.c.order_id == stores.order_ids[0])
        low, *_, high = sorted(connection.execute(of_order).scalars())
    for old, new in ((low, -1), (high, low), (-1, high)):
        stores.change(update(order_events).where(order_events.c.position == old).values(position=new))
    return "do not rise with its sequence"


def a_position_is_missing(stores: Stores) -> str:
    stores.change(update(order_events).where(order_events.c.position == 7).values(position=None))
    return "position 7: is missing"


def the_counter_was_put_back(stores: Stores) -> str:
    stores.change(update(relay_position).values(last=20))
    return "position 21: is given, and the counter does not know it"


def the_counter_runs_ahead(stores: Stores) -> str:
    stores.change(update(relay_position).values(last=30))
    return "position 26: is missing, and so are all to 30"


def the_stream_is_empty(stores: Stores) -> str:
    stores.redis("DEL", STREAM)
    return "is empty, and the log ends at 25"


def the_stream_lacks_its_first_entry(stores: Stores) -> str:
    stores.redis("XDEL", STREAM, "1-0")
    return "position 2: begins at 2, and the last 100,000 events belong in it"


def the_stream_lacks_its_newest_entry(stores: Stores) -> str:
    stores.redis("XDEL", STREAM, "25-0")
    return "position 24: ends at 24, and the log at 25"


def the_stream_lacks_an_entry(stores: Stores) -> str:
    stores.redis("XDEL", STREAM, "9-0")
    return "position 9: the stream goes on with 10"


def the_stream_has_an_entry_of_its_own(stores: Stores) -> str:
    stores.redis("XADD", STREAM, "26-0", "event", "{}")
    return "position 26: is in the stream and not in the log"


def the_stream_has_another_event(stores: Stores) -> str:
    stores.redis("DEL", STREAM)
    relay = Stream(stores.events_url, MAXLEN)
    stores.change(update(order_events).where(order_events.c.position == 9).values(event_id=identifiers.new()))
    relay.publish(stores.database)
    stores.change(update(order_events).where(order_events.c.position == 9).values(event_id=identifiers.new()))
    return "position 9: the stream has another event than the log"


PLANTED = [
    an_order_is_gone,
    an_orders_events_are_gone,
    the_last_event_is_cut_off,
    an_event_was_altered,
    a_hash_was_altered,
    the_row_names_another_last_event,
    a_row_was_changed_without_an_event,
    two_events_changed_places,
    a_position_is_missing,
    the_counter_was_put_back,
    the_counter_runs_ahead,
    the_stream_is_empty,
    the_stream_lacks_its_first_entry,
    the_stream_lacks_its_newest_entry,
    the_stream_lacks_an_entry,
    the_stream_has_an_entry_of_its_own,
    the_stream_has_another_event,
]


@pytest.mark.parametrize("plant", PLANTED, ids=[plant.__name__ for plant in PLANTED])
def test_it_finds_what_is_planted(stores: Stores, plant: Callable[[Stores], str]) -> None:
    expected = plant(stores)
    found = stores.faults()
    assert any(expected in fault for fault in found), found


def test_a_redis_that_is_away_is_a_fault_of_the_stream_alone(stores: Stores) -> None:
    report = walk.verify(stores.database, Entries("redis://127.0.0.1:1"), lambda *_: None)
    assert [(fault.check, "could not be read" in fault.sentence) for fault in report.faults] == [("stream", True)]


@on_each
def test_the_command_says_what_is_wrong_and_fails(stores: Stores, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "EVENTS_URL": stores.events_url, "BROKER_URL": stores.events_url}
    environment = {**os.environ, **{f"HARDWARE_ORDERS_{name}": value for name, value in settings.items()}}

    def run(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "hardware_orders", "events", "verify", *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = run()
    assert (code, "25 events" in said, "none" in said) == (0, True, True), said
    expected = a_hash_was_altered(stores)
    code, said = run()
    assert (code, expected in " ".join(said.split())) == (1, True), said
    code, said = run("--json")
    faults = json.loads(said)["faults"]
    assert (code, faults[0]["orderId"], faults[0]["position"]) == (1, stores.order_ids[0], 1)
