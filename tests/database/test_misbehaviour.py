"""Orders under the simplified flow while the Portfolio Service misbehaves: they wait, nothing is lost, then they settle.

The reference service over HTTP, a database, and a Valkey that two workers share.
"""

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from hardware_orders import identifiers
from hardware_orders.contract.enums import Status
from hardware_orders.database import Database
from hardware_orders.delivery import log
from hardware_orders.intake.group_commit import Accepted, Request, store_by_halves
from hardware_orders.orders import change, process, store
from hardware_orders.orders.beside import Beside, Errand
from hardware_orders.orders.commands import Receive, Submit
from hardware_orders.orders.failures import Cause
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Code, Intent
from hardware_orders.portfolio.lookup import Lookup, NotConfigured, Outcome, Source
from hardware_orders.portfolio.service_state import state
from hardware_orders.portfolio.shared import key
from hardware_orders.portfolio.source import lookup_from
from tests.backends import valkey
from tests.database.test_locks import ANN, accepted
from tests.portfolio import customers
from tests.portfolio.service import PortfolioService, serving
from tests.system import eventually

# Each way to misbehave, and what an operator is told of it.
AWAY = {
    "slow": "did not answer within 3 s",
    "drip": "did not answer within 3 s",
    "error": "answered 503",
    "flapping": "answered 503",
    "closed": "broke its answer off",
    "truncated": "broke its answer off",
    "not-http": "what is no HTTP",
    "redirect": "a redirection, which is not followed",
    "not-modified": "answered 304, though",
    "garbage": "what is no JSON",
    "wrong-types": "portfolios that break the rules for them: portfolios[0].version",
    "wrong-customer": "portfolios of another customer",
    "empty": "no portfolio",
    "no-default": "portfolios that break the rules for them",
    "huge": "more than 1 MiB",
    "endless": "more than 1 MiB",
    "bomb": "a content encoding that was not asked for",
}
HARMLESS = ("no-content-type", "no-cache-headers", "odd-cache-headers")

Open = Callable[[], Source]


@pytest.fixture(scope="module")
def events_url() -> Iterator[str]:
    with valkey() as url:
        yield url


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    path = tmp_path_factory.mktemp("portfolios") / "portfolios.json"
    return path, customers.write(path, 2)


@pytest.fixture(scope="module")
def running(known: tuple[Path, list[str]]) -> Iterator[PortfolioService]:
    with serving(known[0]) as service:
        yield service


