"""Signs of life in Redis: which workers are alive and what they do, and how far the stream has come.

All of it may be lost: workers beat again within seconds, and nothing decides by it.
"""

import time
from typing import Any

import orjson
import redis
import structlog

from hardware_orders.delivery import redis_client
from hardware_orders.delivery.stream import STREAM

log = structlog.get_logger()

KEY = "hardware-orders:workers"
# A worker beats every two seconds; one that missed this many is gone, or hangs.
GONE_SECONDS = 30
# Of each answer: a worker's loop, and a sample's second, must not wait long for what is only shown.
ANSWER_SECONDS = 0.2
# How long nobody speaks to a Redis that did not answer.
AWAY_SECONDS = 10.0
# Nobody reads a list of more; those who beat last are shown.
WORKERS_MOST = 100


class Pulse:
    """For one thread. While Redis is away it stays silent, and reads nothing."""

    def __init__(self, events_url: str) -> None:
        self._redis = redis_client.bounded(events_url, ANSWER_SECONDS)
        self._away_until = 0.0

    def beat(self, worker: str, *, active: int, processed: int) -> None:
        """Say that this worker is alive: how many bells it has in hand, and has answered since its start."""
        if time.monotonic() < self._away_until:
            return
        told = orjson.dumps({"at": time.time(), "active": active, "processed": processed})
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hset(KEY, worker, told)
                pipeline.expire(KEY, GONE_SECONDS)
                pipeline.execute()
        except (redis.RedisError, OSError):
            self._away_until = time.monotonic() + AWAY_SECONDS

    def read(self) -> dict[str, Any]:
        """`workers` as a sample has them, and `published`: the stream's last position, null while Redis is away."""
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hgetall(KEY)
                pipeline.xrevrange(STREAM, count=1)
                beats, newest = pipeline.execute(raise_on_error=False)
        except (redis.RedisError, OSError):
            return {"workers": None, "published": None}
        workers = self._alive(beats) if isinstance(beats, dict) else []
        published = int(newest[0][0].split(b"-")[0]) if isinstance(newest, list) and newest else 0
        return {"workers": workers, "published": published}

    def _alive(self, beats: dict[bytes, bytes]) -> list[dict[str, Any]]:
        now = time.time()
        workers, gone = [], []
        for name, told in beats.items():
            beat = orjson.loads(told)
            silent = round(max(now - beat["at"], 0.0), 1)
            if silent > GONE_SECONDS:
                gone.append(name)
            else:
                shown = {"name": name.decode(errors="replace"), "silent": silent}
                workers.append(shown | {"active": beat["active"], "processed": beat["processed"]})
        if gone:
            self._redis.hdel(KEY, *gone)
        return sorted(workers, key=lambda worker: (worker["silent"], worker["name"]))[:WORKERS_MOST]
