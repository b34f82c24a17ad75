"""The Redis Stream: one entry an event, id `<position>-0`. The stream's own top is the only cursor.

There is no "published" mark to fall out of step. Each pass watches the stream, reads its top, and adds what comes next
in one MULTI/EXEC; when another relay was faster, EXEC refuses and nothing happened.
"""

from collections.abc import Sequence
from typing import Any

import redis
import structlog

from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log

logger = structlog.get_logger()

STREAM = "hardware-orders:events"
# Entries of one MULTI: large enough to be cheap, small enough that Redis serves others in between.
BATCH_EVENTS = 500
# What is published again when the stream was lost. Consumers that were further behind read the log itself.
REBUILT_EVENTS = 100_000
# Longer than Redis needs for one batch, short enough that numbering goes on beside a stalled one.
STREAM_SECONDS = 2.0


class Stream:
    """Publishes the log to one stream. Any number of them may run at the same time."""

    def __init__(self, events_url: str, maxlen: int) -> None:
        self._redis = redis.Redis.from_url(
            events_url, socket_connect_timeout=1, socket_timeout=STREAM_SECONDS, retry=None, retry_on_error=[]
        )
        self._maxlen = maxlen

    def publish(self, database: Database) -> int:
        """Publish what comes next, at most BATCH_EVENTS. Returns how many it were; 0 also when another was faster.

        Raises redis.RedisError or OSError when Redis is away.
        """
        with self._redis.pipeline() as pipeline:
            pipeline.watch(STREAM)  # type: ignore[no-untyped-call]
            top = _top(pipeline)
            rows, is_lost = _next(database, top)
            if not rows:
                return 0
            pipeline.multi()
            if is_lost:
                if top != 0:
                    logger.warning("stream_rebuilt", top=top, first=rows[0].position)
                pipeline.delete(STREAM)
            for row in rows:
                fields: dict[Any, Any] = {"event": cloudevent.as_text(row)}
                pipeline.xadd(STREAM, fields, id=f"{row.position}-0", maxlen=self._maxlen, approximate=True)
            try:
                pipeline.execute()
            except redis.WatchError:
                return 0
            return len(rows)


def _next(database: Database, top: int) -> tuple[Sequence[Any], bool]:
    """What comes after the top; and whether the stream was lost, so that it begins anew with the bounded tail.

    Positions have no gaps: a top above the last is not this log's, and a next one above top + 1 means that the stream
    fell behind what the log still holds.
    """
    with database.read() as connection:
        last = log.last_position(connection)
        rows = log.after(connection, top, BATCH_EVENTS) if 0 < top <= last else []
        if 0 < top <= last and (not rows or rows[0].position == top + 1):
            return rows, False
        tail = log.after(connection, max(last - REBUILT_EVENTS, 0), BATCH_EVENTS)
    if rows and tail[0].position <= top:
        logger.error("log_has_a_gap", after=top, next=rows[0].position)
        return rows, False
    return tail, True


def _top(pipeline: Any) -> int:
    """The position of the newest entry; 0 for a stream that is absent, empty, or had its newest entry deleted.

    Redis refuses ids up to the last one it ever generated, whether that entry is still there or not.
    """
    try:
        stream = pipeline.xinfo_stream(STREAM)
    except redis.ResponseError:
        return 0  # no such key
    newest = stream["last-entry"]
    if newest is None or newest[0] != stream["last-generated-id"]:
        return 0
    return int(bytes(newest[0]).split(b"-")[0])
