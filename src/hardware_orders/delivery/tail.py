"""The end of the feed, read once for all who follow it: new events come here, and each follower is told of its own.

The newest events are held in memory for all followers together, so that a follower has no buffer of its own: one that
has fallen behind what is held reads the log, as one does that has just come.
"""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import redis.asyncio
import structlog

from hardware_orders.delivery.wake import NUMBERED_CHANNEL
from hardware_orders.errors import TooManyReadersError

log = structlog.get_logger()

FOLLOWERS_MOST = 2_000
# Held for all followers together: some seconds of a busy system.
HELD_EVENTS = 5_000
HELD_BYTES = 32 * 2**20
# A look every second finds what Redis did not say.
LOOK_SECONDS = 1.0
# While events come without a pause, followers are told together: each look costs two statements.
GAP_SECONDS = 0.02
CONNECT_SECONDS = 0.5
CANCEL_AGAIN_SECONDS = 0.1  # as in intake/waiting.py


class Item(NamedTuple):
    """An event as it is held: whose it is, and what is sent of it."""

    position: int
    customer: str
    type: str
    chunk: bytes


class Follower:
    """Somebody who follows the events of these customers, None for all; `restart` first."""

    def __init__(self, customers: Collection[str] | None) -> None:
        self.customers = customers
        self.first_new: int | None = None
        """The position of the first event that is not taken yet."""
        self.woken = asyncio.Event()


class Tail:
    """Everything is called on the event loop; `read` and `newest` are called in a thread."""

    def __init__(
        self, events_url: str, *, read: Callable[[int], tuple[Sequence[Item], int]], newest: Callable[[], int]
    ) -> None:
        """`read` gives the events after a position and the position up to which it has looked."""
        self._redis = redis.asyncio.from_url(
            events_url, socket_connect_timeout=CONNECT_SECONDS, retry=None, retry_on_error=[]
        )
        self._pubsub = self._redis.pubsub()
        self._read = read
        self._newest = newest
        self._followers: dict[str | None, set[Follower]] = defaultdict(set)
        self._count = 0
        self._held: deque[Item] = deque()
        self._held_bytes = 0
        self._held_after = 0  # every event above this position and up to `_last` is held
        self._last: int | None = None
        self._live = asyncio.Event()
        self._wanted = asyncio.Event()
        self.is_ended = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self.end()
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=CANCEL_AGAIN_SECONDS)
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            await self._redis.aclose()

    def end(self) -> None:
        """Tell every follower that nothing more comes."""
        self.is_ended = True
        for follower in self._everybody():
            follower.woken.set()

    @contextlib.contextmanager
    def following(self, customers: Collection[str] | None) -> Iterator[Follower]:
        """Raises TooManyReadersError when this process has as many followers as it may."""
        if self._count >= FOLLOWERS_MOST:
            raise TooManyReadersError
        follower = Follower(customers)
        keys = (None,) if customers is None else customers
        self._count += 1
        for key in keys:
            self._followers[key].add(follower)
        self._wanted.set()
        try:
            yield follower
        finally:
            self._count -= 1
            for key in keys:
                self._followers[key].discard(follower)
                if not self._followers[key]:
                    del self._followers[key]
            if not self._count:
                self._rest()

    async def restart(self, follower: Follower) -> int:
        """The position from which on this follower is told of its events. Waits until the database could be read."""
        await self._live.wait()
        follower.first_new = None
        follower.woken.clear()
        return self._last or 0

    async def wait(self, follower: Follower, seconds: float) -> bool:
        """Until there is an event for this follower; False when there was none, or nothing more comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await follower.woken.wait()
        return follower.first_new is not None and not self.is_ended

    def take(self, follower: Follower) -> tuple[list[Item], int] | None:
        """The follower's new events and the position up to which they are all; None when they are held no more."""
        first, last = follower.first_new, self._last
        if last is None or (first is not None and first <= self._held_after):
            return None
        follower.first_new = None
        if not self.is_ended:
            follower.woken.clear()
        if first is None:
            return [], last
        customers = follower.customers
        items = [
            item for item in self._held if item.position >= first and (customers is None or item.customer in customers)
        ]
        return items, last

    def _everybody(self) -> set[Follower]:
        return {follower for followers in self._followers.values() for follower in followers}

    def _rest(self) -> None:
        """Nobody follows: nothing is read until somebody does."""
        self._wanted.clear()
        self._live.clear()
        self._last = None
        self._held.clear()
        self._held_bytes = 0

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            try:
                found = await self._look()
            except Exception as error:  # noqa: BLE001  # a database that is away: the next look tries again
                log.warning("feed_not_read", error=type(error).__name__)
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if found:
                await asyncio.sleep(GAP_SECONDS)
            else:
                await self._wait()

    async def _look(self) -> bool:
        """Read what is new. Returns whether there was anything."""
        last = self._last
        if last is None:
            last = await asyncio.to_thread(self._newest)
            if self._wanted.is_set():
                self._last = self._held_after = last
                self._live.set()
            return True
        items, through = await asyncio.to_thread(self._read, last)
        if self._last != last:  # nobody followed meanwhile
            return True
        self._hold(items)
        self._last = through
        for item in items:
            for key in (None, item.customer):
                for follower in self._followers.get(key, ()):
                    if follower.first_new is None:
                        follower.first_new = item.position
                        follower.woken.set()
        return through > last

    def _hold(self, items: Sequence[Item]) -> None:
        self._held.extend(items)
        self._held_bytes += sum(len(item.chunk) for item in items)
        while self._held and (len(self._held) > HELD_EVENTS or self._held_bytes > HELD_BYTES):
            dropped = self._held.popleft()
            self._held_bytes -= len(dropped.chunk)
            self._held_after = dropped.position

    async def _wait(self) -> None:
        """Until the relay says that it has numbered events, or a look is due."""
        try:
            if not self._pubsub.subscribed:
                await self._pubsub.subscribe(NUMBERED_CHANNEL)
            await self._pubsub.get_message(timeout=LOOK_SECONDS)
            while await self._pubsub.get_message(timeout=0):
                pass
        except (redis.RedisError, OSError):
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            self._pubsub = self._redis.pubsub()
            await asyncio.sleep(LOOK_SECONDS)
