"""The newest sample for many viewers: read once for all of them, only while somebody looks, and nobody is waited for."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from hardware_orders.api.problems import Problem
from hardware_orders.dashboard import live as module
from hardware_orders.dashboard.live import Live
from hardware_orders.database import Database
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.sampling import sample
from hardware_orders.sampling.sample import Sample

SECONDS = 10


class Viewer:
    """A browser's connection, as the server would hand it on."""

    def __init__(self, *, is_stuck: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.hangs_up = asyncio.Event()
        self._is_stuck = is_stuck

    async def receive(self) -> Any:
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if self._is_stuck and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.sent.append(message)

    def watch(self, live: Live) -> "asyncio.Task[None]":
        return asyncio.create_task(live.stream({}, self.receive, self.send))

    async def has(self, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            while len(self.sent) < count:  # noqa: ASYNC110  # a list tells nobody that it grew
                await asyncio.sleep(0.01)


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    with opened.write() as connection:
        sample.add(connection, Sample(100, {}))
    yield opened
    opened.dispose()


@pytest.fixture
def reads(database: Database) -> list[str]:
    found: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *about: found.append(about[2]))
    return found


def test_many_viewers_cost_what_one_costs(
    database: Database, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def draw(live: Live) -> str:
        assert live.newest
        drawn.append(live.newest.second)
        return f"<p>{live.newest.second}</p>\n<p></p>"

    async def watched() -> list[Viewer]:
        live = Live(database, draw)
        viewers = [Viewer() for _ in range(50)]
        tasks = [viewer.watch(live) for viewer in viewers]
        for viewer in viewers:
            await viewer.has(3)
        live.stop()
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*tasks)
        with pytest.raises(Problem):  # nobody new while it stops
            await Viewer().watch(live)
        return viewers

    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
    viewers = asyncio.run(watched())
    assert len(reads) <= 2 * len(drawn) <= 10
    for viewer in viewers:
        head, *messages, end = viewer.sent
        assert (head["status"], end.get("more_body", False)) == (200, False)
        assert {message["body"] for message in messages} == {b"data: <p>100</p>\ndata: <p></p>\n\n"}


def test_nothing_is_read_for_nobody(database: Database, reads: list[str]) -> None:
    async def watched() -> int:
        live = Live(database, lambda _: "x")
        viewer = Viewer()
        task = viewer.watch(live)
        await viewer.has(2)
        viewer.hangs_up.set()
        async with asyncio.timeout(SECONDS):
            await task
            while live._task:  # noqa: ASYNC110  # it ends by itself
                await asyncio.sleep(0.01)
        return len(reads)

    before = asyncio.run(watched())
    assert before == len(reads) > 0


def test_who_takes_nothing_is_let_go_and_holds_up_nobody(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def watched() -> None:
        live = Live(database, lambda _: "x")
        stuck, other = Viewer(is_stuck=True), Viewer()
        letting_go, going_on = stuck.watch(live), other.watch(live)
        async with asyncio.timeout(SECONDS):
            await letting_go
        await other.has(3)
        assert len(live._viewers) == 1
        live.stop()
        await going_on

    monkeypatch.setattr(module, "SEND_SECONDS", 0.05)
    asyncio.run(watched())


def test_there_is_room_for_so_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def watched() -> None:
        live = Live(database, lambda _: "x")
        first = Viewer()
        task = first.watch(live)
        await first.has(1)
        with pytest.raises(Problem, match="503"):
            await Viewer().watch(live)
        live.stop()
        await task

    monkeypatch.setattr(module, "VIEWERS_MOST", 1)
    asyncio.run(watched())


def test_history_goes_on_where_it_was_and_is_an_hour(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def looked() -> list[list[int]]:
        live = Live(database, lambda _: "")
        seen = []
        for seconds in ((), (101, 105), (111, 115), (3_720,)):
            with database.write() as connection:
                for second in seconds:
                    sample.add(connection, Sample(second, {}))
            await live.refresh()
            seen.append([one.second for one in live.history])
        return seen

    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)
    assert asyncio.run(looked()) == [[100], [105], [105, 115], [3_720]]


def test_there_is_no_sample_before_the_first(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    migrate(database)
    live = Live(database, lambda _: "")
    asyncio.run(live.refresh())
    assert live.newest is None
    database.dispose()
