"""A whole system whose Portfolio Service goes away under load: orders that do not need it go on, the others wait."""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hardware_orders.contract.enums import Status
from hardware_orders.portfolio.service_state import ServiceState, state
from hardware_orders.tables import order_events, orders
from tests.faults.load import Load, Request
from tests.faults.rig import show_log
from tests.portfolio import customers
from tests.portfolio.service import PortfolioService, serving
from tests.system import CUSTOMER, System, eventually, order, running, stop

CUSTOMERS = 400  # more than are met before the service goes away, so that some are new to everybody
RATE = 25.0
AWAY_SECONDS = 5.0
CALLS_A_SECOND = 5
# The promise is 30 s, which the report shows; a machine that is busy otherwise gets twice that.
RETURN_SECONDS = 60


@dataclass
class Outage:
    """A system that asks a service in this process."""

    system: System
    service: PortfolioService
    customers: Sequence[str]

    def waiting(self, *, is_simplified: bool) -> int:
        """Orders of this kind that are not settled."""
        condition = (orders.c.due_at.is_not(None), orders.c.simplified.is_(is_simplified))
        with self.system.database.read() as connection:
            return connection.execute(select(func.count()).select_from(orders).where(*condition)).scalar_one()

    def state(self) -> ServiceState:
        return state(self.system.events, self.service.url)


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    folder = tmp_path_factory.mktemp("outage")
    path = folder / "portfolios.json"
    known = customers.write(path, CUSTOMERS)
    with serving(path) as service, running(folder, settings(folder, service)) as system:
        yield Outage(system, service, known)
        show_log(system)


def settings(folder: Path, service: PortfolioService) -> dict[str, str]:
    return {"DATA_DIR": str(folder / "data"), "PORTFOLIO_URL": service.url}


def half_simplified(known: Sequence[str]) -> Iterator[Request]:
    """Orders without end, every other of them to be completed from the portfolio of one of these customers."""
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    for number in range(1_000_000):
        kind, customer = ("SIMPLIFIED", chance.choice(known)) if number % 2 else ("SUBMIT", CUSTOMER)
        reference = f"{seed}-{number}"
        body = {"orderReference": reference, "customerEntityUid": customer}
        yield Request(reference, kind, None, json.dumps(body))


def test_orders_that_need_no_portfolio_go_on_and_the_others_settle_after_the_return(
    outage: Outage, report: Callable[[str], None]
) -> None:
    system, service = outage.system, outage.service
    with Load(system.url, system.token(), half_simplified(outage.customers), RATE) as load:
        eventually(lambda: outage.state().calls > 5)
        service.misbehave("error")
        service.calls()
        away_at = time.monotonic()
        eventually(lambda: outage.state().is_away)
        time.sleep(AWAY_SECONDS / 2)
        service.misbehave("slow", seconds=60)
        time.sleep(AWAY_SECONDS / 2)
        waiting = outage.waiting(is_simplified=True)
        load.stop()
        # While it is still away: whatever needs no portfolio is settled.
        eventually(lambda: outage.waiting(is_simplified=False) == 0)
        calls, seconds = service.calls()["total"], time.monotonic() - away_at
        assert outage.state().is_away
    back_at = time.monotonic()
    service.misbehave()
    eventually(lambda: outage.waiting(is_simplified=True) == 0, RETURN_SECONDS)
    report(
        f"Portfolio Service away for {seconds:.0f} s: {len(load.journal)} orders, {waiting} waited, {calls} calls,"
        f" all settled {time.monotonic() - back_at:.1f} s after its return"
    )
    assert waiting
    assert calls < CALLS_A_SECOND * seconds
    assert {request.status for request in load.journal} <= {200, 202}
    assert_all_settled_once(outage, len(load.journal))
    assert not outage.state().is_away


def assert_all_settled_once(outage: Outage, sent: int) -> None:
    of_each = select(order_events.c.order_id, func.count().label("events")).group_by(order_events.c.order_id).subquery()
    statuses = select(orders.c.status, of_each.c.events, func.count()).join(
        of_each, of_each.c.order_id == orders.c.order_id
    )
    with outage.system.database.read() as connection:
        found = connection.execute(statuses.group_by(orders.c.status, of_each.c.events)).all()
    assert [tuple(row) for row in found] == [(Status.SUBMITTED.value, 2, sent)]


def test_a_caller_who_waits_gets_the_completed_order(outage: Outage) -> None:
    with outage.system.client() as client:
        body = order(customerEntityUid=outage.customers[0])
        headers = {"X-Use-Simplified-Order-Flow": "true", "Prefer": "wait=30"}
        answer = client.post("/orders/hardware", json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["notes"] == customers.NOTES


def test_a_stop_waits_for_the_service_within_its_bounds_and_loses_nothing(outage: Outage) -> None:
    """The last one here, for it ends the system."""
    outage.service.calls()
    outage.service.misbehave("slow", seconds=60)
    with outage.system.client() as client:
        headers = {"X-Use-Simplified-Order-Flow": "true", "Prefer": "respond-async"}
        body = order(customerEntityUid=str(uuid.uuid4()))
        made = client.post("/orders/hardware", json=body, headers=headers).json()
    eventually(lambda: outage.service.calls()["total"])
    assert stop(outage.system.process) == 0
    with outage.system.database.read() as connection:
        mine = orders.c.order_id == made["orderId"]
        left = connection.execute(select(orders.c.status, orders.c.due_at, orders.c.lookups).where(mine)).one()
    assert left.status == Status.RECEIVED.value
    assert left.due_at
    assert left.lookups  # what was under way came to its end
