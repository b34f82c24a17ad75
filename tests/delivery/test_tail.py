"""The tail: one reader of the log for all who follow it, whoever is slow, and whatever becomes of Redis."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from hardware_orders.delivery import tail
from hardware_orders.delivery.tail import Follower, Item, Tail
from hardware_orders.errors import TooManyReadersError
from tests.system import eventually

NOWHERE = "redis://127.0.0.1:1"
ANN, BOB = "customer-ann", "customer-bob"
SECONDS = 20.0


class Log:
    """The events there are; it counts how often it is read."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.reads = 0
        self.is_away = False

    def add(self, *customers: str) -> None:
        for customer in customers:
            position = len(self.items) + 1
            self.items.append(Item(position, customer, "order.received", f"{position}\n".encode()))

    def read(self, after: int) -> tuple[Sequence[Item], int]:
        self.reads += 1
        if self.is_away:
            raise OSError("away")
        return self.items[after:], len(self.items)

    def newest(self) -> int:
        self.reads += 1
        return len(self.items)


@asynccontextmanager
async def running(log: Log) -> AsyncIterator[Tail]:
    found = Tail(NOWHERE, read=log.read, newest=log.newest)
    async with found.running():
        yield found


async def taken(found: Tail, follower: Follower) -> list[int]:
    assert await found.wait(follower, SECONDS)
    got = found.take(follower)
    assert got is not None
    return [item.position for item in got[0]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "LOOK_SECONDS", 0.02)


def test_a_thousand_followers_cost_one_reader_and_each_is_told_of_its_own() -> None:
    async def run() -> None:
        log = Log()
        log.add(ANN, BOB)
        async with running(log) as found:
            followers = []
            contexts = [found.following(None if n % 3 == 0 else {ANN if n % 3 == 1 else BOB}) for n in range(1_000)]
            followers = [context.__enter__() for context in contexts]
            assert {await found.restart(follower) for follower in followers} == {2}
            before, began = log.reads, asyncio.get_running_loop().time()
            await asyncio.sleep(0.5)
            looks = (asyncio.get_running_loop().time() - began) / tail.LOOK_SECONDS
            assert log.reads - before <= looks + 1
            log.add(ANN, BOB, ANN)
            for n, follower in enumerate(followers):
                assert await taken(found, follower) == [[3, 4, 5], [3, 5], [4]][n % 3]
            for context in contexts:
                context.__exit__(None, None, None)
            assert found._followers == {}

    asyncio.run(run())


def test_while_nobody_follows_nothing_is_read() -> None:
    async def run() -> None:
        log = Log()
        async with running(log) as found:
            with found.following(None) as follower:
                assert await found.restart(follower) == 0
            await asyncio.sleep(tail.LOOK_SECONDS * 3)  # a look that was under way
            reads = log.reads
            log.add(ANN, ANN)
            await asyncio.sleep(tail.LOOK_SECONDS * 5)
            assert log.reads == reads
            with found.following(None) as follower:
                assert await found.restart(follower) == 2
                log.add(ANN)
                assert await taken(found, follower) == [3]

    asyncio.run(run())


def test_who_falls_behind_what_is_held_is_told_to_read_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "HELD_EVENTS", 10)

    async def run() -> None:
        log = Log()
        async with running(log) as found:
            with found.following(None) as slow, found.following({BOB}) as idle, found.following(None) as quick:
                for follower in (slow, idle, quick):
                    await found.restart(follower)
                for _ in range(3):
                    log.add(*[ANN] * 5)
                    assert len(await taken(found, quick)) == 5
                assert found.take(slow) is None
                assert await found.restart(slow) == 15
                # Nothing was for this one, so it has missed nothing.
                assert found.take(idle) == ([], 15)
                log.add(BOB)
                assert await taken(found, slow) == await taken(found, idle) == [16]
            assert len(found._held) <= 10

    asyncio.run(run())


def test_what_is_held_is_bounded_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "HELD_BYTES", 5)

    async def run() -> None:
        log = Log()
        async with running(log) as found:
            with found.following(None) as follower:
                await found.restart(follower)
                log.add(ANN, ANN, ANN)
                assert await found.wait(follower, SECONDS)
                assert found.take(follower) is None
                assert found._held_bytes == 4

    asyncio.run(run())


def test_there_is_a_bound_and_who_goes_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "FOLLOWERS_MOST", 2)

    async def run() -> None:
        async with running(Log()) as found:
            with found.following(None), found.following({ANN}), pytest.raises(TooManyReadersError):
                found.following(None).__enter__()
            with found.following(None):
                pass

    asyncio.run(run())


def test_at_the_end_everybody_is_told_at_once() -> None:
    async def run() -> None:
        async with running(Log()) as found:
            with found.following(None) as follower:
                await found.restart(follower)
                waiting = asyncio.create_task(found.wait(follower, 600))
                await asyncio.sleep(0)
                found.end()
                assert await asyncio.wait_for(waiting, SECONDS) is False
                assert await found.wait(follower, 600) is False

    asyncio.run(run())


def test_a_database_that_was_away_is_read_on_where_it_was() -> None:
    async def run() -> None:
        log = Log()
        async with running(log) as found:
            with found.following(None) as follower:
                await found.restart(follower)
                log.is_away = True
                log.add(ANN)
                reads = log.reads
                await asyncio.to_thread(eventually, lambda: log.reads > reads + 1)
                log.is_away = False
                assert await taken(found, follower) == [1]

    asyncio.run(run())
