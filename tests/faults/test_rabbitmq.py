"""RabbitMQ that hangs up on everybody, and that loses its queues, under load. Only a virtual host of the test's own."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.backends import RABBITMQ, Backend, Postgres, _rabbitmqctl
from tests.faults.rig import Rig, show_log
from tests.system import running


@pytest.fixture
def rabbitmq() -> Backend:
    backend = Backend("postgresql-rabbitmq")
    reason = backend.absence()
    if reason:
        pytest.skip(reason)
    return backend


@pytest.fixture
def rig(rabbitmq: Backend, folder: Path, postgres: Postgres, report: Callable[[str], None]) -> Iterator[Rig]:
    with rabbitmq.opened(folder, postgres) as settings, running(folder, settings) as system:
        yield Rig(rabbitmq.name, system, report)
        show_log(system)


@pytest.fixture
def virtual_host(rig: Rig) -> str:
    return urlsplit(rig.system.environment["HARDWARE_ORDERS_BROKER_URL"]).path.removeprefix("/")


def test_all_connections_are_closed(rig: Rig, virtual_host: str) -> None:
    with rig.loaded("all connections closed, twice"):
        for _ in range(2):
            time.sleep(1)
            _rabbitmqctl("close_all_connections", "--vhost", virtual_host, "a test")


def test_the_virtual_host_goes_away_and_comes_back_empty(rig: Rig, virtual_host: str) -> None:
    with rig.loaded("virtual host deleted, made anew"):
        time.sleep(1)
        _rabbitmqctl("delete_vhost", virtual_host)
        time.sleep(3)
        _rabbitmqctl("add_vhost", virtual_host)
        _rabbitmqctl("set_permissions", "-p", virtual_host, urlsplit(RABBITMQ).username or "guest", ".*", ".*", ".*")
        time.sleep(1)
