"""A client under a steady rate of arrival that writes down what it was told, and how long that took.

HTTP/1.1 by hand over asyncio, in a thread of its own: the test's own thread breaks things meanwhile.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from tests.system import CUSTOMER

# Longer than any wait for a settled order; who has no answer by then is told none.
ANSWER_SECONDS = 20
REPEATED_AMONG = 40  # a repeat is of one of the newest keys, some of which are still in hand

SUBMIT: dict[str, str] = {}
DRAFT = {"saveDraft": "true"}
ASYNC = {"Prefer": "respond-async"}
SIMPLIFIED = {"X-Use-Simplified-Order-Flow": "true"}
# What comes of each kind: the customer has no portfolio, so an order to be completed from it is parked.
STATUS = {"SUBMIT": "SUBMITTED", "DRAFT": "DRAFT", "ASYNC": "SUBMITTED", "SIMPLIFIED": "ONHOLD"}
HEADERS = {"SUBMIT": SUBMIT, "DRAFT": DRAFT, "ASYNC": ASYNC, "SIMPLIFIED": SIMPLIFIED, "WRONG": SUBMIT}
KINDS = ("SUBMIT",) * 9 + ("DRAFT",) * 4 + ("ASYNC",) * 4 + ("SIMPLIFIED",) * 2 + ("WRONG",)


@dataclass(slots=True)
class Request:
    """One request and what became of it. Repeats of one key share `reference`, which is the order's own name."""

    reference: str
    kind: str
    key: str | None
    sent: str
    is_repeat: bool = False
    sent_at: float = 0.0
    seconds: float = 0.0
    status: int | None = None
    """None when no answer came."""
    order_id: str | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        return self.status is not None and 400 <= self.status < 500


def mixed(seed: int) -> Iterator[Request]:
    """Orders of all kinds without end, one in 20 of them wrong, and of all requests one in ten a repeat."""
    chance = random.Random(seed)
    keyed: list[Request] = []
    number = 0
    while True:
        number += 1
        if keyed and chance.random() < 0.1:
            first = chance.choice(keyed[-REPEATED_AMONG:])
            yield Request(first.reference, first.kind, first.key, first.sent, is_repeat=True)
            continue
        request = _request(f"{seed}-{number}", chance.choice(KINDS), f"key-{seed}-{number}")
        if chance.random() < 0.5:
            request.key = None
        elif request.kind != "WRONG":
            keyed.append(request)
        yield request


def asynchronous(seed: int, count: int) -> Iterator[Request]:
    """Orders whose callers do not wait."""
    return (_request(f"{seed}-{number}", "ASYNC", None) for number in range(count))


def _request(reference: str, kind: str, key: str | None) -> Request:
    body = {"orderReference": reference, "customerEntityUid": CUSTOMER, "notes": f"Ring twice. é {reference}"}
    if kind == "WRONG":
        del body["customerEntityUid"]
    return Request(reference, kind, key, json.dumps(body))


@dataclass
class Load:
    """A context: sends `requests` at `rate` a second until its end; it ends once all are answered."""

    url: str
    token: str
    requests: Iterator[Request]
    rate: float
    journal: list[Request] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send nothing more, and wait for the answers that are still to come."""
        self._stopping.set()
        self._thread.join()

    async def _run(self) -> None:
        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number, request in enumerate(self.requests):
                await asyncio.sleep(max(started + number / self.rate - time.monotonic(), 0))
                if self._stopping.is_set():
                    break
                self.journal.append(request)
                tasks.create_task(self._send(request))
        for _, writer in self._idle:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _send(self, request: Request) -> None:
        request.sent_at = time.monotonic()
        writer = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await self._connection()
                writer.write(self._bytes(request))
                request.status, body = await _answer(reader)
            self._idle.append((reader, writer))
            if request.is_accepted:
                request.order_id = json.loads(body)["orderId"]
        except (OSError, TimeoutError, EOFError):
            if writer:
                writer.close()
        request.seconds = time.monotonic() - request.sent_at

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        address = urlsplit(self.url)
        return await asyncio.open_connection(address.hostname, address.port)

    def _bytes(self, request: Request) -> bytes:
        body = request.sent.encode()
        headers = {
            "Host": "orders",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **HEADERS[request.kind],
            **({"Idempotency-Key": request.key} if request.key else {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST /orders/hardware HTTP/1.1\r\n{lines}\r\n".encode() + body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of an answer that says its length, as all answers here do."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    length = next(int(line.partition(":")[2]) for line in head if line.startswith("content-length:"))
    return int(head[0].split()[1]), await reader.readexactly(length)
