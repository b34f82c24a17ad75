"""`python -m bench.stream_reader URL STREAM`: reads a stream live and notes when each settled order's event is seen.

Says `ready`, reads until its standard input ends, then prints `{reference: [seen at, occurred at]}` in epoch seconds.
It is a process of its own, so that neither the load generator's work nor its waiting is counted as the stream's.
"""

import json
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import redis

BLOCK_MS = 100  # how soon the end is noticed
READ_ENTRIES = 1_000

Entry = Mapping[bytes, bytes]


def read(client: Any, stream: str, is_ended: threading.Event) -> list[tuple[float, Entry]]:
    """(seen at, fields) of the entries that come until the end."""
    seen: list[tuple[float, Entry]] = []
    newest = client.xrevrange(stream, count=1)
    last = newest[0][0] if newest else b"0-0"
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not is_ended.is_set():
        for _, entries in client.xread({stream: last}, count=READ_ENTRIES, block=BLOCK_MS):
            now = time.time()
            seen.extend((now, fields) for _, fields in entries)
            last = entries[-1][0]
    return seen


def settled_order(fields: Entry) -> tuple[str, float] | None:
    """(order reference, occurred at) of an entry of either side; None for an event before the settlement."""
    if b"event" not in fields:
        return fields[b"order_reference"].decode(), _epoch(fields[b"occurred_at"].decode())
    event = json.loads(fields[b"event"])
    if event["type"].endswith(".received"):
        return None
    return event["data"]["order"]["orderReference"], _epoch(event["time"])


def _epoch(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def main(url: str, stream: str) -> None:
    is_ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        is_ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    found: dict[str, tuple[float, float]] = {}
    for seen_at, fields in read(redis.Redis.from_url(url, protocol=2), stream, is_ended):
        order = settled_order(fields)
        if order:
            found.setdefault(order[0], (seen_at, order[1]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
