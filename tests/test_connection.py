"""A connection's limits, over real sockets: what never becomes a request, comes too slowly, or comes too often."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from hardware_orders import connection
from hardware_orders.api import bodies
from hardware_orders.connection import (
    HEAD_MOST_BYTES,
    HEADERS_MOST,
    LINGER_SECONDS,
    REQUEST_SECONDS,
    STREAMED_LEAST_BYTES,
    UNREAD_SECONDS,
    Connection,
)
from tests.raw_http import Answer, answer, chunked, connect, exchange, head, request

CHUNKED = ("Transfer-Encoding", "chunked")
LATE = REQUEST_SECONDS + 1
LARGE = 64 * 2**20  # more than systems buffer for a client


@dataclass
class Served:
    """A server of `Connection`s whose application tells what it was asked, at `/wait` only once it may."""

    url: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None
    server: uvicorn.Server | None = None

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope["path"])
        if scope["path"] == "/stream":
            scope[bodies.STREAMED] = True
        content, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.seen.append("hang-up")
                return
            content, more = content + message["body"], message["more_body"]
        if scope["path"] == "/wait":
            await asyncio.to_thread(self.may_answer.wait, 10)
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * LARGE, "more_body": True})
            self.seen.append("taken")  # by the client, or by nobody any more
            return
        headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
        told = json.dumps({"method": scope["method"], "headers": headers, "body": content.decode()}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
        await send({"type": "http.response.body", "body": told})

    def connections(self) -> list[Connection]:
        assert self.server
        return [each for each in list(self.server.server_state.connections) if isinstance(each, Connection)]

    def look(self, seconds_later: float) -> None:
        """Look at all connections as the server does, as if so much time had passed."""

        async def looked() -> None:
            for opened in self.connections():
                opened.close_if_overdue(asyncio.get_running_loop().time() + seconds_later)

        assert self.loop
        asyncio.run_coroutine_threadsafe(looked(), self.loop).result(10)


@pytest.fixture
def served() -> Iterator[Served]:
    found = Served()
    with _served(found):
        yield found


@contextmanager
def _served(found: Served) -> Iterator[None]:
    is_up = threading.Event()

    async def serve(listener: socket.socket) -> None:
        config = uvicorn.Config(
            found.app, http=Connection, ws="none", interface="asgi3", lifespan="off", log_config=None, access_log=False
        )
        found.loop, found.server = asyncio.get_running_loop(), uvicorn.Server(config)
        asyncio.get_running_loop().call_later(0.05, is_up.set)
        await found.server.serve(sockets=[listener])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        found.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=lambda: asyncio.run(serve(listener)))
        thread.start()
        assert is_up.wait(10)
        yield
        assert found.server
        found.server.should_exit = True
        found.server.force_exit = True
        thread.join(10)


def eventually(look: Callable[[], bool]) -> None:
    for _ in range(500):
        if look():
            return
        threading.Event().wait(0.01)
    raise AssertionError("did not come true in time")


def refused(found: Answer, status: int) -> None:
    assert (found.status, found.closed, found.problem["status"]) == (status, True, status)
    assert "date" in found.headers


def test_a_request_is_served(served: Served) -> None:
    found = exchange(served.url, request("POST", "/", [("X-A", "b")], b"content"))
    told = json.loads(found.content)
    assert (found.status, found.closed, told["body"]) == (200, False, "content")
    assert ["x-a", "b"] in told["headers"]


@pytest.mark.parametrize("sent", [b"POST / HT", b"POST / HTTP/1.1\r\nHost: here\r\n", b"\r\n\r\nP"])
def test_a_head_that_does_not_arrive_in_time(served: Served, sent: bytes) -> None:
    with connect(served.url) as client:
        client.sendall(sent)
        eventually(lambda: any(each._is_begun for each in served.connections()))
        served.look(LATE - 2)
        served.look(LATE)
        refused(answer(client), 408)
    assert served.seen == []


@pytest.mark.parametrize(
    "sent", [request("POST", "/", [("Content-Length", "9")]) + b"1234", head("POST", "/", [CHUNKED])]
)
def test_a_body_that_does_not_arrive_in_time(served: Served, sent: bytes) -> None:
    with connect(served.url) as client:
        client.sendall(sent)
        eventually(lambda: served.seen == ["/"])
        served.look(LATE)
        refused(answer(client), 408)
        eventually(lambda: served.seen == ["/", "hang-up"])


def test_a_streamed_body_may_take_long_as_long_as_it_comes_on(served: Served) -> None:
    size = 2 * STREAMED_LEAST_BYTES
    with connect(served.url) as client:
        client.sendall(head("POST", "/stream", [("Content-Length", str(size))]))
        eventually(lambda: served.seen == ["/stream"])
        client.sendall(b"x" * STREAMED_LEAST_BYTES)
        (opened,) = served.connections()
        eventually(lambda: opened._body_bytes == STREAMED_LEAST_BYTES)
        served.look(LATE)
        served.look(LATE + REQUEST_SECONDS - 1)
        assert served.seen == ["/stream"]
        client.sendall(b"x" * (STREAMED_LEAST_BYTES - 1))
        eventually(lambda: opened._body_bytes == STREAMED_LEAST_BYTES - 1)
        served.look(LATE * 3)
        refused(answer(client), 408)
        eventually(lambda: served.seen == ["/stream", "hang-up"])


def test_a_connection_on_which_nothing_is_said_is_ended_without_a_word(served: Served) -> None:
    with connect(served.url) as silent, connect(served.url) as served_once:
        served_once.sendall(request("GET", "/"))
        assert answer(served_once, "GET").status == 200
        served.look(LATE)
        assert silent.recv(1) == served_once.recv(1) == b""


def test_a_caller_may_wait_for_its_answer_however_long(served: Served) -> None:
    with connect(served.url) as client:
        client.sendall(request("POST", "/wait", content=b"content"))
        eventually(lambda: served.seen == ["/wait"])
        served.look(LATE * 10)
        served.may_answer.set()
        found = answer(client)
        assert (found.status, found.closed) == (200, False)


@pytest.mark.parametrize(
    "piece",
    [b"a" * 1024, b"X-A: " + b"b" * 1017 + b"\r\n"],
    ids=["one endless header", "endless headers"],
)
def test_a_head_without_end(served: Served, piece: bytes) -> None:
    with connect(served.url) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nX-Long: ")
        refused(sent_until_answered(client, piece), 431)
    assert served.seen == []


def sent_until_answered(client: socket.socket, piece: bytes) -> Answer:
    """Send the piece again and again, twice as much as is allowed; the answer comes on the way."""
    for _ in range(2 * HEAD_MOST_BYTES // len(piece) + 1):
        client.sendall(piece)
        threading.Event().wait(0.0005)  # so that it arrives in pieces
    return answer(client)


@pytest.mark.parametrize("piece", [b"X-Trailer: " + b"b" * 1011 + b"\r\n", b"c" * 1024], ids=["trailers", "a trailer"])
def test_trailers_without_end(served: Served, piece: bytes) -> None:
    with connect(served.url) as client:
        client.sendall(head("POST", "/", [CHUNKED]) + b"1\r\na\r\n0\r\nX-Trailer: ")
        refused(sent_until_answered(client, piece), 431)


def test_as_many_headers_as_are_allowed_and_one_more(served: Served) -> None:
    fields = [(f"X-{number}", "v") for number in range(HEADERS_MOST - 1)]  # and Host
    assert exchange(served.url, request("GET", "/", fields), "GET").status == 200
    refused(exchange(served.url, request("GET", "/", [*fields, ("X-Y", "v")]), "GET"), 431)


def test_trailers_are_no_headers(served: Served) -> None:
    sent = head("POST", "/", [CHUNKED]) + chunked(b"content")[:-2] + b"X-Trailer: a\r\n\r\n"
    told = json.loads(exchange(served.url, sent).content)
    assert told["body"] == "content"
    assert "x-trailer" not in dict(told["headers"])


@pytest.mark.parametrize("offer", ["h2c", "websocket", "TLS/1.0"])
def test_an_offer_to_upgrade_is_ignored_and_loses_nothing(served: Served, offer: str) -> None:
    upgrade = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", offer)]
    whole = request("POST", "/", upgrade, b"content")
    with connect(served.url) as client:
        for sent in (whole, request("POST", "/", content=b"second")):
            client.sendall(sent)
            assert json.loads(answer(client).content)["body"] in ("content", "second")
        client.sendall(whole[:-3])
        eventually(lambda: len(served.seen) == 3)
        client.sendall(whole[-3:])
        assert json.loads(answer(client).content)["body"] == "content"


def test_what_was_asked_before_is_answered_before_nonsense_ends_the_connection(served: Served) -> None:
    with connect(served.url) as client:
        client.sendall(request("POST", "/wait", content=b"content"))
        eventually(lambda: served.seen == ["/wait"])
        client.sendall(b"\x16\x03\x01nonsense\r\n\r\n")
        served.look(LINGER_SECONDS + 1)
        served.may_answer.set()
        found = answer(client)
        assert (found.status, found.closed) == (200, True)
        assert client.recv(1) == b""


def test_who_is_refused_can_read_it_while_sending_and_is_then_hung_up_on(served: Served) -> None:
    with connect(served.url) as client:
        client.sendall(b"nonsense\r\n\r\n")
        for _ in range(50):
            client.sendall(b"more nonsense" * 1000)
        refused(answer(client), 400)
        served.look(LINGER_SECONDS + 1)
        assert client.recv(1) == b""


def test_one_connection_too_many_is_told_503(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS_MOST", 2)
    with connect(served.url), connect(served.url), connect(served.url) as third:
        third.sendall(request("GET", "/"))
        found = answer(third, "GET")
        refused(found, 503)
        assert found.headers["retry-after"] == "1"
    eventually(lambda: not served.connections())
    assert exchange(served.url, request("GET", "/"), "GET").status == 200


def test_a_client_that_reads_nothing_is_hung_up_on_and_one_that_reads_is_not(served: Served) -> None:
    with connect(served.url) as client:
        client.sendall(request("GET", "/large"))
        eventually(lambda: any(each._unread for each in served.connections()))
        served.look(UNREAD_SECONDS - 1)
        assert client.recv(2**20)
        client.settimeout(10)
        left = 4 * 2**20
        while left > 0:
            left -= len(client.recv(2**20))
        served.look(UNREAD_SECONDS + 1)  # some of it was taken since
        assert served.connections()
        served.look(2 * UNREAD_SECONDS + 2)
        eventually(lambda: not served.connections())


def test_a_process_may_open_as_many_files_as_it_has_connections() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = (
        "import resource; from hardware_orders.connection import allow_files;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard})); allow_files();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert int(printed) == min(6_000, hard)


def test_the_server_that_stops_ends_a_connection_that_was_refused(served: Served) -> None:
    with connect(served.url) as client:
        client.sendall(b"nonsense\r\n\r\n")
        refused(answer(client), 400)
        assert served.server
        served.server.should_exit = True
        assert client.recv(1) == b""


def test_the_header_limit_does_not_count_a_body(served: Served) -> None:
    content = b"x" * (4 * HEAD_MOST_BYTES)
    found: Any = json.loads(exchange(served.url, request("POST", "/", content=content)).content)
    assert len(found["body"]) == len(content)
