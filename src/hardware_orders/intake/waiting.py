"""Waiting for the settled order: asyncio only, so that a waiting request holds no thread and no connection.

A waiter registers before its order is committed. Workers publish the ids they settled on this process's own channel;
those rows are then read, all of a moment in one statement. What a broken channel dropped is read on reconnect and, for
each waiter, every second and once more at its deadline.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field

import redis.asyncio
import structlog
from redis.asyncio.client import PubSub
from starlette.concurrency import run_in_threadpool

from hardware_orders.orders.order import Order

log = structlog.get_logger()

# A channel that is silent for this long is asked for a sign of life …
CHANNEL_IDLE_SECONDS = 0.5
# … and given up when none comes: callers wait in vain no longer than both together.
CHANNEL_ANSWER_SECONDS = 0.5
RECONNECT_SECONDS = 0.5
# A time-out that runs out at the very moment of a cancellation can swallow it (asyncio.wait_for before Python 3.12).
CANCEL_AGAIN_SECONDS = 0.1
# A waiter looks for itself this often: the sweep settles an order whose bell was lost, and replies to nobody.
LOOK_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Waiter:
    """One caller's wait for one order. `is_last` marks its final look: settled or not, it is told now."""

    order_id: str
    settled: asyncio.Future[Order | None] = field(repr=False)
    is_last: bool = False
    next_look: asyncio.TimerHandle | None = field(default=None, repr=False)


class Waiting:
    """All waiters of this process. Everything but `release_soon` is called on the event loop."""

    def __init__(
        self,
        events_url: str,
        channel: str,
        *,
        read: Callable[[Collection[str]], list[Order]],
        on_reply: Callable[[Collection[str]], None],
    ) -> None:
        """`read` fetches orders by id, as they stand; it is called in a thread. `on_reply` is told of
        each reply's.
        """
        self._channel = channel
        self._read = read
        self._on_reply = on_reply
        # Bounded to the channel's own limits; a reconnect is ours to time.
        self._redis = redis.asyncio.from_url(
            events_url, socket_connect_timeout=CHANNEL_ANSWER_SECONDS, retry=None, retry_on_error=[]
        )
        self._waiters: dict[str, list[Waiter]] = {}
        self._to_read: set[str] = set()
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_connected = False
        """False while replies cannot reach this process, so that nobody should wait for one."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen and read for as long as the block lasts. Until the channel is there, nobody waits."""
        self._loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._read_rows())]
        try:
            yield
        finally:
            self.release()
            pending = set(tasks)
            while pending:
                for task in pending:
                    task.cancel()
                _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_SECONDS)
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._redis.aclose()

    def register(self, order_id: str) -> Waiter:
        """Register before the commit: a settlement between commit and registration would be missed."""
        waiter = Waiter(order_id, asyncio.get_running_loop().create_future())
        self._waiters.setdefault(order_id, []).append(waiter)
        return waiter

    def forget(self, waiter: Waiter) -> None:
        if waiter.next_look:
            waiter.next_look.cancel()
        waiters = self._waiters.get(waiter.order_id, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            self._waiters.pop(waiter.order_id, None)

    async def settled(self, waiter: Waiter, seconds: float) -> Order | None:
        """The settled order, or None when it is not settled within the bound or nobody can tell."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds

        def look_in(delay: float) -> None:
            waiter.next_look = loop.call_later(min(delay, LOOK_SECONDS), look)

        def look() -> None:
            left = deadline - loop.time()
            waiter.is_last = left <= 0
            self._look([waiter.order_id])
            if not waiter.is_last:
                look_in(left)

        # A timer costs a third of `asyncio.wait`, and nearly every waiter is told before its first look.
        look_in(seconds)
        try:
            return await waiter.settled
        finally:
            self.forget(waiter)

    def release(self) -> None:
        """Tell every waiter that it waits in vain: its order is safe, and will be settled when it can be."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                _tell(waiter, None)

    def release_soon(self) -> None:
        """`release`, for other threads."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.release)

    def _look(self, order_ids: Collection[str]) -> None:
        self._to_read.update(order_id for order_id in order_ids if order_id in self._waiters)
        if self._to_read:
            self._wake.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await asyncio.wait_for(pubsub.subscribe(self._channel), CHANNEL_ANSWER_SECONDS)
                    await self._follow(pubsub)
            except (redis.RedisError, OSError, TimeoutError) as error:
                if self.is_connected:
                    log.warning("reply_channel_down", error=type(error).__name__)
                self.is_connected = False
                self.release()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _follow(self, pubsub: PubSub) -> None:
        is_asked = False
        while True:
            limit = CHANNEL_ANSWER_SECONDS if is_asked else CHANNEL_IDLE_SECONDS
            message = await pubsub.get_message(timeout=limit)
            if message is None:
                if is_asked:
                    raise TimeoutError("the reply channel does not answer")
                await asyncio.wait_for(pubsub.ping(), CHANNEL_ANSWER_SECONDS)
                is_asked = True
                continue
            is_asked = False
            if message["type"] == "message":
                order_ids = _order_ids(message["data"])
                self._on_reply(order_ids)
                self._look(order_ids)
            elif message["type"] == "subscribe":
                self.is_connected = True
                self._look(self._waiters)  # what was published while nobody listened

    async def _read_rows(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            order_ids, self._to_read = self._to_read, set()
            try:
                found = {order.order_id: order for order in await run_in_threadpool(self._read, order_ids)}
            except Exception as error:  # noqa: BLE001  # a database that is away: those at their deadline are told
                log.warning("settled_orders_not_read", error=type(error).__name__)
                found = {}
            for order_id in order_ids:
                self._hand_out(order_id, found.get(order_id))

    def _hand_out(self, order_id: str, order: Order | None) -> None:
        for waiter in self._waiters.get(order_id, ()):
            if order is not None and not order.is_waiting:
                _tell(waiter, order)
            elif waiter.is_last:
                _tell(waiter, None)


def _order_ids(message: bytes) -> list[str]:
    """The ids in a reply; none in one that is not a list of texts, which must not end the listening."""
    try:
        order_ids = json.loads(message)
    except (ValueError, RecursionError):
        order_ids = None
    if isinstance(order_ids, list) and all(isinstance(order_id, str) for order_id in order_ids):
        return order_ids
    log.warning("reply_not_understood")
    return []


def _tell(waiter: Waiter, order: Order | None) -> None:
    if not waiter.settled.done():
        waiter.settled.set_result(order)
