"""Asking the Portfolio Service: once for all who want to know of a customer, and one at a time while it is away.

Everything is on one event loop, where a deadline over a whole answer is a deadline.
"""

import asyncio
import time
from collections.abc import Collection, Mapping

import structlog

from hardware_orders.portfolio import answer
from hardware_orders.portfolio.breaker import Breaker
from hardware_orders.portfolio.entry import Entry
from hardware_orders.portfolio.lookup import Outcome, Unavailable
from hardware_orders.portfolio.memory import Memory
from hardware_orders.portfolio.service_client import CALL_SECONDS, ServiceClient
from hardware_orders.portfolio.shared import LEASE_SECONDS, Shared

log = structlog.get_logger()

# Calls of one process at a time: 200 a second of a service that answers in 20 ms, and few at the moment it goes away.
CONCURRENT_CALLS = 4
# A whole batch's bound: twice what one call may take, so that who waited for the first calls may make theirs.
LOOKUP_SECONDS = 2 * CALL_SECONDS
# How often is looked whether another process has its answer: first, and at most.
LOOK_FIRST_SECONDS = 0.01
LOOK_MOST_SECONDS = 0.1

NOT_IN_TIME = answer.away("was asked about too many customers to answer for this one in time")
NO_ANSWER_ELSEWHERE = answer.away("was asked by another process, which got no answer")


class Asking:
    """For one event loop."""

    def __init__(self, memory: Memory, shared: Shared, client: ServiceClient) -> None:
        self._memory = memory
        self._shared = shared
        self._client = client
        self._breaker = Breaker(shared)
        self._slots = asyncio.Semaphore(CONCURRENT_CALLS)
        self._tasks: dict[str, asyncio.Task[Outcome]] = {}

    async def look_up(self, customers: Collection[str]) -> Mapping[str, Outcome]:
        """One outcome for each customer, within LOOKUP_SECONDS."""
        until = time.monotonic() + LOOKUP_SECONDS
        seen = await self._shared.read(customers)
        if seen.failures is not None:
            self._breaker.saw(seen.failures, seen.reason)
        for customer, entry in seen.entries.items():
            self._memory.put(customer, entry)
        outcomes = self._memory.at_hand(customers)
        missing = [customer for customer in customers if customer not in outcomes]
        if missing and self._breaker.is_open and await self._breaker.may_probe():
            first = missing.pop(0)
            outcomes[first] = await self._ask(first)
        if self._breaker.is_open:
            failure = Unavailable(self._breaker.reason)
            return outcomes | {customer: self._memory.put_failure(customer, failure) for customer in missing}
        return outcomes | await self._ask_all(missing, until)

    async def _ask_all(self, customers: Collection[str], until: float) -> dict[str, Outcome]:
        tasks = {customer: self._asked(customer, until) for customer in customers}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=until - time.monotonic())
        return {
            customer: task.result() if task.done() else self._memory.in_place_of(NOT_IN_TIME, customer)
            for customer, task in tasks.items()
        }

    def _asked(self, customer: str, until: float) -> "asyncio.Task[Outcome]":
        """The question that is under way about this customer, or a new one."""
        task = self._tasks.get(customer)
        if task is None:
            task = self._tasks[customer] = asyncio.create_task(self._ask_in_turn(customer, until))
            task.add_done_callback(lambda _: self._tasks.pop(customer))
        return task

    async def _ask_in_turn(self, customer: str, until: float) -> Outcome:
        async with self._slots:
            if time.monotonic() > until:
                return self._memory.in_place_of(NOT_IN_TIME, customer)
            if self._breaker.is_open:  # it went away while this one waited for its turn
                return self._memory.put_failure(customer, Unavailable(self._breaker.reason))
            return await self._ask(customer)

    async def _ask(self, customer: str) -> Outcome:
        is_ours, shared = await self._shared.take(customer)
        if shared:
            self._memory.put(customer, shared)
        if is_ours is False:
            return await self._wait_for_another(customer)
        known = self._memory.get(customer)
        if known and known.is_fresh(time.time()):  # whoever asked before has told meanwhile
            await self._shared.release(customer)
            return known.outcome
        told = await self._call(customer, known if known and known.etag else None)
        if isinstance(told, Unavailable):
            self._memory.count("failures")
            outcome = self._memory.put_failure(customer, told)
            await self._breaker.failed(told.reason)
            await self._shared.release(customer)
            return outcome
        self._memory.put(customer, told)
        await self._shared.put(customer, told)
        await self._breaker.succeeded()
        return told.outcome

    async def _call(self, customer: str, known: Entry | None) -> Entry | Unavailable:
        self._memory.count("calls")
        told = await self._client.ask(customer, known.etag if known else None)
        if isinstance(told, Unavailable):
            return told
        return answer.read(customer, told, known, time.time())

    async def _wait_for_another(self, customer: str) -> Outcome:
        """The answer that another process is about to get. Bounded by its lease."""
        before = self._memory.get(customer)
        until, seconds = time.monotonic() + LEASE_SECONDS, LOOK_FIRST_SECONDS
        is_asking = True
        while is_asking and time.monotonic() < until:
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, LOOK_MOST_SECONDS)
            entry, is_asking = await self._shared.look(customer)
            if entry and (before is None or entry.checked_at != before.checked_at):
                self._memory.put(customer, entry)
                return entry.outcome
        return self._memory.in_place_of(NO_ANSWER_ELSEWHERE, customer)
