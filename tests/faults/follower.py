"""A consumer that follows the stream through everything that happens to it, by the last id it has seen."""

import threading
import time
from typing import Any, Self

import redis

from hardware_orders.delivery.stream import STREAM

BLOCK_MS = 200
ANSWER_SECONDS = 1.0
RETRY_SECONDS = 0.1


class Follower:
    """A context; `positions` are those of the entries that it was given, as they came."""

    def __init__(self, events_url: str) -> None:
        self.positions: list[int] = []
        self._redis = redis.Redis.from_url(
            events_url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            decode_responses=True,
            protocol=2,  # pairs, not mappings
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        last = "0-0"
        while not self._stopping.is_set():
            try:
                found: Any = self._redis.xread({STREAM: last}, block=BLOCK_MS, count=1_000)
            except (redis.RedisError, OSError):
                time.sleep(RETRY_SECONDS)
                continue
            for _, entries in found or ():
                for entry_id, _fields in entries:
                    last = entry_id
                    self.positions.append(int(entry_id.split("-")[0]))
