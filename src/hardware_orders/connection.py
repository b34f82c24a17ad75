"""One HTTP connection: uvicorn's, held to limits. What becomes no request is refused here, with a problem as all else.

uvicorn bounds neither a request's head nor its time, answers its own refusals in plain text, takes trailers for
headers, and loses the body of a request that offers an upgrade.
"""

import asyncio
import resource
from typing import Any

import httptools
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hardware_orders.api import bodies, problems
from hardware_orders.api.problems import Problem

# Connections beyond this are told 503 rather than queued in memory.
CONNECTIONS_MOST = 5_000
# What the process opens besides: databases, brokers, logs, and connections that are told 503.
OTHER_FILES = 1_000
# A browser sends 20 fields, a client behind three proxies 40.
HEADERS_MOST = 100
# The largest token takes 8 KiB, the longest query of the search as much.
HEAD_MOST_BYTES = 32 * 2**10
# From the answer before, or the connection's beginning, until a request is there as a whole: 4 MiB on a slow line.
REQUEST_SECONDS = 25.0
# What arrives of a streamed body in that time at least: 3 KiB a second, slower than any line that is not broken.
STREAMED_LEAST_BYTES = 64 * 2**10
# Closing at once while the client still sends makes its system throw the answer away.
LINGER_SECONDS = 2.0
# A client that takes nothing for so long has gone, or holds what it was sent in this process's memory.
UNREAD_SECONDS = 30.0

CLOSE = {"Connection": "close"}
_NOT_HTTP = Problem(400, "This is not a request of HTTP/1.1 (RFC 9112); correct its first line, headers or framing.")
_HEAD_TOO_LARGE = Problem(
    431, f"A request has at most {HEADERS_MOST} header fields, and {HEAD_MOST_BYTES // 2**10} KiB before its body."
)
_TOO_SLOW = Problem(408, f"The request did not arrive within {REQUEST_SECONDS:.0f} seconds; send it again, faster.")
_STREAMED_TOO_SLOW = Problem(
    408,
    f"Less than {STREAMED_LEAST_BYTES // 2**10} KiB of the body arrived within {REQUEST_SECONDS:.0f} seconds; "
    "send it again, with the same Idempotency-Key.",
)
_CROWDED = Problem(503, "Too many connections are open; try again in a moment.", headers=CLOSE)


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await problems.answer(Request(scope), _CROWDED)(scope, receive, send)


def allow_files() -> None:
    """Raise the system's limit of open files to what the connections need, as far as the system lets a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MOST + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Connection(HttpToolsProtocol):
    """A connection of the API. `close_if_overdue` is called about once a second for each that is open."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._fault = _NOT_HTTP  # what an error of the parser is told as
        self._piece_bytes = 0  # of what is being read
        self._fruitless_bytes = 0  # received since anything came of them: of an unfinished head, or of trailers
        self._waits_since = 0.0
        self._body_bytes = 0  # of a streamed body, since it was last found to come on
        self._unread: tuple[float, int] | None = None  # since when so many bytes wait to be taken by the client
        self._is_begun = False
        self._is_upgrade = False
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waits_since = self.loop.time()
        if len(self.connections) > CONNECTIONS_MOST:
            self.app = _crowded

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        self._piece_bytes = len(data)
        self._fruitless_bytes += self._piece_bytes
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_upgrade:
                self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._fault)
        else:
            if self._fruitless_bytes > HEAD_MOST_BYTES:
                self._refuse(_HEAD_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._fruitless_bytes = 0
        self._is_begun = True

    def on_headers_complete(self) -> None:
        may_be_large = self._fruitless_bytes + self._piece_bytes > HEAD_MOST_BYTES
        self._fruitless_bytes = 0
        if len(self.headers) > HEADERS_MOST or (may_be_large and self._head_bytes() > HEAD_MOST_BYTES):
            self._fault = _HEAD_TOO_LARGE
            raise ValueError("the head is too large")
        if [name for name, _ in self.headers].count(b"host") != 1 and self.parser.get_http_version() == "1.1":
            raise ValueError("RFC 9112, section 3.2, asks for one Host")
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._is_upgrade = True
            return
        super().on_headers_complete()
        self.headers = []  # what follows are trailers, which are no headers (RFC 9110, section 6.5.1)

    def on_body(self, body: bytes) -> None:
        self._fruitless_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_upgrade:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        self._waits_since = self.loop.time()
        self._is_begun = False
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.time(), self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = None

    def close_if_overdue(self, now: float) -> None:
        """Refuse a request that has not arrived in time, and end a connection on which nothing more is said, or read."""
        self._abort_if_unread(now)
        is_streamed = self._is_answering() and bodies.STREAMED in self.cycle.scope
        if is_streamed and (self.flow.read_paused or self._body_bytes >= STREAMED_LEAST_BYTES):
            self._waits_since, self._body_bytes = now, 0
        waited = now - self._waits_since
        if self._is_refused:
            if waited > LINGER_SECONDS and not self._is_answering():
                self.transport.close()
        elif waited > REQUEST_SECONDS and self._waits_for_input():
            if self._is_begun:
                self._refuse(_STREAMED_TOO_SLOW if is_streamed else _TOO_SLOW)
            else:
                self.transport.close()

    def _abort_if_unread(self, now: float) -> None:
        if self._unread is None:
            return
        since, waiting = self._unread
        left = self.transport.get_write_buffer_size()
        if left < waiting:
            self._unread = now, left
        elif now - since > UNREAD_SECONDS:
            self.transport.abort()

    def shutdown(self) -> None:
        super().shutdown()
        if self._is_refused and not self._is_answering():
            self.transport.close()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _waits_for_input(self) -> bool:
        return not self.pipeline and (not self._is_answering() or self.cycle.more_body)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not (self.cycle.response_complete or self.cycle.disconnected)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Read the request again without its offer, which a server may ignore (RFC 9110, section 7.8).

        The parser takes what follows the head for another protocol's, so that the body would be lost.
        """
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
        self._is_upgrade = False
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _refuse(self, problem: Problem) -> None:
        """Answer what is no request, or not yet a whole one, and end the connection."""
        self._is_refused = True
        self._waits_since = self.loop.time()
        path, cycle = "/", self.cycle
        if self._is_answering():
            if self.pipeline or cycle.response_started:
                self.transport.close()
                return
            if not cycle.more_body:
                cycle.keep_alive = False  # an earlier request is answered first, and then no other
                return
            path = cycle.scope["path"]
            cycle.disconnected = True  # for the application the caller has hung up
            cycle.message_event.set()
        answer = problems.answer(Request({"type": "http", "path": path}), problem)
        headers = [*self.server_state.default_headers, *answer.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[answer.status_code] + lines + b"\r\n" + bytes(answer.body))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
