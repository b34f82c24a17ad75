"""Portfolios over HTTP, from the reference service, shared in a real Valkey: asked once, remembered, and never wrong."""

import concurrent.futures
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from hardware_orders.portfolio.asking import NO_ANSWER_ELSEWHERE
from hardware_orders.portfolio.lookup import Found, Source, Unavailable, UnknownCustomer
from hardware_orders.portfolio.service_state import ServiceState, state
from hardware_orders.portfolio.shared import key
from hardware_orders.portfolio.source import lookup_from
from tests.backends import valkey
from tests.portfolio import customers
from tests.portfolio.service import PortfolioService, serving
from tests.system import eventually, free_port

STRANGER = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
NOBODY_LISTENS = "redis://127.0.0.1:1/0"
COUNT = 90

Open = Callable[..., Source]


@pytest.fixture(scope="module")
def events_url() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    path = tmp_path_factory.mktemp("portfolios") / "portfolios.json"
    return path, customers.write(path, COUNT)


@pytest.fixture(scope="module")
def running(known: tuple[Path, list[str]]) -> Iterator[PortfolioService]:
    with serving(known[0]) as service:
        yield service


@pytest.fixture
def shared(events_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(events_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def service(running: PortfolioService, shared: redis.Redis) -> PortfolioService:
    shared.ping()
    running.misbehave()
    running.calls()
    return running


@pytest.fixture
def opened(events_url: str) -> Iterator[Open]:
    """Opens sources that share one Redis, each as another process has its own."""
    with ExitStack() as stack:

        def source(service: PortfolioService, **options: Any) -> Source:
            opened = lookup_from(service.url, **{"events_url": events_url} | options)
            stack.callback(opened.close)
            return opened

        yield source


@pytest.fixture
def customer(known: tuple[Path, list[str]]) -> str:
    return known[1][0]


def test_an_answer_does_for_all_processes(service: PortfolioService, opened: Open, customer: str) -> None:
    one, another = opened(service), opened(service)
    assert one.at_hand([customer, STRANGER]) == {}
    found = one([customer, STRANGER])
    assert isinstance(found[customer], Found)
    assert found[STRANGER] == UnknownCustomer()
    assert another([customer, STRANGER]) == found
    assert one.at_hand([customer, STRANGER]) == another.at_hand([customer, STRANGER]) == found
    assert service.calls()["total"] == 2


def test_what_is_no_longer_fresh_is_compared(known: tuple[Path, list[str]], opened: Open, shared: redis.Redis) -> None:
    shared.ping()
    customer = known[1][0]
    with serving(known[0], max_age=0) as service:
        sources = [opened(service), opened(service)]
        found = [source([customer])[customer] for source in (*sources, *sources)]
        assert isinstance(found[0], Found)
        assert found == [found[0]] * 4
        assert sources[0].at_hand([customer]) == {}
        counted = service.calls()
        assert (counted["total"], counted["notModified"]) == (4, 3)


def test_an_older_answer_stands_in_while_the_service_is_away(
    known: tuple[Path, list[str]], opened: Open, shared: redis.Redis
) -> None:
    old, new = known[1][:2]
    with serving(known[0], max_age=0) as service:
        found = opened(service)([old])[old]
        service.misbehave("error")
        for source in (opened(service), opened(service)):  # which knows it by Redis alone
            outcomes = source([old, new])
            assert outcomes[old] == found
            assert outcomes[new] == Unavailable("The Portfolio Service answered 503.")
            assert source.at_hand([old]) == {old: found}
        away = state(shared, service.url)
        assert (away.is_away, away.error) == (True, "The Portfolio Service answered 503.")
        assert away.since

        service.misbehave()
        source = opened(service)
        eventually(lambda: isinstance(source([new])[new], Found))
        back = state(shared, service.url)
        assert (back.is_away, back.since, back.error) == (False, None, None)

        def counted() -> ServiceState:
            return state(shared, service.url)

        eventually(lambda: counted().calls >= 3 and counted().failures and counted().stale >= 2)
        assert counted().unavailable


def test_many_who_ask_at_once_make_one_call(service: PortfolioService, opened: Open, customer: str) -> None:
    service.misbehave("slow", seconds=0.5)
    source = opened(service)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(source, [customer]) for _ in range(8)]
        assert all(isinstance(each.result()[customer], Found) for each in asked)
    assert service.calls()["total"] == 1


def test_many_processes_make_one_call_for_each_customer(
    service: PortfolioService, events_url: str, known: tuple[Path, list[str]]
) -> None:
    service.misbehave("slow", seconds=0.02)  # so that their questions meet
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(3) as pool:
        found = pool.starmap(look_up_by_parts, [(service.url, events_url, known[1])] * 3)
    assert found == [COUNT] * 3
    counted = service.calls()
    assert len(counted["perCustomer"]) == COUNT
    # One each; where Redis was given up for a moment on a busy machine, a process asks for itself.
    assert COUNT <= counted["total"] <= COUNT * 1.2


def look_up_by_parts(url: str, events_url: str, wanted: list[str]) -> int:
    """How many of the customers this process found, as a worker's batches would ask for them."""
    source = lookup_from(url, events_url=events_url)
    found = 0
    for start in range(0, len(wanted), 30):
        outcomes = source(wanted[start : start + 30])
        found += sum(isinstance(outcome, Found) for outcome in outcomes.values())
    source.close()
    return found


def test_a_service_that_is_away_is_asked_by_one_at_a_time(
    service: PortfolioService, opened: Open, known: tuple[Path, list[str]]
) -> None:
    service.misbehave("error")
    sources = [opened(service) for _ in range(3)]
    started = time.monotonic()
    sources[0](known[1][:1])
    while time.monotonic() < started + 3:
        for number, source in enumerate(sources):
            outcomes = source(known[1][number::3])
            assert all(isinstance(outcome, Unavailable) for outcome in outcomes.values())
    calls = service.calls()["total"]
    assert 2 <= calls < 5 * (time.monotonic() - started)


def test_what_a_process_that_died_was_asking_is_asked_again(
    service: PortfolioService, opened: Open, shared: redis.Redis, customer: str
) -> None:
    shared.set(key(service.url, f"asking:{customer}"), "1", px=300)
    source = opened(service)
    assert source([customer]) == {customer: NO_ANSWER_ELSEWHERE}
    eventually(lambda: isinstance(source([customer])[customer], Found))


def entry(customer: str, **members: Any) -> bytes:
    document = {"portfolios": [customers.portfolio(customer, name="Planted")]}
    now = time.time()
    return json.dumps({"document": document, "etag": None, "checkedAt": now, "freshUntil": now + 60} | members).encode()


@pytest.mark.parametrize(
    "planted",
    [
        lambda _: b"",
        lambda _: b"\xff{",
        lambda _: b"[]",
        lambda _: b"null",
        lambda _: b"[" * 100_000,
        lambda customer: entry(customer, document={"portfolios": "all"}),
        lambda customer: entry(customer, document=[]),
        lambda customer: entry(customer, freshUntil=time.time() + 10**9),
        lambda customer: entry(customer, checkedAt=time.time() + 10**6, freshUntil=time.time() + 10**6),
        lambda customer: entry(customer, checkedAt="now"),
        lambda customer: entry(customer, checkedAt={}),
        lambda _: entry(STRANGER),
    ],
)
def test_what_is_planted_in_redis_is_no_answer(
    service: PortfolioService,
    opened: Open,
    shared: redis.Redis,
    customer: str,
    planted: Callable[[str], bytes],
) -> None:
    shared.set(key(service.url, f"entry:{customer}"), planted(customer))
    found = opened(service)([customer])[customer]
    assert isinstance(found, Found)
    assert found.portfolios[0].name == "Of a test"


def test_keys_of_another_kind_are_gone_around(
    service: PortfolioService, opened: Open, shared: redis.Redis, customer: str
) -> None:
    for name in (f"entry:{customer}", f"asking:{customer}", "away", "counters", "probe"):
        shared.rpush(key(service.url, name), "x")
    assert isinstance(opened(service)([customer])[customer], Found)


def test_without_redis_each_process_goes_by_itself(service: PortfolioService, opened: Open, customer: str) -> None:
    source = opened(service, events_url=NOBODY_LISTENS)
    assert isinstance(source([customer])[customer], Found)
    service.misbehave("error")
    assert isinstance(source([STRANGER])[STRANGER], Unavailable)
    service.misbehave()
    eventually(lambda: source([STRANGER])[STRANGER] == UnknownCustomer())


def test_a_token_is_for_the_service_alone(known: tuple[Path, list[str]], opened: Open, shared: redis.Redis) -> None:
    customer = known[1][0]
    with serving(known[0], token="the-token") as service:
        unsigned = opened(service)([customer])[customer]
        assert unsigned == Unavailable("The Portfolio Service answered 401.")
        shared.flushdb()
        signed = opened(service, token="the-token")
        assert isinstance(signed([customer])[customer], Found)


def test_the_environments_proxy_is_not_used(
    service: PortfolioService, opened: Open, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(opened(service)([customer])[customer], Found)


def test_a_service_that_nobody_serves(customer: str) -> None:
    source = lookup_from(f"http://127.0.0.1:{free_port()}")
    assert source([customer]) == {customer: Unavailable("The Portfolio Service cannot be connected to.")}
    source.close()
