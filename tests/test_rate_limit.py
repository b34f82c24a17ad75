"""The token buckets of callers, on a real Valkey and without one."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import redis

from hardware_orders import rate_limit
from hardware_orders.rate_limit import KEY, KNOWN_MOST, Allowance, RateLimiter
from hardware_orders.settings import Rate
from tests.backends import valkey

FIVE = Rate(5, 3600)
NOBODY = "redis://127.0.0.1:1"


def with_limiters(
    use: Callable[..., Coroutine[Any, Any, None]], url: str, *, count: int = 1, rate: Rate = FIVE
) -> None:
    async def run() -> None:
        limiters = [RateLimiter(rate, url) for _ in range(count)]
        try:
            await use(*limiters)
        finally:
            for limiter in limiters:
                await limiter.close()

    asyncio.run(run())


async def granted(limiter: RateLimiter, times: int, caller: str = "ada") -> list[Allowance]:
    taken = [await limiter.take(caller) for _ in range(times)]
    return [allowance for allowance in taken if allowance.is_granted]


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Valkey's, which is waited for even on a machine that has much else to do."""
    monkeypatch.setattr(rate_limit, "ANSWER_SECONDS", 10)
    with valkey() as found:
        yield found


async def five_and_no_more(limiter: RateLimiter) -> None:
    assert [allowance.remaining for allowance in await granted(limiter, 8)] == [4, 3, 2, 1, 0]
    refused = await limiter.take("ada")
    assert (refused.is_granted, refused.remaining) == (False, 0)
    assert 700 < refused.next_in <= 720  # a fifth of an hour for each
    assert 3580 < refused.full_in <= 3600
    assert len(await granted(limiter, 1, "bob")) == 1


def test_so_many_at_once_and_then_one_for_each_fifth_of_the_hour(url: str) -> None:
    with_limiters(five_and_no_more, url)


def test_without_redis_a_process_counts_for_itself() -> None:
    with_limiters(five_and_no_more, NOBODY)


def test_all_processes_share_a_bucket_however_many_ask_at_once(url: str) -> None:
    async def use(one: RateLimiter, other: RateLimiter) -> None:
        asked = [limiter.take("ada") for limiter in (one, other) for _ in range(10)]
        at_once = sum(allowance.is_granted for allowance in await asyncio.gather(*asked))
        # One that is being refused holds its token until it is given back, so fewer may be granted; never more.
        assert 1 <= at_once <= 5
        # What the refused asked for was given back: nothing is owed, and nothing is lost.
        assert len(await granted(one, 8)) == 5 - at_once
        assert (await other.take("ada")).next_in <= 720

    with_limiters(use, url, count=2)


@pytest.mark.parametrize("is_there", [True, False])
def test_tokens_come_back_with_time(url: str, *, is_there: bool) -> None:
    async def use(limiter: RateLimiter) -> None:
        assert await granted(limiter, 20)
        while (refused := await limiter.take("ada")).is_granted:
            pass
        await asyncio.sleep(refused.next_in)
        assert (await limiter.take("ada")).is_granted

    with_limiters(use, url if is_there else NOBODY, rate=Rate(20, 1))


def test_when_redis_goes_what_was_taken_stays_taken(url: str) -> None:
    async def use(limiter: RateLimiter) -> None:
        assert len(await granted(limiter, 3)) == 3
        with redis.Redis.from_url(url) as client:
            client.shutdown(nosave=True)
        assert len(await granted(limiter, 8)) == 2

    with_limiters(use, url)


def test_a_redis_that_does_not_answer_is_left_alone_for_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def use(limiter: RateLimiter) -> None:
            assert len(await granted(limiter, 50)) == 5
            silent.setblocking(False)
            silent.accept()[0].close()
            with pytest.raises(BlockingIOError):
                silent.accept()

        with_limiters(use, f"redis://127.0.0.1:{silent.getsockname()[1]}")


def test_buckets_are_forgotten_when_they_are_full_again(url: str) -> None:
    async def use(limiter: RateLimiter) -> None:
        await limiter.take("ada")

    with_limiters(use, url, rate=Rate(3, 60))
    with redis.Redis.from_url(url) as client:
        assert client.keys() == [f"{KEY}ada".encode()]
        assert 60_000 <= client.pttl(f"{KEY}ada") <= 61_000


def test_a_process_knows_so_many_callers_and_no_more() -> None:
    async def use(limiter: RateLimiter) -> None:
        for number in range(KNOWN_MOST + 10):
            await limiter.take(str(number))
            assert len(limiter._known) <= KNOWN_MOST

    with_limiters(use, NOBODY)
