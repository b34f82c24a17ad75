"""What all processes know together about the Portfolio Service, in Redis: entries, who asks, and whether it is away.

Everything here is a convenience. While Redis is away each process goes by what it knows itself; nobody waits for it.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any

import redis.asyncio
import structlog
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import BlockingConnectionPool

from hardware_orders.portfolio.entry import STALE_SECONDS, Entry, from_json
from hardware_orders.portfolio.lookup import UnknownCustomer

log = structlog.get_logger()

# Only orders that wait for a lookup anyway wait for Redis, which normally takes a quarter of a millisecond; going on
# without it on a busy machine would cost the service calls.
ANSWER_SECONDS = 1.0
# How long nobody asks a Redis that did not answer.
AWAY_SECONDS = 5.0
CONNECTIONS = 8
# Longer than one call takes at most, so that a lease outlives its call and ends soon after a process that died.
LEASE_SECONDS = 4.0
# Larger ones are each process's own, so that what is read together stays small.
ENTRY_MOST_BYTES = 262_144
READ_TOGETHER = 32
# The stream is in the same Redis, and must have room: with more keys than this there, nothing more is shared.
KEYS_MOST = 20_000
# What Redis says of a key without an expiry.
NO_EXPIRY = -1
# Of a sentence for a person to read, whoever wrote it there.
REASON_CHARACTERS = 300
# As long as anybody may still want to know that the service was away; a call that succeeds ends it at once.
AWAY_KEPT_SECONDS = 86_400


def key(service_url: str, name: str) -> str:
    """Keys carry the service's address: another service's answers are not this one's."""
    return f"hardware-orders:portfolio:{sha256(service_url.encode()).hexdigest()[:12]}:{name}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What Redis says of some customers; and how many calls failed one after the other, with the last one's reason.

    `failures` is None where Redis does not say.
    """

    entries: Mapping[str, Entry]
    failures: int | None
    reason: str


class Shared:
    """Used on one event loop only."""

    def __init__(self, events_url: str | None, service_url: str) -> None:
        """Without `events_url` nothing is shared."""
        self._url = service_url
        self._redis: Any = events_url and redis.asyncio.Redis.from_pool(
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
        self._away_until = 0.0

    async def close(self) -> None:
        if self._redis:
            await self._redis.aclose()

    async def read(self, customers: Collection[str]) -> Seen:
        """The entries that there are of these customers, fresh or not."""
        entries: dict[str, Entry] = {}
        wanted, failures, reason = list(customers), None, ""
        for start in range(0, len(wanted), READ_TOGETHER):
            part = wanted[start : start + READ_TOGETHER]
            answers = await self._ask(partial(self._queue_read, part))
            if answers is None or any(isinstance(answer, Exception) for answer in answers):
                break
            for customer, stored in zip(part, answers[0], strict=True):
                if stored and (entry := from_json(customer, stored, time.time())):
                    entries[customer] = entry
            failures, reason = _integer(answers[1][0]), _reason(answers[1][1])
        return Seen(entries, failures, reason)

    def _queue_read(self, customers: list[str], pipe: Pipeline) -> None:
        pipe.mget([self._key(f"entry:{customer}") for customer in customers])
        pipe.hmget(self._key("away"), ["failures", "error"])

    async def take(self, customer: str) -> tuple[bool | None, Entry | None]:
        """The lease to ask about this customer: True when it is ours, False somebody else's, None without Redis.

        And the entry as it is then: whoever had the lease before has left one.
        """

        def queue(pipe: Pipeline) -> None:
            _lease(pipe, self._key(f"asking:{customer}"))
            pipe.get(self._key(f"entry:{customer}"))

        answer = await self._ask(queue)
        stored = answer and answer[-1]
        entry = from_json(customer, stored, time.time()) if isinstance(stored, bytes) else None
        return _is_taken(answer), entry

    async def take_probe(self) -> bool | None:
        """The lease to ask a service that is away whether it is back: one at a time over all processes."""
        return _is_taken(await self._ask(lambda pipe: _lease(pipe, self._key("probe"))))

    async def look(self, customer: str) -> tuple[Entry | None, bool]:
        """The customer's entry, and whether somebody is still asking."""

        def queue(pipe: Pipeline) -> None:
            pipe.get(self._key(f"entry:{customer}"))
            pipe.exists(self._key(f"asking:{customer}"))

        answer = await self._ask(queue)
        stored, asking = answer or (None, 0)
        entry = from_json(customer, stored, time.time()) if isinstance(stored, bytes) else None
        return entry, asking == 1

    async def put(self, customer: str, entry: Entry) -> None:
        """Share an answer; then whoever waits for it finds it before the lease has gone."""
        text = entry.as_json()
        seconds = entry.fresh_until - entry.checked_at + LEASE_SECONDS
        if not isinstance(entry.outcome, UnknownCustomer):
            seconds = max(seconds, STALE_SECONDS)
        sizes = await self._ask(lambda pipe: pipe.dbsize())
        is_room = sizes is not None and _integer(sizes[0]) < KEYS_MOST and len(text) <= ENTRY_MOST_BYTES

        def queue(pipe: Pipeline) -> None:
            name = self._key(f"entry:{customer}")
            if is_room:
                pipe.set(name, text, px=_milliseconds(seconds))
            else:
                pipe.delete(name)  # an older one would be taken for the newest
            pipe.delete(self._key(f"asking:{customer}"))

        await self._ask(queue)

    async def release(self, customer: str) -> None:
        await self._ask(lambda pipe: pipe.delete(self._key(f"asking:{customer}")))

    async def say_away(self, reason: str, pause_seconds: float) -> int | None:
        """Count a call that failed, and let nobody ask again before the pause is over.

        Returns how many failed one after the other; None without Redis.
        """
        name = self._key("away")

        def queue(pipe: Pipeline) -> None:
            pipe.hincrby(name, "failures", 1)
            pipe.set(self._key("probe"), "1", px=_milliseconds(pause_seconds))
            pipe.hsetnx(name, "since", str(time.time()))
            pipe.hset(name, "error", reason)
            pipe.expire(name, AWAY_KEPT_SECONDS)

        answer = await self._ask(queue)
        return _integer(answer[0]) or None if answer else None

    async def say_back(self) -> None:
        await self._ask(lambda pipe: pipe.delete(self._key("away"), self._key("probe")))

    async def add(self, counts: Mapping[str, int]) -> bool:
        """Add to the counters of all processes; False when they could not be."""

        def queue(pipe: Pipeline) -> None:
            for name, count in counts.items():
                pipe.hincrby(self._key("counters"), name, count)

        return await self._ask(queue) is not None

    def _key(self, name: str) -> str:
        return key(self._url, name)

    async def _ask(self, queue: Callable[[Pipeline], Any]) -> list[Any] | None:
        """The answers to what is queued, an error in place of one that was refused; None while Redis is away."""
        if not self._redis or time.monotonic() < self._away_until:
            return None
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                queue(pipe)
                answers: list[Any] = await pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError, TimeoutError) as error:
            if not self._away_until:
                log.warning("portfolio_cache_not_shared", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None
        if self._away_until:
            log.info("portfolio_cache_shared_again")
        self._away_until = 0.0
        return answers


def _lease(pipe: Pipeline, name: str) -> None:
    pipe.set(name, "1", nx=True, px=_milliseconds(LEASE_SECONDS))
    pipe.pttl(name)


def _is_taken(answer: list[Any] | None) -> bool | None:
    """What came of a lease. One that would never end is nobody's: no process here makes such."""
    if answer is None or isinstance(answer[0], Exception):
        return None
    return bool(answer[0]) or answer[1] == NO_EXPIRY


def _reason(value: object) -> str:
    return value.decode(errors="replace")[:REASON_CHARACTERS] if isinstance(value, bytes) else ""


def _integer(value: object) -> int:
    """A count as Redis gives it; 0 for what is none."""
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        return 0


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)
