"""Group commit before a database that does not go on: what waits is bounded, and is told so in bounded time."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hardware_orders.database import Database
from hardware_orders.errors import DatabaseAwayError, OverloadedError
from hardware_orders.intake import group_commit, in_hand
from hardware_orders.intake.group_commit import Accepted, GroupCommit, store_by_halves
from tests.database.test_group_commit import counts, request


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@contextmanager
def stalled(database: Database) -> Iterator[None]:
    """Nobody else can write while this lasts."""
    may_end, is_held = threading.Event(), threading.Event()

    def hold() -> None:
        with database.write():
            is_held.set()
            may_end.wait(30)

    holding = threading.Thread(target=hold)
    holding.start()
    is_held.wait(10)
    try:
        yield
    finally:
        may_end.set()
        holding.join(10)


@contextmanager
def running(database: Database) -> Iterator[GroupCommit]:
    group = GroupCommit(database, on_committed=lambda _ids, _traceparent: None)
    group.start()
    try:
        yield group
    finally:
        group.stop()


async def refusals(group: GroupCommit, count: int, kind: type[Exception]) -> None:
    outcomes = await asyncio.gather(*(group.accept(request()) for _ in range(count)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {kind}


def test_orders_beyond_the_bound_are_refused_and_those_within_are_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "WAITING_MOST_ORDERS", 10)

    async def run() -> None:
        with running(database) as group:
            with stalled(database):
                within = [asyncio.create_task(group.accept(request())) for _ in range(10)]
                await asyncio.sleep(0)
                await refusals(group, 20, OverloadedError)
            assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*within))
            assert isinstance(await group.accept(request()), Accepted)

    asyncio.run(run())
    assert counts(database)[0] == 11


def test_bytes_beyond_the_bound_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(request().command.sent)
    monkeypatch.setattr(group_commit, "WAITING_MOST_BYTES", 3 * size)

    async def run() -> None:
        with running(database) as group:
            with stalled(database):
                within = [asyncio.create_task(group.accept(request())) for _ in range(3)]
                await asyncio.sleep(0)
                await refusals(group, 5, OverloadedError)
            await asyncio.gather(*within)

    asyncio.run(run())


def test_who_waits_for_a_silent_database_is_told_and_nothing_is_stored_behind_its_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "STALLED_SECONDS", 0.05)
    monkeypatch.setattr(group_commit, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(in_hand, "GROUP_MOST_ORDERS", 1)

    async def run() -> None:
        with running(database) as group:
            with stalled(database):
                await refusals(group, 5, DatabaseAwayError)
                await refusals(group, 5, DatabaseAwayError)
                assert not group._waiting
                # The one that was already being stored when the database fell silent; nobody knows of that.
                assert len(group._in_hand._singles) == 4
            while group._is_stalled:  # noqa: ASYNC110  # nothing in there waits for it
                await asyncio.sleep(0.01)
            assert isinstance(await group.accept(request()), Accepted)

    asyncio.run(run())
    assert counts(database)[0] == 2


def test_halving_ends_in_time(database: Database) -> None:
    outcomes = store_by_halves(database, [request() for _ in range(8)], until=0)
    assert all(isinstance(outcome, DatabaseAwayError) for outcome in outcomes)
    assert counts(database) == (0, 0, 0)
