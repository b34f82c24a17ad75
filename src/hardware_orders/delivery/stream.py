"""The Redis Stream: one entry an event, id `<position>-0`. The stream's own top is the only cursor.

There is no "published" mark to fall out of step. Each pass watches the stream, reads its top, and adds what comes next
in one MULTI/EXEC; when another relay was faster, EXEC refuses and nothing happened.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
import structlog

from hardware_orders import logging, tracing
from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log, redis_client, wake

logger = structlog.get_logger()

STREAM = "hardware-orders:events"
# The type of an event behind which nothing of its order may be told any more.
ERASURE = "order.erased"
# Entries of one MULTI: large enough to be cheap, small enough that Redis serves others in between.
BATCH_EVENTS = 500
# What is published again when the stream was lost. Consumers that were further behind read the log itself.
REBUILT_EVENTS = 100_000
# Longer than Redis needs for one batch, short enough that numbering goes on beside a stalled one.
STREAM_SECONDS = 2.0
# Read at a time; an entry has at most 256 KiB.
READ_ENTRIES = 100


class Stream:
    """Publishes the log to one stream. Any number of them may run at the same time."""

    def __init__(self, events_url: str, maxlen: int) -> None:
        self._redis = redis_client.bounded(events_url, STREAM_SECONDS)
        self._maxlen = maxlen

    def publish(self, database: Database, numbered: Sequence[Any] = ()) -> int:
        """Publish what comes next, at most BATCH_EVENTS. Returns how many it were; 0 also when another was faster.

        `numbered` are rows that were given their positions just now, so that they need not be read again when they are
        what comes next. Raises redis.RedisError or OSError when Redis is away.
        """
        with self._redis.pipeline() as pipeline:
            pipeline.watch(STREAM)  # type: ignore[no-untyped-call]
            top = _top(pipeline)
            # A top of 0 is no stream, or one that lost its newest entry; only `_next` can tell what to do then.
            is_next = top > 0 and len(numbered) > 0 and numbered[0].position == top + 1
            rows, is_lost = (numbered, False) if is_next else _next(database, top)
            if not rows:
                return 0
            pipeline.multi()
            if is_lost:
                if top != 0:
                    logger.warning("stream_rebuilt", top=top, first=rows[0].position)
                pipeline.delete(STREAM)
            erased = _erased(database, rows)
            for row in rows:
                fields: dict[Any, Any] = {"event": cloudevent.as_text(row)}
                pipeline.xadd(STREAM, fields, id=f"{row.position}-0", maxlen=self._maxlen, approximate=True)
            if erased:
                pipeline.xdel(STREAM, *(f"{position}-0" for position in erased))
            pipeline.publish(wake.NUMBERED_CHANNEL, str(rows[-1].position))
            try:
                pipeline.execute()
            except redis.WatchError:
                return 0
            _tell(rows)
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


def _erased(database: Database, rows: Sequence[Any]) -> list[int]:
    """Positions whose entries tell what has been erased: those before an erasure among the rows, of the same order.

    They leave the stream in the transaction in which the erasure enters it, so that neither a crash nor a relay that has
    read them before can leave them there (docs/adr/0023).
    """
    erasures = [row for row in rows if row.type == ERASURE]
    if not erasures:
        return []
    with database.read() as connection:
        return log.earlier(connection, erasures)


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
    return _position(bytes(newest[0]))


class StreamAwayError(Exception):
    """Redis does not answer, or refuses."""


class Entries:
    """Reads the stream as it is. Every method raises StreamAwayError."""

    def __init__(self, events_url: str) -> None:
        self._redis = redis_client.bounded(events_url, STREAM_SECONDS)

    def ends(self) -> tuple[int | None, int]:
        """The positions of the first entry, None when there is none, and of the last."""
        with _answering():
            first: Any = self._redis.xrange(STREAM, count=1)
            newest: Any = self._redis.xrevrange(STREAM, count=1)
        return (_position(first[0][0]), _position(newest[0][0])) if first and newest else (None, 0)

    def parts(self) -> Iterator[list[tuple[int, str]]]:
        """(position, event) of all entries, a part at a time."""
        start = "-"
        while True:
            with _answering():
                entries: Any = self._redis.xrange(STREAM, min=start, count=READ_ENTRIES)
            if not entries:
                return
            yield [(_position(entry_id), fields.get(b"event", b"").decode()) for entry_id, fields in entries]
            start = f"({entries[-1][0].decode()}"

    def close(self) -> None:
        self._redis.close()


def _position(entry_id: bytes) -> int:
    return int(entry_id.split(b"-")[0])


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OSError) as error:
        raise StreamAwayError(f"Redis does not answer ({type(error).__name__})") from error


def _tell(rows: Sequence[Any]) -> None:
    """A line in the log for each event that was published; where traces are recorded, a span within the event's."""
    logging.order_steps("event_published", map(_step, rows))
    for row in rows if tracing.is_on() else ():
        with tracing.span("publish", cloudevent.trace_of(row), **_step(row)):
            pass


def _step(row: Any) -> dict[str, Any]:
    return {"order_id": row.order_id, "event_id": row.event_id, "type": row.type, "position": row.position}
