"""Portfolios from the Portfolio Service over HTTP: what is fresh is at hand, all else is asked for on a thread apart."""

import asyncio
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress

import structlog

from hardware_orders.portfolio.answer import away
from hardware_orders.portfolio.asking import CONCURRENT_CALLS, LOOKUP_SECONDS, Asking
from hardware_orders.portfolio.lookup import Outcome
from hardware_orders.portfolio.memory import Memory
from hardware_orders.portfolio.service_client import ServiceClient
from hardware_orders.portfolio.shared import Shared

log = structlog.get_logger()

# A lookup bounds itself; what Redis and a busy machine add to it is waited for no longer than this.
MARGIN_SECONDS = 4.0
# How often what was counted is added to the counters that all processes share.
COUNT_SECONDS = 1.0
STOP_SECONDS = 2.0


class PortfolioService:
    """A Source. Its thread begins with the first customer that has to be asked for: after a fork, not before."""

    def __init__(self, url: str, *, token: str | None = None, events_url: str | None = None) -> None:
        """Without `events_url` this process shares nothing with others."""
        self._url = url
        self._token = token
        self._events_url = events_url
        self._memory = Memory()
        self._lock = threading.Lock()
        self._thread: _Thread | None = None

    def at_hand(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        """What is fresh, and who could not be asked about a moment ago."""
        return self._memory.at_hand(customer_entity_uids)

    def __call__(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        """One outcome for each customer, within LOOKUP_SECONDS and what the machine adds. Never raises."""
        outcomes = self._memory.at_hand(customer_entity_uids)
        missing = [uid for uid in customer_entity_uids if uid not in outcomes]
        if not missing:
            return outcomes
        try:
            return {**outcomes, **self._started().look_up(missing)}
        except Exception as error:
            log.exception("portfolios_not_looked_up", error=type(error).__name__)
            failure = away("could not be asked")
            return outcomes | {uid: self._memory.in_place_of(failure, uid) for uid in missing}

    def close(self) -> None:
        """End the thread; what is being asked is given up."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread:
            thread.stop()

    def _started(self) -> "_Thread":
        with self._lock:
            if self._thread is None:
                self._thread = _Thread(self._url, self._token, self._events_url, self._memory)
            return self._thread


class _Thread:
    """The thread with the event loop on which the service, and Redis about it, are asked."""

    def __init__(self, url: str, token: str | None, events_url: str | None, memory: Memory) -> None:
        self._memory = memory
        self._shared = Shared(events_url, url)
        self._client = ServiceClient(url, token, connections=CONCURRENT_CALLS)
        self._asking = Asking(memory, self._shared, self._client)
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="portfolio", daemon=True)
        self._thread.start()

    def look_up(self, customers: Collection[str]) -> Mapping[str, Outcome]:
        looked_up = asyncio.run_coroutine_threadsafe(self._asking.look_up(customers), self._loop)
        return looked_up.result(LOOKUP_SECONDS + MARGIN_SECONDS)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._count())

    async def _count(self) -> None:
        """Until the end: tell what was counted. What is under way then is cancelled with the loop."""
        while not self._stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(COUNT_SECONDS):
                    await self._stop.wait()
            counts = self._memory.take_counts()
            if counts and not await self._shared.add(counts):
                self._memory.add_counts(counts)
        await self._client.close()
        await self._shared.close()
