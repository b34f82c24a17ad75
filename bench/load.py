"""The load generator: keep-alive HTTP/1.1 over asyncio, prebuilt requests, one request at a time on each connection.

Closed loop: every connection sends its next order when the last one is answered. Open loop: orders are sent at a fixed
rate whatever the answers do, and each latency counts from the moment its order was scheduled for.
"""

import asyncio
import gc
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

# A refusal's beginning is enough to see what went wrong.
SHOWN_BYTES = 300


@dataclass(slots=True)
class Result:
    """What came of one load. Latencies are of accepted orders; times are seconds of `time.monotonic`.

    `scheduled_at` has one moment for each request, 0 for one that was never due.
    """

    scheduled_at: list[float]
    latencies: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    unanswered: int = 0
    first_refusal: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def accepted(self) -> int:
        return len(self.latencies)

    @property
    def errors(self) -> int:
        """Orders that were not accepted: refused, on a broken connection, or not answered before the deadline."""
        return len(self.scheduled_at) - self.accepted

    @property
    def seconds(self) -> float:
        return self.ended_at - self.started_at


def run(port: int, requests: Sequence[bytes], *, connections: int, rate: float | None, deadline: float) -> Result:
    """Send all requests to this port of the loopback interface: at `rate` a second, or as fast as they are answered.

    Ends when all are answered or after `deadline` seconds. Raises OSError if nobody listens.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        gc.collect()
        gc.disable()  # a collection of the generator's own would look like latency of the service
        try:
            return runner.run(_run(port, requests, connections, rate, deadline))
        finally:
            gc.enable()


async def _run(port: int, requests: Sequence[bytes], connections: int, rate: float | None, deadline: float) -> Result:
    load = _Load(requests)
    cpu = time.process_time()
    try:
        async with asyncio.timeout(deadline):
            await load.connect(port, min(connections, len(requests)))
            await load.send_all(rate)
    except TimeoutError:
        load.end()
    load.close()
    load.result.cpu_seconds = time.process_time() - cpu
    return load.result


class _Load:
    """Orders that are due meet connections that are idle."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.requests = requests
        self.result = Result([0.0] * len(requests))
        self._due: deque[int] = deque()
        self._idle: deque[_Connection] = deque()
        self._connections: list[_Connection] = []
        self._open = 0
        self._answered = 0
        self._all_answered = asyncio.Event()

    async def connect(self, port: int, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
            self._connections.append(connection)
            self._idle.append(connection)
            self._open += 1

    async def send_all(self, rate: float | None) -> None:
        self.result.started_at = time.monotonic()
        if rate is None:
            self._due.extend(range(len(self.requests)))
            self._send_due()
        else:
            await self._schedule(rate)
        await self._all_answered.wait()

    async def _schedule(self, rate: float) -> None:
        scheduled_at = self.result.scheduled_at
        for number in range(len(self.requests)):
            at = self.result.started_at + number / rate
            while (wait := at - time.monotonic()) > 0:  # noqa: ASYNC110 - a timer may be a little early
                await asyncio.sleep(wait)
            if not self._open:
                return
            scheduled_at[number] = at
            self._due.append(number)
            self._send_due()

    def _send_due(self) -> None:
        while self._due and self._idle:
            number = self._due.popleft()
            if not self.result.scheduled_at[number]:
                self.result.scheduled_at[number] = time.monotonic()
            self._idle.popleft().send(number)

    def answered(self, connection: "_Connection", number: int, code: int, body: bytes) -> None:
        result = self.result
        result.codes[code] += 1
        if 200 <= code < 300:  # noqa: PLR2004 - what HTTP calls success
            result.latencies.append(time.monotonic() - result.scheduled_at[number])
        elif not result.first_refusal:
            result.first_refusal = f"{code} {body[:SHOWN_BYTES].decode(errors='replace')}"
        self._idle.append(connection)
        self._count_answer()
        self._send_due()

    def lost(self, connection: "_Connection", number: int | None) -> None:
        self._open -= 1
        if number is None:
            self._idle.remove(connection)
        else:
            self.result.broken += 1
            self._count_answer()
        if not self._open:
            self.end()

    def _count_answer(self) -> None:
        self._answered += 1
        if self._answered == len(self.requests):
            self.end()

    def end(self) -> None:
        """Nothing more is awaited. Called once more, it changes nothing."""
        if not self._all_answered.is_set():
            self.result.ended_at = time.monotonic()
            self.result.unanswered = len(self.requests) - self._answered
            self._all_answered.set()

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class _Connection(asyncio.Protocol):
    """One request at a time: no pipelining, so that a latency is one order's own."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._number: int | None = None
        self._is_closing = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's only looks like one

    def send(self, number: int) -> None:
        self._number = number
        if self._transport is not None:
            self._transport.write(self._load.requests[number])

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answer = parse_answer(self._buffer)
        if answer is None or self._number is None:
            return
        number, self._number, self._buffer = self._number, None, b""
        self._load.answered(self, number, *answer)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._is_closing:
            self._load.lost(self, self._number)

    def close(self) -> None:
        self._is_closing = True
        if self._transport is not None:
            self._transport.abort()


def parse_answer(received: bytes) -> tuple[int, bytes] | None:
    """The status code and body of an answer with a Content-Length (RFC 9112); None while it is not complete."""
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    length = int(after.partition(b"\r\n")[0] or b"0")
    return (int(head[9:12]), body) if len(body) >= length else None
