"""`python -m bench.relay [--events N] [--rate R] [--seconds S]`: the relay alone.

First N events without a position are numbered and published by one relay: how many a second? Then events are committed
at a steady rate beside it, and a reader of the stream notes when it sees each: how long after its commit?

The stores are those that HARDWARE_ORDERS_DATABASE_URL (migrated) and HARDWARE_ORDERS_EVENTS_URL name. Both should be
empty: the stream of the events database is deleted first.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from bench.orders import NOTES
from bench.summary import latencies
from hardware_orders import identifiers, settings
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.delivery import log
from hardware_orders.delivery.stream import STREAM
from hardware_orders.delivery.wake import Herald
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import receive
from hardware_orders.orders.status import Intent
from hardware_orders.relay import Relay

ANN = Actor("00000000-0000-4000-8000-00000000000a", "Ann")
# Of one commit: what a busy worker settles together.
COMMIT_EVENTS = 25
FILL_EVENTS = 1_000
BLOCK_MS = 100
WAIT_SECONDS = 120.0


def commit(database: Database, count: int) -> list[str]:
    """Commit new orders' first events; returns their ids. The rows of orders are nothing to the relay."""
    with database.write() as connection:
        now = database.now(connection)
        rows = []
        for _ in range(count):
            order_id = identifiers.new()
            body = {"orderReference": order_id, "customerEntityUid": order_id, "notes": NOTES}
            command = Receive(order_id, json.dumps(body), body, Intent.SUBMIT, simplified=False, actor=ANN)
            rows.append(events.record(None, receive(command, now))[1])
        store.insert_events(connection, rows)
    return [row["event_id"] for row in rows]


@contextmanager
def relaying(configuration: settings.Settings) -> Iterator[None]:
    relay = Relay(configuration)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield
    finally:
        relay.stop()
        thread.join()


def wait_for(client: Any, position: int) -> None:
    """Until the stream has this position."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        newest = client.xrevrange(STREAM, count=1)
        if newest and int(newest[0][0].split(b"-")[0]) >= position:
            return
        time.sleep(0.1)  # seldom, since it takes turns with the relay's thread
    raise SystemExit("The relay did not come to the end in time.")


def backlog(configuration: settings.Settings, database: Database, client: Any, count: int) -> float:
    """Events a second."""
    for start in range(0, count, FILL_EVENTS):
        commit(database, min(FILL_EVENTS, count - start))
    with database.read() as connection:
        last = log.last_position(connection)
    started = time.monotonic()
    with relaying(configuration):
        wait_for(client, last + count)
        return count / (time.monotonic() - started)


def steady(database: Database, client: Any, events_url: str, rate: int, seconds: float) -> list[float]:
    """Seconds from each event's commit to its entry's being seen."""
    committed: dict[str, float] = {}
    seen: dict[str, float] = {}
    is_ended = threading.Event()
    last = client.xrevrange(STREAM, count=1)[0][0]

    def read(last: bytes) -> None:
        while not is_ended.is_set():
            for _, entries in client.xread({STREAM: last}, count=1_000, block=BLOCK_MS):
                now = time.monotonic()
                seen.update((json.loads(fields[b"event"])["id"], now) for _, fields in entries)
                last = entries[-1][0]

    reader = threading.Thread(target=read, args=(last,))
    reader.start()
    herald, begun, pause = Herald(events_url), time.monotonic(), COMMIT_EVENTS / rate
    for number in range(int(seconds / pause)):
        time.sleep(max(begun + number * pause - time.monotonic(), 0))
        ids = commit(database, COMMIT_EVENTS)
        now = time.monotonic()
        committed.update((event_id, now) for event_id in ids)
        herald.announce(wake_relay=True)
    end = time.monotonic() + WAIT_SECONDS
    while seen.keys() < committed.keys() and time.monotonic() < end:
        time.sleep(0.05)
    is_ended.set()
    reader.join()
    return [max(seen[event_id] - at, 0) for event_id, at in committed.items()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.relay")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=1_000, help="events a second: two of each order")
    parser.add_argument("--seconds", type=float, default=15)
    asked = parser.parse_args()
    configuration = settings.load()
    database = Database(configuration.database, statement_ms=0)
    client = redis.Redis.from_url(configuration.events, protocol=2)
    client.delete(STREAM)
    rate = backlog(configuration, database, client, asked.events)
    sys.stdout.write(f"backlog of {asked.events:,}: {rate:,.0f} events/s\n")
    with relaying(configuration):
        found = latencies(steady(database, client, configuration.events, asked.rate, asked.seconds))
    assert found is not None  # noqa: S101 - for the type's sake
    sys.stdout.write(
        f"commit to stream at {asked.rate}/s: p50 {found.p50:.1f} ms, p99 {found.p99:.1f} ms, max {found.max:.1f} ms\n"
    )


if __name__ == "__main__":
    main()
