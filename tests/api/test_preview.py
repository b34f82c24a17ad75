"""A preview from each kind of source: what it answers, what it says when no portfolio completes the order, its bound."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from hardware_orders.api import local_key
from hardware_orders.api.context import LOOKUPS_MOST, Context
from hardware_orders.app import create_app
from hardware_orders.roles import Role
from hardware_orders.settings import Settings
from tests.portfolio import customers
from tests.portfolio.service import PortfolioService, serving

PATH = "/orders/hardware/preview"
NOWHERE = "redis://127.0.0.1:1"
FOREIGN = "00000000-0000-4000-8000-000000000007"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    path = tmp_path_factory.mktemp("portfolios") / "portfolios.json"
    return path, customers.write(path, 2)


@pytest.fixture(scope="module")
def service(known: tuple[Path, list[str]]) -> Iterator[PortfolioService]:
    with serving(known[0]) as service:
        yield service


def running(sqlite_url: str, folder: Path, portfolio_url: str | None) -> TestClient:
    settings = {
        "database_url": sqlite_url,
        "broker_url": NOWHERE,
        "events_url": NOWHERE,
        "local_signing_key": folder / "key.json",
        "portfolio_url": portfolio_url,
    }
    app = create_app(Settings.model_validate(settings))
    key = local_key.load(folder / "key.json")
    token = local_key.issue(key, sub="u-ada", name="Ada", entities=["*"], roles=[Role.ORDERS_WRITE], seconds=600)
    return TestClient(app, headers={"Authorization": f"Bearer {token}"})


def ask(client: TestClient, customer: str, **members: Any) -> httpx2.Response:
    return client.post(PATH, json={"orderReference": "P-1", "customerEntityUid": customer, **members})


def test_a_portfolio_of_the_service_completes_it_and_its_customer_is_asked_about_once(
    sqlite_url: str, tmp_path: Path, known: tuple[Path, list[str]], service: PortfolioService
) -> None:
    customer, other = known[1]
    service.calls()
    with running(sqlite_url, tmp_path, service.url) as client:
        first, again = ask(client, customer), ask(client, customer, poRef="4711")
        take_every_lookup(client)
        at_hand, refused = ask(client, customer), ask(client, other)
    assert (first.status_code, first.json()["order"]["notes"]) == (200, customers.NOTES)
    assert first.json()["derivedFields"][0].keys() == {
        *("pointer", "value", "origin", "portfolioUid", "version", "rule"),
    }
    assert (again.json()["order"]["poRef"], at_hand.status_code) == ("4711", 200)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "Too many previews" in refused.json()["detail"]
    assert service.calls()["total"] == 1


def take_every_lookup(client: TestClient) -> None:
    """As previews do that wait for the service."""
    service: Context = client.app.state.context  # type: ignore[attr-defined]  # typed as any ASGI application
    assert client.portal
    for _ in range(LOOKUPS_MOST):
        client.portal.call(service.lookups.acquire)


def test_while_the_service_is_away_it_says_to_ask_again(
    sqlite_url: str, tmp_path: Path, known: tuple[Path, list[str]], service: PortfolioService
) -> None:
    service.misbehave("error")
    with running(sqlite_url, tmp_path, service.url) as client:
        answer = ask(client, known[1][0])
    service.misbehave()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert service.url not in answer.text


@pytest.mark.parametrize(
    ("source", "members", "param", "code"),
    [
        ("file", {"customerEntityUid": FOREIGN}, "customerEntityUid", "unknown_customer"),
        (
            "file",
            {"packageDetails": {"portfolioUid": FOREIGN}},
            "packageDetails.portfolioUid",
            "unknown_portfolio",
        ),
        ("none", {}, None, "portfolio_not_configured"),
    ],
)
def test_no_portfolio_is_a_problem_with_its_remedy(
    sqlite_url: str,
    tmp_path: Path,
    known: tuple[Path, list[str]],
    *,
    source: str,
    members: dict[str, Any],
    param: str | None,
    code: str,
) -> None:
    path, (customer, _) = known
    with running(sqlite_url, tmp_path, f"file:{path}" if source == "file" else None) as client:
        answer = client.post(PATH, json={"orderReference": "P-1", "customerEntityUid": customer, **members})
    problem = answer.json()
    assert (answer.status_code, problem.get("param")) == (409, param)
    assert [error["code"] for error in problem["errors"]] == [code]
    assert problem["detail"].count(". ") == 1, "what is wrong, and the remedy"
