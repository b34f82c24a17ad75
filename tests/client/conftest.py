from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from hardware_orders.client import Client
from tests.client.scripted import Service, serving


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hardware_orders.client.retries.PAUSE_FIRST_SECONDS", 0.01)


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, "TOKEN", tries=3, seconds=30) as client:
        yield client


@pytest.fixture
def client_with(service: Service) -> Iterator[Callable[..., Client]]:
    """A client of the scripted service with other bounds."""
    with ExitStack() as opened:
        yield lambda **options: opened.enter_context(Client(service.url, options.pop("token", "TOKEN"), **options))
