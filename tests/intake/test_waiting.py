"""Waiting for the settled order: who is told, when a row is read, and what becomes of waiters that no reply reaches."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
import redis
from fakeredis import TcpFakeServer

from hardware_orders.contract.enums import Status
from hardware_orders.intake.waiting import Waiting
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Intent
from tests.orders.samples import an_order

CHANNEL = "replies:1"
NOWHERE = "redis://127.0.0.1:1"
PATIENCE_SECONDS = 20  # how long a test waits for what must happen; never a measure of speed
SETTLED = an_order(Status.SUBMITTED)
UNSETTLED = an_order(Status.RECEIVED, Intent.SUBMIT)


class Rows:
    """In place of the database: the rows as they stand, and which ids were read together."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.reads: list[set[str]] = []
        self.fault: Exception | None = None
        self.told = threading.Event()

    def was_told(self, _order_ids: Collection[str]) -> None:
        self.told.set()

    def put(self, *order_ids: str, order: Order = SETTLED) -> None:
        self.orders |= {order_id: order._replace(order_id=order_id) for order_id in order_ids}

    def read(self, order_ids: Collection[str]) -> list[Order]:
        self.reads.append(set(order_ids))
        if self.fault:
            raise self.fault
        return [self.orders[order_id] for order_id in order_ids if order_id in self.orders]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def url() -> Iterator[str]:
    """A Redis server in Python's memory, on a port of its own."""
    server = TcpFakeServer(("127.0.0.1", 0), server_type="valkey")
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def speaking(url: str) -> Iterator[Callable[[Any], None]]:
    client = redis.Redis.from_url(url)

    def say(said: Any) -> None:
        client.publish(CHANNEL, said if isinstance(said, bytes) else json.dumps(said))

    try:
        yield say
    finally:
        client.close()


@asynccontextmanager
async def listening(url: str, rows: Rows) -> AsyncIterator[Waiting]:
    waiting = Waiting(url, CHANNEL, read=rows.read, on_reply=rows.was_told)
    async with waiting.running():
        await until(lambda: waiting.is_connected)
        yield waiting


