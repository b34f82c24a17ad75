"""`/metrics` in memory, broker and Redis away: it still answers, tells nobody's data to nobody, and is read once."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hardware_orders.api import metrics as module
from hardware_orders.api.metrics import Metrics
from hardware_orders.broker import Ringer
from hardware_orders.database import Database
from hardware_orders.migrations.upgrade import migrate
from hardware_orders.roles import Role
from hardware_orders.sampling.metrics import Surroundings, families
from hardware_orders.sampling.sample import Sample
from hardware_orders.sampling.scrape import Scrape
from tests.dashboard.site import NOWHERE, OURS, Site
from tests.system import eventually

PREFIX = "hardware_orders_"


def values(text: str) -> dict[str, float]:
    """Each sample by its name without the prefix, and the values of its labels."""
    return {
        " ".join([sample.name.removeprefix(PREFIX), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    opened.dispose()


def test_it_answers_before_the_first_sample_and_while_the_broker_is_away(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.token(Role.ORDERS_READ)}"}
    answer = site.client.get("/metrics", headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"

    def scraped(name: str) -> dict[str, float]:
        """All of it, once this is neither 0 nor unknown."""
        found = values(site.client.get("/metrics", headers=headers).text)
        return found if found.get(name) else {}

    found = eventually(lambda: scraped("database_up"))
    assert (found["broker_up"], found["events_up"]) == (0, 0)
    assert {"sample_timestamp_seconds", "orders_waiting", "broker_queue_messages"}.isdisjoint(found)
    site.order(parked=True)
    site.sample()
    found = eventually(lambda: scraped("sample_timestamp_seconds"))
    assert (found["orders ONHOLD"], found["orders_received_total"]) == (1, 1)
    assert found["orders_parked UNKNOWN_CUSTOMER"] == 1
    assert "workers" not in found, "nobody knows while Redis is away"


@pytest.mark.parametrize(
    ("roles", "entities", "status"),
    [
        ((Role.ADMIN,), ("*",), 200),
        ((Role.ORDERS_READ,), ("*",), 200),
        ((Role.ORDERS_READ,), (OURS,), 403),
        ((Role.ORDERS_WRITE, Role.EVENTS_READ), ("*",), 403),
    ],
)
def test_totals_are_for_who_may_see_all_orders(
    site: Site, roles: tuple[Role, ...], entities: tuple[str, ...], status: int
) -> None:
    token = site.token(*roles, entities=entities)
    assert site.client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code == status


def test_without_a_token_it_is_open_at_this_machine_alone(site: Site, open_site: Site) -> None:
    assert site.client.get("/metrics").status_code == 401
    assert open_site.client.get("/metrics").status_code == 200
    for headers in ({"X-Forwarded-For": "10.0.0.1"}, {"Host": "orders.example"}):
        assert open_site.client.get("/metrics", headers=headers).status_code == 401


def test_however_many_scrapers_it_is_read_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 3_600.0)

    class Counted(Scrape):
        reads = 0

        def text(self) -> bytes:
            self.reads += 1
            return super().text()

    scrape = Counted(database, Ringer(NOWHERE), lambda: True)
    try:

        async def ask() -> set[bytes]:
            metrics = Metrics(scrape, is_open=False)
            return set(await asyncio.gather(*(metrics.text() for _ in range(50))))

        assert len(asyncio.run(ask())) == 1
        assert scrape.reads == 1
    finally:
        scrape.close()


def test_a_broker_that_hangs_is_away_and_is_not_asked_twice_at_once(database: Database) -> None:
    answers = threading.Event()

    class Hanging(Ringer):
        asked = 0

        def queued(self) -> int:
            self.asked += 1
            answers.wait(60)
            return 7

    ringer = Hanging(NOWHERE)
    scrape = Scrape(database, ringer, lambda: True)
    try:
        for _ in range(2):
            assert values(scrape.text().decode())["broker_up"] == 0
        assert ringer.asked == 1
    finally:
        answers.set()
        scrape.close()


def test_a_database_that_is_away_is_a_metric(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/orders.db")
    migrate(database)
    scrape = Scrape(database, Ringer(NOWHERE), lambda: True)
    try:
        assert eventually(lambda: values(scrape.text().decode())["database_up"] == 1)
        with database.write() as connection:
            connection.exec_driver_sql("DROP TABLE samples")
        assert values(scrape.text().decode())["database_up"] == 0
    finally:
        scrape.close()
        database.dispose()


def test_a_code_that_is_not_known_makes_no_series() -> None:
    data = {
        "statuses": {}, "received": 0, "settled": 0, "last": 0, "published": 0, "stalled": 0, "stalledAfter": 60,
        "unnumbered": {"count": 0, "oldest": 0}, "waiting": {"count": 0, "oldest": 0},
        "waits": dict.fromkeys(("p50", "p95", "p99")), "latency": dict.fromkeys(("p50", "p95", "p99")),
        "workers": [], "webhooks": {}, "portfolios": {"source": "service", "state": None},
        "parked": {"POISON": 1, "Ann Tester": 2, "": 3},
    }  # fmt: skip
    found = {family.name: family for family in families(Surroundings("1", True, True, 0), Sample(1, data))}
    parked = {sample.labels["code"]: sample.value for sample in found[f"{PREFIX}orders_parked"].samples}
    assert (parked["POISON"], parked["OTHER"], "Ann Tester" in parked) == (1, 5, False)
    assert found[f"{PREFIX}portfolio_breaker_open"].samples == [], "nobody knows while Redis is away"