@pytest.fixture
def shared(events_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(events_url, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture
def service(running: PortfolioService, shared: redis.Redis) -> PortfolioService:
    shared.ping()
    running.misbehave()
    running.calls()
    return running


@pytest.fixture
def a_worker(service: PortfolioService, events_url: str) -> Iterator[Open]:
    """Opens what one more worker's child looks portfolios up by."""
    with ExitStack() as stack:

        def opened() -> Source:
            source = lookup_from(service.url, events_url=events_url)
            stack.callback(source.close)
            return source

        yield opened


@pytest.fixture
def customer(known: tuple[Path, list[str]]) -> str:
    return known[1][0]


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    yield database
    database.dispose()


def simplified(database: Database, customer: str, intent: Intent = Intent.SUBMIT) -> str:
    body = {"orderReference": "R-1", "customerEntityUid": customer}
    receive = Receive(identifiers.new(), json.dumps(body), body, intent, simplified=True, actor=ANN)
    [outcome] = store_by_halves(database, [Request(receive, None)])
    assert isinstance(outcome, Accepted)
    return receive.order_id


def settle(database: Database, lookup: Lookup, order_ids: Collection[str], *, swept: bool = False) -> process.Settled:
    return process.settle(database, lookup, order_ids, swept=swept, max_attempts=4)


def stored(database: Database, order_id: str) -> Order:
    with database.read() as connection:
        [order] = store.read(connection, [order_id])
    return order


def timeline(database: Database, order_id: str) -> list[str]:
    with database.read() as connection:
        return [row.type for row in log.of_order(connection, order_id, 0, 10)]


def assert_completed(database: Database, order_id: str) -> None:
    order = stored(database, order_id)
    assert (order.status, order.lookups, order.attempts) == (Status.SUBMITTED, 0, 0)
    assert order.body["notes"] == customers.NOTES
    assert timeline(database, order_id) == ["order.received", "order.submitted"]


@pytest.mark.parametrize("mode", AWAY)
def test_an_order_waits_for_a_service_that_misbehaves(
    mode: str, *, service: PortfolioService, a_worker: Open, sqlite: Database, customer: str, shared: redis.Redis
) -> None:
    order_id = simplified(sqlite, customer)
    before = stored(sqlite, order_id)
    service.misbehave(mode)
    assert settle(sqlite, a_worker(), [order_id]) == process.Settled((), 0)
    waiting = stored(sqlite, order_id)
    assert waiting == before._replace(due_at=waiting.due_at, lookups=1, failures=waiting.failures)
    (failed,) = waiting.failures
    assert (failed.cause, failed.times, AWAY[mode] in failed.reason) == (Cause.LOOKUP, 1, True)
    assert waiting.due_at
    assert before.due_at
    assert waiting.due_at > before.due_at
    assert timeline(sqlite, order_id) == ["order.received"]
    away = state(shared, service.url)
    assert away.is_away
    assert AWAY[mode] in str(away.error)
    counted = service.calls()
    assert (counted["total"], counted["followed"]) == (1, 0)

    service.misbehave()
    eventually(lambda: not shared.exists(key(service.url, "probe")))  # nobody asks before
    assert settle(sqlite, a_worker(), [order_id]) == process.Settled((order_id,), 1)
    assert_completed(sqlite, order_id)
    assert not state(shared, service.url).is_away


@pytest.mark.parametrize("mode", HARMLESS)
def test_what_does_not_matter_does_not_matter(
    mode: str, service: PortfolioService, a_worker: Open, sqlite: Database, customer: str
) -> None:
    order_id = simplified(sqlite, customer)
    service.misbehave(mode)
    settle(sqlite, a_worker(), [order_id])
    assert_completed(sqlite, order_id)


def test_a_customer_that_the_service_does_not_know_is_final_until_somebody_mends_it(
    service: PortfolioService, a_worker: Open, sqlite: Database, customer: str, shared: redis.Redis
) -> None:
    order_id = simplified(sqlite, customer)
    service.misbehave("not-found")
    assert settle(sqlite, a_worker(), [order_id]) == process.Settled((order_id,), 1)
    parked = stored(sqlite, order_id)
    assert (parked.status, parked.code, parked.due_at) == (Status.ONHOLD, Code.UNKNOWN_CUSTOMER, None)
    assert not state(shared, service.url).is_away

    service.misbehave()
    shared.delete(key(service.url, f"entry:{customer}"))  # or some seconds later
    change.change(sqlite, order_id, None, Submit(ANN))
    settle(sqlite, a_worker(), [order_id])
    assert stored(sqlite, order_id).status is Status.SUBMITTED


@pytest.mark.parametrize("swept", [False, True])
def test_orders_that_need_no_call_do_not_wait_for_those_that_do(
    service: PortfolioService, a_worker: Open, database: Database, customer: str, *, swept: bool
) -> None:
    source, gone_on = a_worker(), threading.Event()
    plain, needing = accepted(database, 2), [simplified(database, customer) for _ in range(2)]

    def ask(uids: Collection[str]) -> Mapping[str, Outcome]:
        assert gone_on.wait(30)
        return source(uids)

    def run(errands: Sequence[Errand]) -> int:
        order_ids = [order_id for errand in errands for order_id in errand.order_ids]
        return len(settle(database, ask, order_ids, swept=errands[0].swept).order_ids)

    beside = Beside(run)
    settled = settle(database, source.at_hand, [*plain, *needing], swept=swept)
    beside.add(settled.left, swept=swept, reply_to=None)
    assert (set(settled.order_ids), set(settled.left)) == (set(plain), set(needing))
    for order_id in needing:  # nothing was begun on them, so nothing is counted
        assert (stored(database, order_id).attempts, stored(database, order_id).is_waiting) == (0, True)
    assert service.calls()["total"] == 0
    gone_on.set()
    eventually(lambda: not any(stored(database, order_id).is_waiting for order_id in needing))
    beside.stop()
    for order_id in needing:
        assert_completed(database, order_id)
    assert service.calls()["total"] == 1

    again = simplified(database, customer)
    assert settle(database, source.at_hand, [again], swept=swept).order_ids == (again,)


def test_a_pinned_draft_is_submitted_without_a_call(
    service: PortfolioService, a_worker: Open, database: Database, customer: str, shared: redis.Redis
) -> None:
    plain, pinned = simplified(database, customer, Intent.DRAFT), simplified(database, customer, Intent.DRAFT)
    settle(database, a_worker(), [plain, pinned])
    draft = stored(database, pinned)
    service.misbehave("error")
    shared.flushdb()
    service.calls()
    change.change(database, plain, None, Submit(ANN))
    change.change(database, pinned, None, Submit(ANN, Intent.PINNED))
    source = a_worker()
    assert settle(database, source.at_hand, [plain, pinned]) == process.Settled((pinned,), 1, (plain,))
    assert service.calls()["total"] == 0
    order = stored(database, pinned)
    assert (order.status, order.body, order.derived) == (Status.SUBMITTED, draft.body, draft.derived)
    assert (order.portfolio_version, order.derived_at) == (draft.portfolio_version, draft.derived_at)


def test_waiting_for_a_lookup_is_no_start(database: Database, customer: str) -> None:
    order_id = simplified(database, customer)

    def at_hand(_: Collection[str]) -> Mapping[str, Outcome]:
        return {}

    for _ in range(10):
        assert settle(database, at_hand, [order_id], swept=True) == process.Settled((), 0, (order_id,))
    assert stored(database, order_id).attempts == 0
    settle(database, lambda uids: dict.fromkeys(uids, NotConfigured()), [order_id], swept=True)
    assert stored(database, order_id).code == Code.PORTFOLIO_NOT_CONFIGURED
