"""The newest sample, for everybody who looks: read once a second in this process while somebody does, however many.

Fifty open pages cost the database what one costs. A reader that is slow misses samples; one that takes nothing is let
go.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from hardware_orders.api.problems import Problem
from hardware_orders.database import Database
from hardware_orders.sampling import sample
from hardware_orders.sampling.sample import KEPT_SECONDS, STEP_SECONDS, Sample

log = structlog.get_logger()

READ_EVERY_SECONDS = 1.0
# Two pages a moment apart are of the same sample.
FRESH_SECONDS = 0.9
# Beside 5,000 connections for orders, and more than a company has screens.
VIEWERS_MOST = 100
# A browser connects again at once, and whether its session is still good is asked anew.
STREAM_SECONDS = 60.0
# One message is some kilobytes; who has not taken it by then is not there.
SEND_SECONDS = 10.0
_END = b""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy that collects what comes would show it all at the end
]


class Live:
    """The samples of one process. Used on its event loop only."""

    def __init__(self, database: Database, drawn: Callable[["Live"], str]) -> None:
        """`drawn` makes of the newest sample what is sent to all viewers, as HTML."""
        self._database = database
        self._drawn = drawn
        self._history: deque[Sample] = deque(maxlen=KEPT_SECONDS // STEP_SECONDS + 1)  # one of each step
        self._read_at = -FRESH_SECONDS
        self._reading = asyncio.Lock()
        self._viewers: set[asyncio.Queue[bytes]] = set()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    @property
    def newest(self) -> Sample | None:
        return self._history[-1] if self._history else None

    @property
    def history(self) -> Sequence[Sample]:
        """The last sample of each step of the last hour, oldest first."""
        return self._history

    async def refresh(self) -> None:
        """Read what is new, unless that was done a moment ago. Raises the database's own error."""
        async with self._reading:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return
            newest = self.newest
            found = await run_in_threadpool(self._read, newest.second if newest else None)
            self._read_at = time.monotonic()
            for one in found:
                if self._history and _step(self._history[-1]) == _step(one):
                    self._history.pop()
                self._history.append(one)
            while self._history and self._history[0].second < self._history[-1].second - KEPT_SECONDS:
                self._history.popleft()

    def _read(self, after: int | None) -> Sequence[Sample]:
        with self._database.read() as connection:
            if after is None:
                newest = sample.newest(connection)
                after = newest.second - KEPT_SECONDS if newest else 0
            return sample.history(connection, after)

    def stop(self) -> None:
        """Let all viewers go, so that the server need not wait for them."""
        self._is_stopping = True
        if self._task is not None:
            self._task.cancel()
        for queue in self._viewers:
            _put(queue, _END)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Server-sent events, one a sample. An ASGI application. Raises Problem 503 when there are too many viewers."""
        del scope
        if len(self._viewers) >= VIEWERS_MOST or self._is_stopping:
            raise Problem(503, "Too many dashboards are open; this one goes on by itself when another is closed.")
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        self._viewers.add(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._tell())
        gone = asyncio.create_task(_hung_up(receive, queue))
        ends_at = time.monotonic() + STREAM_SECONDS
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            while (message := await queue.get()) and time.monotonic() < ends_at:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": message, "more_body": True})
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            log.info("viewer_let_go")  # the server closes the connection of an answer that was not ended
        finally:
            gone.cancel()
            self._viewers.discard(queue)

    async def _tell(self) -> None:
        """Read and tell, once a second, until nobody looks any more."""
        try:
            while self._viewers:
                try:
                    await self.refresh()
                except Exception as error:  # noqa: BLE001  # the database is away: the sample's age says so
                    log.warning("sample_not_read", error=type(error).__name__)
                message = _event(self._drawn(self))
                for queue in self._viewers:
                    _put(queue, message)
                await asyncio.sleep(READ_EVERY_SECONDS)
        finally:
            self._task = None


def _put(queue: asyncio.Queue[bytes], message: bytes) -> None:
    """In place of what was not taken: a late reader gets the newest."""
    with contextlib.suppress(asyncio.QueueEmpty):
        queue.get_nowait()
    queue.put_nowait(message)


async def _hung_up(receive: Receive, queue: asyncio.Queue[bytes]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    _put(queue, _END)


def _step(one: Sample) -> int:
    return one.second // STEP_SECONDS


def _event(message: str) -> bytes:
    """As it is sent to all viewers."""
    lines = "\n".join(f"data: {line}" for line in message.splitlines())
    return f"{lines}\n\n".encode()
