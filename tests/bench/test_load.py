"""The load generator against a small server whose answers the test chooses."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from bench import load

OK = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nfull"
REQUEST = b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
DEADLINE = 20.0


@dataclass
class Server:
    """Answers request number n with `answer(n)`: bytes in pieces; nothing closes the connection, None stays silent."""

    answer: Callable[[int], list[bytes] | None]
    port: int = 0
    received: int = 0
    connections: int = 0
    open_requests: int = 0
    most_open_requests: int = 0
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await reader.readexactly(len(REQUEST))
        number, self.received = self.received, self.received + 1
        self.open_requests += 1
        self.most_open_requests = max(self.most_open_requests, self.open_requests)
        pieces = self.answer(number)
        await asyncio.sleep(0.001)
        self.open_requests -= 1
        for piece in pieces or ():
            writer.write(piece)
            await asyncio.sleep(0.001)
        return pieces != []


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[int], list[bytes] | None]], Server]]:
    """Start a server in a thread, on a port that the kernel chooses."""
    with contextlib.ExitStack() as stack:

        def start(answer: Callable[[int], list[bytes] | None]) -> Server:
            server = Server(answer)
            is_ready = threading.Event()
            thread = threading.Thread(target=_run, args=(server, is_ready))
            thread.start()
            is_ready.wait()
            stack.callback(thread.join)
            stack.callback(server.loop.call_soon_threadsafe, server.loop.stop)
            return server

        yield start


def _run(server: Server, is_ready: threading.Event) -> None:
    asyncio.set_event_loop(server.loop)
    listening = server.loop.run_until_complete(asyncio.start_server(server.serve, "127.0.0.1", 0))
    server.port = listening.sockets[0].getsockname()[1]
    is_ready.set()
    server.loop.run_forever()
    listening.close()
    tasks = asyncio.all_tasks(server.loop)
    for task in tasks:
        task.cancel()
    server.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    server.loop.run_until_complete(listening.wait_closed())
    server.loop.run_until_complete(asyncio.sleep(0))  # aborted transports close in the next turn
    server.loop.close()


Serve = Callable[[Callable[[int], list[bytes] | None]], Server]


def test_a_closed_loop_sends_every_request_once_over_its_connections(serve: Serve) -> None:
    server = serve(lambda _: [OK])

    result = load.run(server.port, [REQUEST] * 100, connections=4, rate=None, deadline=DEADLINE)

    assert (server.received, server.connections) == (100, 4)
    assert (result.accepted, result.errors, dict(result.codes)) == (100, 0, {202: 100})
    assert all(result.scheduled_at)


def test_a_connection_has_one_request_at_a_time(serve: Serve) -> None:
    server = serve(lambda _: [OK])

    load.run(server.port, [REQUEST] * 50, connections=3, rate=None, deadline=DEADLINE)

    assert server.most_open_requests == 3


def test_an_answer_may_come_in_pieces(serve: Serve) -> None:
    server = serve(lambda _: [OK[:5], OK[5:40], OK[40:]])

    result = load.run(server.port, [REQUEST] * 10, connections=2, rate=None, deadline=DEADLINE)

    assert result.accepted == 10


def test_a_refusal_is_counted_and_the_first_is_kept(serve: Serve) -> None:
    server = serve(lambda number: [REFUSED] if number == 3 else [OK])

    result = load.run(server.port, [REQUEST] * 10, connections=1, rate=None, deadline=DEADLINE)

    assert (result.accepted, result.errors, result.first_refusal) == (9, 1, "503 full")


def test_a_broken_connection_is_an_error_and_the_others_go_on(serve: Serve) -> None:
    server = serve(lambda number: [] if number == 2 else [OK])

    result = load.run(server.port, [REQUEST] * 20, connections=2, rate=None, deadline=DEADLINE)

    assert (result.accepted, result.errors, result.broken) == (19, 1, 1)


def test_without_any_connection_left_the_load_ends(serve: Serve) -> None:
    server = serve(lambda _: [])

    result = load.run(server.port, [REQUEST] * 20, connections=2, rate=None, deadline=DEADLINE)

    assert (result.accepted, result.broken, result.unanswered, result.errors) == (0, 2, 18, 20)
    assert result.seconds < DEADLINE


def test_what_is_not_answered_by_the_deadline_is_an_error(serve: Serve) -> None:
    server = serve(lambda number: None if number == 4 else [OK])

    result = load.run(server.port, [REQUEST] * 10, connections=1, rate=None, deadline=0.5)

    assert (result.accepted, result.unanswered, result.errors) == (4, 6, 6)


def test_an_open_loop_schedules_by_its_rate_alone(serve: Serve) -> None:
    server = serve(lambda _: [OK])

    result = load.run(server.port, [REQUEST] * 40, connections=4, rate=400, deadline=DEADLINE)

    assert result.accepted == 40
    assert [at - result.started_at for at in result.scheduled_at] == pytest.approx([n / 400 for n in range(40)])


def test_an_open_loop_counts_the_wait_for_a_connection_as_latency(serve: Serve) -> None:
    server = serve(lambda _: [OK])

    # 20 orders are due at once, and one connection takes at least a millisecond for each.
    result = load.run(server.port, [REQUEST] * 20, connections=1, rate=1e9, deadline=DEADLINE)

    assert max(result.latencies) >= 0.020


def test_nobody_listening_is_an_error() -> None:
    with pytest.raises(OSError, match="Connect"):
        load.run(1, [REQUEST], connections=1, rate=None, deadline=DEADLINE)


@pytest.mark.parametrize("length", [0, 10, len(OK) - 1])
def test_an_incomplete_answer_is_not_parsed(length: int) -> None:
    assert load.parse_answer(OK[:length]) is None


def test_an_answer_is_its_code_and_body() -> None:
    assert load.parse_answer(REFUSED) == (503, b"full")