async def until(predicate: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not predicate():  # noqa: ASYNC110  # what is looked at cannot tell when it changes
            await asyncio.sleep(0.005)


async def told(waiting: Waiting, waiter: Any) -> Order | None:
    """What the waiter is told before its deadline, which is far away."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await waiting.settled(waiter, 10 * PATIENCE_SECONDS)


# At the deadline


def test_at_the_deadline_the_row_is_read_once(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        rows.put("settled")
        rows.put("unsettled", order=UNSETTLED)
        async with listening(url, rows) as waiting:
            assert await waiting.settled(waiting.register("settled"), 0) == rows.orders["settled"]
            assert await waiting.settled(waiting.register("unsettled"), 0) is None
            assert await waiting.settled(waiting.register("gone"), 0) is None
            assert rows.reads == [{"settled"}, {"unsettled"}, {"gone"}]
            assert not waiting._waiters

    asyncio.run(scenario())


def test_a_database_that_is_away_leaves_nobody_waiting_past_the_deadline(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        rows.fault = ConnectionError("away")
        async with listening(url, rows) as waiting:
            assert await waiting.settled(waiting.register("a"), 0) is None
            rows.fault = None
            rows.put("a")
            assert await waiting.settled(waiting.register("a"), 0) == rows.orders["a"]

    asyncio.run(scenario())


def test_a_caller_who_hangs_up_is_forgotten_and_its_neighbour_is_not(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        rows.put("a")
        async with listening(url, rows) as waiting:
            gone = asyncio.create_task(told(waiting, waiting.register("a")))
            stays = waiting.register("a")
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert waiting._waiters == {"a": [stays]}
            assert await waiting.settled(stays, 0) == rows.orders["a"]
            assert not waiting._waiters

    asyncio.run(scenario())


# Without a channel


def test_releasing_tells_everybody_from_any_thread(rows: Rows) -> None:
    async def scenario() -> None:
        waiting = Waiting(NOWHERE, CHANNEL, read=rows.read, on_reply=rows.was_told)
        async with waiting.running():
            waiters = [waiting.register(name) for name in ("a", "a", "b")]
            thread = threading.Thread(target=waiting.release_soon)
            thread.start()
            assert [await told(waiting, waiter) for waiter in waiters] == [None] * 3
            thread.join()
        assert not rows.reads

    asyncio.run(scenario())


def test_releasing_before_the_start_is_nothing(rows: Rows) -> None:
    async def scenario() -> None:
        Waiting(NOWHERE, CHANNEL, read=rows.read, on_reply=rows.was_told).release_soon()

    asyncio.run(scenario())


def test_the_end_tells_everybody(rows: Rows) -> None:
    async def scenario() -> None:
        waiting = Waiting(NOWHERE, CHANNEL, read=rows.read, on_reply=rows.was_told)
        async with waiting.running():
            task = asyncio.create_task(told(waiting, waiting.register("a")))
            await asyncio.sleep(0)
        assert await task is None

    asyncio.run(scenario())


def test_forgetting_twice_is_nothing(rows: Rows) -> None:
    async def scenario() -> None:
        waiting = Waiting(NOWHERE, CHANNEL, read=rows.read, on_reply=rows.was_told)
        waiter = waiting.register("a")
        waiting.forget(waiter)
        waiting.forget(waiter)
        assert not waiting._waiters

    asyncio.run(scenario())


# With a channel


def test_who_is_settled_is_told(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        async with listening(url, rows) as waiting:
            first, second, other = (waiting.register(name) for name in ("a", "a", "b"))
            rows.put("a", "b")
            with speaking(url) as say:
                say(["a", "stranger"])
            assert await told(waiting, first) == await told(waiting, second) == rows.orders["a"]
            assert not other.settled.done()
            assert rows.reads == [{"a"}]

    asyncio.run(scenario())


def test_orders_of_one_message_are_read_in_one_statement(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        names = [f"{number}" for number in range(200)]
        async with listening(url, rows) as waiting:
            waiters = [waiting.register(name) for name in names]
            rows.put(*names)
            with speaking(url) as say:
                say(names)
            assert [await told(waiting, waiter) for waiter in waiters] == [rows.orders[name] for name in names]
            assert rows.reads == [set(names)]

    asyncio.run(scenario())


def test_an_order_that_waits_again_by_the_time_it_is_read_is_waited_for_further(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        rows.put("a", order=UNSETTLED)
        async with listening(url, rows) as waiting:
            waiter = waiting.register("a")
            with speaking(url) as say:
                say(["a"])
                await until(lambda: rows.reads == [{"a"}])
                assert not waiter.settled.done()
                rows.put("a")
                say(["a"])
            assert await told(waiting, waiter) == rows.orders["a"]

    asyncio.run(scenario())


def test_what_was_settled_before_the_channel_stood_is_read_when_it_does(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        rows.put("a")
        waiting = Waiting(url, CHANNEL, read=rows.read, on_reply=rows.was_told)
        waiter = waiting.register("a")
        async with waiting.running():
            assert await told(waiting, waiter) == rows.orders["a"]

    asyncio.run(scenario())


@pytest.mark.parametrize("garbage", [b"", b"{not json", b"\xff", b"null", b"7", b"[[]]", b'[{"a":1}]', b"[" * 100_000])
def test_garbage_on_the_channel_keeps_nobody_from_being_told(url: str, rows: Rows, garbage: bytes) -> None:
    async def scenario() -> None:
        async with listening(url, rows) as waiting:
            with speaking(url) as say:
                say(garbage)
                rows.put("a")
                waiter = waiting.register("a")
                say(["a"])
                # It may have cost the connection; then the row is read when it stands again.
                assert await told(waiting, waiter) in (rows.orders["a"], None)
                await until(lambda: waiting.is_connected)
                waiter = waiting.register("a")
                say(["a"])
                assert await told(waiting, waiter) == rows.orders["a"]

    asyncio.run(scenario())


def test_a_waiter_whose_reply_was_lost_looks_for_itself_before_its_deadline(url: str, rows: Rows) -> None:
    async def scenario() -> None:
        async with listening(url, rows) as waiting:
            waiter = waiting.register("a")
            rows.put("a")
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await waiting.settled(waiter, 10 * PATIENCE_SECONDS) is not None

    asyncio.run(scenario())


def test_a_cancellation_that_a_time_out_swallowed_is_repeated(
    url: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[bool] = []

    async def follow(_pubsub: Any) -> None:
        try:
            await asyncio.sleep(PATIENCE_SECONDS * 10)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise TimeoutError from None  # as asyncio.wait_for does at the worst moment

    async def scenario() -> None:
        waiting = Waiting(url, CHANNEL, read=rows.read, on_reply=rows.was_told)
        monkeypatch.setattr(waiting, "_follow", follow)
        async with asyncio.timeout(PATIENCE_SECONDS), waiting.running():
            await asyncio.sleep(0.3)
        assert cancelled

    asyncio.run(scenario())
