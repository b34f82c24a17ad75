"""Uploads of batches to the whole API in this process, where its bounds can be small and its database can go away."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from hardware_orders import database as database_module
from hardware_orders.api import batch_upload, batch_waiting, bodies, context, local_key, ndjson, turns
from hardware_orders.app import create_app
from hardware_orders.database import Database
from hardware_orders.intake import single_orders
from hardware_orders.settings import Settings
from hardware_orders.tables import batch_items, orders
from tests.backends import POSTGRES, valkey
from tests.system import ANN, order

BATCH = "/orders/hardware/batch"
PATIENCE_SECONDS = 60
Run = Callable[[Callable[[FastAPI, httpx2.AsyncClient], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, str]]:
    """The URLs of a server that is broker and channel of events."""
    with valkey() as url:
        broker = url.replace("unix://", "redis+socket://").replace("?db=1", "?virtual_host=0")
        yield {"broker_url": broker, "events_url": url}


@pytest.fixture
def run(database_url: str, servers: Mapping[str, str], tmp_path: Path) -> Run:
    """Runs a test inside a started API without workers: what it takes in stays waiting."""
    return _runner(database_url, servers, tmp_path)


@pytest.fixture
def run_here(sqlite_url: str, servers: Mapping[str, str], tmp_path: Path) -> Run:
    """`run`, for what no database has a part in."""
    return _runner(sqlite_url, servers, tmp_path)


def _runner(database_url: str, servers: Mapping[str, str], folder: Path) -> Run:
    key_file = folder / "key.json"
    said: dict[str, Any] = {"local_signing_key": key_file, "wait_seconds": 0, "database_url": database_url, **servers}
    app = create_app(Settings(**said))
    key = local_key.load(key_file)
    token = local_key.issue(
        key, sub=ANN, name="Ann", entities=("*",), roles=("orders:write", "orders:read"), seconds=3600
    )

    async def within(test: Callable[[FastAPI, httpx2.AsyncClient], Coroutine[Any, Any, None]]) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
        ):
            await asyncio.wait_for(test(app, client), PATIENCE_SECONDS)

    return lambda test: asyncio.run(within(test))


def lines(*bodies_: Any) -> bytes:
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies_)


def counted(app: FastAPI) -> int:
    with app.state.context.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(batch_items)).scalar_one())


async def until(look: Callable[[], object]) -> None:
    """Until it is true; the whole test is bounded."""
    while not await asyncio.to_thread(look):  # noqa: ASYNC110  # what is looked at knows no events
        await asyncio.sleep(0.01)


def detail(answer: httpx2.Response) -> str:
    return str(answer.json()["detail"])


def test_too_many_lines_are_413_and_those_before_stay(run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_upload, "LINES_MOST", 3)

    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        many = [order() for _ in range(5)]
        key = {"Idempotency-Key": "K"}
        answer = await client.post(BATCH, content=lines(*many), headers=key)
        assert (answer.status_code, counted(app)) == (413, 3)
        assert detail(answer) == "A batch has at most 3 lines; send the others as another batch."
        again = await client.post(BATCH, content=lines(*many[:3]), headers=key)
        assert (again.status_code, again.json()["accepted"], again.json()["resumedFrom"]) == (202, 3, None)

    run_here(test)


def test_a_line_that_is_too_long_or_no_order_fails_alone_as_a_line(
    run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndjson, "BODY_MOST_BYTES", 300)

    async def test(_: FastAPI, client: httpx2.AsyncClient) -> None:
        content = lines(order(), order(notes="n" * 300)) + b'"text"\nno JSON\n' + lines(order())
        made = (await client.post(BATCH, content=content)).json()
        assert (made["accepted"], made["failed"]) == (2, 3)
        failed = (await client.get(f"{BATCH}/{made['batchId']}", params={"outcome": "failed"})).json()["items"]
        told = [(item["error"]["line"], item["error"]["code"], item["error"]["message"]) for item in failed]
        assert told[0] == (2, "too_long", "The line must be no larger than the 4 MiB that an order may have.")
        assert [(number, code) for number, code, _ in told[1:]] == [(3, "wrong_type"), (4, "not_json")]
        assert all(message.startswith("The line must ") for _, _, message in told)

    run_here(test)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_413(run_here: Run, monkeypatch: pytest.MonkeyPatch, *, is_chunked: bool) -> None:
    monkeypatch.setattr(bodies, "STREAM_MOST_BYTES", 2 * 2**20)

    async def chunks() -> AsyncIterator[bytes]:
        yield lines(order())
        for _ in range(5):
            yield b" " * 2**19

    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        content: Any = chunks() if is_chunked else lines(order()) + b" " * 2**21
        answer = await client.post(BATCH, content=content)
        assert (answer.status_code, counted(app)) == (413, int(is_chunked))  # what says its length is not begun with
        assert detail(answer) == "The body is larger than the 2 MiB that a batch may have."

    run_here(test)


@contextlib.contextmanager
def away(url: str) -> Iterator[None]:
    """The database takes no connection and no writing for as long as the block lasts."""
    if url.startswith("sqlite"):
        blocking = Database(url)
        with blocking.write():
            yield
        blocking.dispose()
        return
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


class Interrupted:
    """An upload of two parts, between which the database goes away."""

    def __init__(self, app: FastAPI, url: str) -> None:
        self._app = app
        self._away = away(url)
        self.bodies = [order() for _ in range(6)]

    async def content(self) -> AsyncIterator[bytes]:
        yield lines(*self.bodies[:2])
        await until(lambda: counted(self._app) == 2)
        await asyncio.to_thread(self._away.__enter__)
        yield lines(*self.bodies[2:])

    def end(self) -> None:
        self._away.__exit__(None, None, None)


def references(app: FastAPI) -> list[str]:
    with app.state.context.database.read() as connection:
        return sorted(connection.execute(select(orders.c.order_reference)).scalars())


@pytest.fixture
def _short_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "SQLITE_LOCK_SECONDS", 0.05)


@pytest.mark.usefixtures("_short_locks")
def test_an_upload_outlasts_a_database_that_is_away_for_a_moment(
    run: Run, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_upload, "TRIES", 1_000)
    monkeypatch.setattr(batch_upload, "FIRST_PAUSE_SECONDS", 0.0)

    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        upload = Interrupted(app, database_url)
        sent = asyncio.create_task(client.post(BATCH, content=upload.content()))
        said = ""

        def is_missed() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "database_away" in said

        await until(is_missed)
        await asyncio.to_thread(upload.end)
        answer = await sent
        assert (answer.status_code, answer.json()["accepted"]) == (202, 6)
        assert references(app) == sorted(body["orderReference"] for body in upload.bodies)

    run(test)


@pytest.mark.usefixtures("_short_locks")
def test_an_upload_whose_database_stays_away_is_503_and_goes_on_when_it_is_sent_again(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_upload, "TRIES", 2)
    key = {"Idempotency-Key": str(uuid.uuid4())}

    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        upload = Interrupted(app, database_url)
        refused = await client.post(BATCH, content=upload.content(), headers=key)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        await asyncio.to_thread(upload.end)
        again = await client.post(BATCH, content=lines(*upload.bodies), headers=key)
        assert (again.status_code, again.json()["accepted"], again.json()["resumedFrom"]) == (202, 6, 2)
        assert references(app) == sorted(body["orderReference"] for body in upload.bodies)

    run(test)


async def take_in_singles(client: httpx2.AsyncClient, count: int) -> None:
    for _ in range(count):
        answer = await client.post("/orders/hardware", json=order(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 202


def test_an_upload_rests_while_single_orders_come_and_only_then(run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PART_LINES_BESIDE", 2), ("REST", 1e9), ("REST_MOST_SECONDS", 3_600.0)):
        monkeypatch.setattr(batch_upload, name, value)
    monkeypatch.setattr(single_orders, "SEEN_SECONDS", 3_600.0)
    many = [order() for _ in range(6)]

    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        alone = await client.post(BATCH, content=lines(*many))
        assert (alone.status_code, counted(app)) == (202, 6)
        await take_in_singles(client, 1)
        beside = asyncio.create_task(client.post(BATCH, content=lines(*many)))
        await until(lambda: counted(app) > 6)
        await take_in_singles(client, 5)  # in whose time an upload that did not rest would have come to its end
        assert (beside.done(), counted(app)) == (False, 8)
        beside.cancel()

    run_here(test)


def test_whoever_waits_for_a_batch_is_told_as_soon_as_it_has_settled(run: Run, database: Database) -> None:
    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        path = f"{BATCH}/{(await client.post(BATCH, content=lines(order(), order(), {}))).json()['batchId']}"
        passed = await client.get(path, headers={"Prefer": "wait=1"})
        assert (passed.json()["status"], passed.headers["preference-applied"]) == ("SETTLING", "wait=1")
        at_once = await client.get(path)
        assert (at_once.json()["status"], "preference-applied" in at_once.headers) == ("SETTLING", False)
        waits = [asyncio.create_task(client.get(path, headers={"Prefer": "wait=30"})) for _ in range(3)]
        download = {"Prefer": "wait=30", "Accept": "application/x-ndjson"}
        waits.append(asyncio.create_task(client.get(path, headers=download)))
        await until(lambda: sum(map(len, app.state.context.batch_waiting._waiters.values())) == 4)
        with database.write() as connection:
            connection.execute(update(orders).values(due_at=None, intent=None))
        *told, items = [await wait for wait in waits]
        assert [answer.json()["status"] for answer in told] == ["SETTLED"] * 3
        assert [answer.headers["preference-applied"] for answer in (*told, items)] == ["wait=30"] * 4
        assert len(items.text.splitlines()) == 3

    run(test)


def test_so_many_wait_for_batches_and_nobody_once_the_service_stops(
    run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "BATCH_WAITS_MOST", 1)
    monkeypatch.setattr(turns, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(batch_waiting, "LOOK_SECONDS", 0.01)
    waiting = {"Prefer": "wait=30"}

    async def test(app: FastAPI, client: httpx2.AsyncClient) -> None:
        batch_id = (await client.post(BATCH, content=lines(order()))).json()["batchId"]
        first = asyncio.create_task(client.get(f"{BATCH}/{batch_id}", headers=waiting))
        await until(app.state.context.batch_waits.locked)
        refused = await client.get(f"{BATCH}/{batch_id}", headers=waiting)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert detail(refused) == "Too many waits for batches are running; send this one again in a moment."
        assert (await client.get(f"{BATCH}/{uuid.uuid4()}", headers=waiting)).status_code == 404
        app.end_streams()  # type: ignore[attr-defined]
        assert (await first).json()["status"] == "SETTLING"
        assert (await client.get(f"{BATCH}/{batch_id}", headers=waiting)).json()["status"] == "SETTLING"

    run_here(test)
