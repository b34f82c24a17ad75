"""How many searches run at once: a further one waits a moment, and is then told to come again."""

import asyncio

import pytest

from hardware_orders.api import turns
from hardware_orders.api.problems import Problem


def test_a_search_waits_for_its_turn_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.01)
    done: list[int] = []

    async def searched(searches: asyncio.Semaphore, number: int) -> None:
        async with turns.turn(searches, "searches"):
            await asyncio.sleep(0)
            done.append(number)

    async def all_at_once() -> None:
        searches = asyncio.Semaphore(2)
        await asyncio.gather(*(searched(searches, number) for number in range(5)))
        async with turns.turn(searches, "searches"), turns.turn(searches, "searches"):
            with pytest.raises(Problem) as refused:
                await searched(searches, 5)
        assert refused.value.status == 503
        await searched(searches, 6)

    asyncio.run(all_at_once())
    assert sorted(done) == [0, 1, 2, 3, 4, 6]
