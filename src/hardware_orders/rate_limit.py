"""How much each caller may ask: a token bucket that all API processes share in Redis, or this process's own without it.

The generic cell rate algorithm: all that is kept of a bucket is the instant at which it will be full again. A request
moves it on by one token's time, and is refused when the bucket would have to be more than empty.
"""

import time
from dataclasses import dataclass

import redis.asyncio
import structlog
from redis.asyncio.connection import BlockingConnectionPool

from hardware_orders.settings import Rate

log = structlog.get_logger()

KEY = "hardware-orders:rate:"  # followed by the caller
# Nobody waits longer for a step of Redis's answer; it normally takes a quarter of a millisecond.
ANSWER_SECONDS = 0.05
# How long nobody asks a Redis that did not answer.
AWAY_SECONDS = 1.0
CONNECTIONS = 20
# Buckets that a process knows of; with more callers than that the full ones are forgotten, or all.
KNOWN_MOST = 10_000

_MICROSECONDS = 1_000_000
_BUCKET = "full_at"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a request found: whether it may go on, what is left for further ones, and when there is more, in seconds."""

    is_granted: bool
    remaining: int
    full_in: float
    next_in: float


class RateLimiter:
    """The buckets of all callers. Used on the event loop only."""

    def __init__(self, rate: Rate, events_url: str) -> None:
        self._token = rate.seconds * _MICROSECONDS // rate.requests
        self._capacity = self._token * rate.requests
        # Sorted sets count in doubles, which hold microseconds exactly for 200 years to come.
        self._redis = redis.asyncio.Redis.from_pool(
            BlockingConnectionPool.from_url(
                events_url,
                max_connections=CONNECTIONS,
                timeout=ANSWER_SECONDS,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
                retry=None,
                retry_on_error=[],
            )
        )
        self._known: dict[str, int] = {}  # caller → when its bucket is full, as this process knows
        self._away_until = 0.0

    async def close(self) -> None:
        await self._redis.aclose()

    async def take(self, caller: str) -> Allowance:
        """Take a token out of the caller's bucket, if there is one."""
        now = time.time_ns() // 1_000
        full_at: int | None = None
        if time.monotonic() >= self._away_until:
            try:
                full_at = await self._move_shared(caller, now)
                self._say_away(None)
            except (redis.RedisError, OSError, TimeoutError) as error:
                self._say_away(error)
        known = max(self._known.get(caller, now), now)
        if full_at is None:
            full_at = known + self._token
        if full_at - now <= self._capacity:
            self._remember(caller, max(full_at, known), now)
        return self._allowance(full_at, now)

    async def _move_shared(self, caller: str, now: int) -> int:
        """One transaction and round trip, without a script, which a careful operator does not allow."""
        key = KEY + caller
        async with self._redis.pipeline() as pipeline:
            pipeline.zadd(key, {_BUCKET: now}, gt=True)  # a bucket is never fuller than full
            pipeline.zincrby(key, self._token, _BUCKET)
            pipeline.pexpire(key, self._capacity // 1_000 + 1_000)
            full_at = int((await pipeline.execute())[1])
        if full_at - now > self._capacity:
            await self._redis.zincrby(key, -self._token, _BUCKET)  # a refused request takes nothing
        return full_at

    def _remember(self, caller: str, full_at: int, now: int) -> None:
        if len(self._known) >= KNOWN_MOST:
            self._known = {name: known for name, known in self._known.items() if known > now}
            if len(self._known) >= KNOWN_MOST:
                self._known.clear()
        self._known[caller] = full_at

    def _say_away(self, error: Exception | None) -> None:
        """One line when the shared buckets go and one when they are back."""
        if error and not self._away_until:
            log.warning("rate_limit_not_shared", error=type(error).__name__)
        if self._away_until and not error:
            log.info("rate_limit_shared_again")
        self._away_until = time.monotonic() + AWAY_SECONDS if error else 0.0

    def _allowance(self, full_at: int, now: int) -> Allowance:
        """`full_at` is when the bucket is full again with this request's token taken."""
        excess = full_at - now - self._capacity
        if excess > 0:
            return Allowance(False, 0, (self._capacity + excess - self._token) / _MICROSECONDS, excess / _MICROSECONDS)
        return Allowance(True, -excess // self._token, (full_at - now) / _MICROSECONDS, 0)
