"""The stream on a real Redis: it equals the log, whatever becomes of Redis in between."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log, numbering, stream
from hardware_orders.delivery.stream import STREAM, Stream
from hardware_orders.tables import order_events
from tests.backends import REDIS, is_listening, redis_database, valkey
from tests.database.test_numbering import add_events

MAXLEN = 100_000


@pytest.fixture(params=["valkey", "redis"])
def events_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "valkey":
        with valkey() as url:
            yield url
    elif not is_listening(REDIS):
        pytest.skip("no Redis")
    else:
        with redis_database() as url:
            yield url


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def published(events_url: str) -> list[int]:
    with redis.Redis.from_url(events_url, decode_responses=True) as client:
        entries: Any = client.xrange(STREAM)
        return [int(entry_id.removesuffix("-0")) for entry_id, _ in entries]


def number_all(database: Database) -> None:
    while numbering.number(database):
        pass


def publish_all(database: Database, *relays: Stream) -> None:
    while sum(relay.publish(database) for relay in relays):
        pass


def test_the_stream_equals_the_log(database: Database, events_url: str) -> None:
    relay = Stream(events_url, MAXLEN)
    assert relay.publish(database) == 0
    add_events(database, stream.BATCH_EVENTS + 7)
    assert relay.publish(database) == 0  # nothing is published that has no position
    number_all(database)
    publish_all(database, relay)
    assert published(events_url) == list(range(1, stream.BATCH_EVENTS + 8))
    add_events(database, 3)
    number_all(database)
    publish_all(database, relay)
    assert published(events_url)[-3:] == [508, 509, 510]


def test_what_was_numbered_just_now_is_published_as_the_log_has_it(database: Database, events_url: str) -> None:
    relay = Stream(events_url, MAXLEN)
    add_events(database, 1)
    relay.publish(database, numbering.number(database))
    add_events(database, 7)
    early = numbering.number(database)
    add_events(database, 5)
    late = numbering.number(database)
    assert relay.publish(database, late) == 12  # what it was given is not what comes next, so the log is read
    assert relay.publish(database, early) == 0
    add_events(database, 3)
    assert relay.publish(database, numbering.number(database)) == 3
    with redis.Redis.from_url(events_url, decode_responses=True) as client, database.read() as connection:
        entries: Any = client.xrange(STREAM)
        assert [fields["event"] for _, fields in entries] == [
            cloudevent.as_text(row) for row in log.after(connection, 0, 20)
        ]
    assert published(events_url) == list(range(1, 17))


def test_several_relays_publish_every_event_once_and_in_order(database: Database, events_url: str) -> None:
    add_events(database, 4_000)
    number_all(database)
    relays = [Stream(events_url, MAXLEN) for _ in range(3)]

    def relay(one: Stream) -> None:
        for _ in range(40):
            one.publish(database)

    threads = [threading.Thread(target=relay, args=(one,)) for one in relays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish_all(database, *relays)
    assert published(events_url) == list(range(1, 4_001))


@pytest.mark.parametrize("loss", ["flushed", "emptied", "newest deleted", "another log's", "flushed within"])
def test_a_stream_that_was_lost_is_published_again(database: Database, events_url: str, loss: str) -> None:
    relay = Stream(events_url, MAXLEN)
    add_events(database, 1_200)
    number_all(database)
    with redis.Redis.from_url(events_url) as client:
        if loss == "flushed within":
            relay.publish(database)
            client.delete(STREAM)
        publish_all(database, relay)
        match loss:
            case "flushed":
                client.delete(STREAM)
            case "emptied":
                client.xtrim(STREAM, maxlen=0)
            case "newest deleted":
                client.xdel(STREAM, "1200-0")
            case "another log's":
                client.xadd(STREAM, {"event": "{}"}, id="9999-0")
    publish_all(database, relay)
    assert published(events_url) == list(range(1, 1_201))


def test_only_the_bounded_tail_comes_back(database: Database, events_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "REBUILT_EVENTS", 700)
    relay = Stream(events_url, MAXLEN)
    add_events(database, 1_500)
    number_all(database)
    publish_all(database, relay)
    assert published(events_url) == list(range(801, 1_501))


def test_a_stream_that_fell_behind_the_log_begins_with_what_the_log_holds(database: Database, events_url: str) -> None:
    relay = Stream(events_url, MAXLEN)
    add_events(database, 1_200)
    number_all(database)
    relay.publish(database)
    with database.write() as connection:
        connection.execute(order_events.delete().where(order_events.c.position <= 900))
    publish_all(database, relay)
    assert published(events_url) == list(range(901, 1_201))


def test_a_gap_in_the_log_itself_does_not_stop_the_stream(database: Database, events_url: str) -> None:
    relay = Stream(events_url, MAXLEN)
    add_events(database, 1_200)
    number_all(database)
    relay.publish(database)
    with database.write() as connection:
        connection.execute(order_events.delete().where(order_events.c.position.between(501, 900)))
    publish_all(database, relay)
    assert published(events_url) == [*range(1, 501), *range(901, 1_201)]


def test_a_stream_that_is_emptied_within_a_pass_is_published_again(
    database: Database, events_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay has read the top; before its EXEC Redis loses everything."""
    relay = Stream(events_url, MAXLEN)
    add_events(database, 700)
    number_all(database)
    relay.publish(database)
    read = stream._next

    def emptied(opened: Database, top: int) -> Any:
        with redis.Redis.from_url(events_url) as client:
            client.delete(STREAM)
        monkeypatch.setattr(stream, "_next", read)
        return read(opened, top)

    monkeypatch.setattr(stream, "_next", emptied)
    assert relay.publish(database) == 0
    publish_all(database, relay)
    assert published(events_url) == list(range(1, 701))


def test_a_batch_is_bounded_by_its_bytes(database: Database, events_url: str) -> None:
    add_events(database, 5)
    with database.write() as connection:
        padding = " " * (log.PART_MOST_BYTES // 2)
        connection.execute(order_events.update().values(data=order_events.c.data + padding))
    assert [len(numbering.number(database)) for _ in range(4)] == [2, 2, 1, 0]
    relay = Stream(events_url, MAXLEN)
    assert [relay.publish(database) for _ in range(4)] == [2, 2, 1, 0]
    assert published(events_url) == [1, 2, 3, 4, 5]


def test_a_relay_that_was_overtaken_publishes_nothing(
    database: Database, events_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow one has read the top; before its EXEC the fast one publishes."""
    slow, fast = Stream(events_url, MAXLEN), Stream(events_url, MAXLEN)
    add_events(database, 10)
    number_all(database)
    overtaken = threading.Event()
    read = stream._next

    def overtake(opened: Database, top: int) -> Any:
        if not overtaken.is_set():
            overtaken.set()
            assert fast.publish(database) == 10
        return read(opened, top)

    monkeypatch.setattr(stream, "_next", overtake)
    assert slow.publish(database) == 0
    assert published(events_url) == list(range(1, 11))
