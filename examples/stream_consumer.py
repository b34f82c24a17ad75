"""A consumer of the Redis Stream that misses nothing and works on nothing twice. Run it as

    EVENTS_URL=redis://localhost:6379 TOKEN=… python examples/stream_consumer.py http://127.0.0.1:8000

The token has the role `events:read` for all customers: the stream tells of all. It needs the packages `redis` and `httpx2`.

There is one rule: whatever does not begin right behind the last position is filled from the feed. So it does not matter
why something is missing: the stream was trimmed or lost, the group was deleted, or an entry was erased.
"""

import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import redis

STREAM, GROUP = "hardware-orders:events", "example"
BATCH_ENTRIES, BATCH_EVENTS = 100, 500
WAIT_SECONDS = 1.0

Event = dict[str, Any]


class Ledger:
    """What was done, and the position up to which it was: in one transaction, so that neither is without the other."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS done (position INTEGER PRIMARY KEY, id TEXT UNIQUE, type TEXT)"
        )

    @property
    def position(self) -> int:
        return int(self._database.execute("SELECT coalesce(max(position), 0) FROM done").fetchone()[0])

    def add(self, event: Event) -> None:
        """Your own work belongs into this transaction. An event that is in it already is refused."""
        row = (event["data"]["position"], event["id"], event["type"])
        with self._database:
            self._database.execute("INSERT INTO done VALUES (?, ?, ?)", row)


class Consumer:
    """Reads as the only consumer of its group: two at once would work on an order's events side by side."""

    def __init__(self, events_url: str, feed: httpx2.Client, ledger: Ledger, told: Callable[[Event], None]) -> None:
        # An answer is waited for longer than Redis itself waits for an entry.
        self._redis: Any = redis.Redis.from_url(events_url, decode_responses=True, socket_timeout=WAIT_SECONDS * 5)
        self._feed, self._ledger, self._told = feed, ledger, told

    def run(self, stop: threading.Event) -> None:
        """Until stopped. Redis or the service being away, and a group that is gone, only take time."""
        is_joined = False
        while not stop.is_set():
            try:
                if not is_joined:
                    self._fill(None)
                    self._join()
                    is_joined = True
                self._read()
            except (redis.RedisError, httpx2.TransportError) as error:
                print(f"again in {WAIT_SECONDS:g} s: {error}", file=sys.stderr)
                is_joined = False
                stop.wait(WAIT_SECONDS)
        self._redis.close()

    def _join(self) -> None:
        """The group goes on behind our own position, wherever it stood. It never makes the stream: that is the relay's."""
        behind = f"{self._ledger.position}-0"
        try:
            self._redis.xgroup_create(STREAM, GROUP, id=behind)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            self._redis.xgroup_setid(STREAM, GROUP, id=behind)

    def _read(self) -> None:
        wait = int(WAIT_SECONDS * 1000)
        read = self._redis.xreadgroup(GROUP, "consumer", {STREAM: ">"}, count=BATCH_ENTRIES, block=wait)
        for entry_id, fields in (entry for _, entries in read or [] for entry in entries):
            position = int(entry_id.split("-")[0])
            if position > self._ledger.position + 1:
                self._fill(position - 1)
            self._take(json.loads(fields["event"]))
            self._redis.xack(STREAM, GROUP, entry_id)

    def _fill(self, through: int | None) -> None:
        """From the feed, up to this position; None for everything up to now."""
        for event in self._of_feed():
            if through is not None and event["data"]["position"] > through:
                return
            self._take(event)

    def _of_feed(self) -> Iterator[Event]:
        while True:
            after = self._ledger.position
            answer = self._feed.get("/events", params={"after": after, "limit": BATCH_EVENTS})
            if answer.status_code in (429, 503):
                raise httpx2.TransportError(f"the feed asks to come again later ({answer.status_code})")
            # 410: what comes next is not kept any more. Read all orders anew, and go on from the position it names.
            answer.raise_for_status()
            page = answer.json()
            yield from page["events"]
            if page["nextAfter"] <= after or not page["events"]:
                return

    def _take(self, event: Event) -> None:
        if event["data"]["position"] > self._ledger.position:  # the same event may come again
            self._ledger.add(event)
            self._told(event)


def main(url: str) -> None:
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    with httpx2.Client(base_url=url, headers=headers, timeout=30) as feed:
        ledger = Ledger(os.environ.get("LEDGER", "stream-consumer.db"))
        consumer = Consumer(
            os.environ["EVENTS_URL"],
            feed,
            ledger,
            lambda event: print(event["data"]["position"], event["type"], event["subject"]),
        )
        consumer.run(threading.Event())


if __name__ == "__main__":
    main(sys.argv[1])
