"""The commands, health checks and stops of docker-compose.yml, tried on processes of this machine."""

import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import redis

from hardware_orders.api import local_key
from tests import backends
from tests.backends import BACKENDS, POSTGRES, REDIS, Backend, Postgres, Program
from tests.compose.compose_file import services
from tests.compose.local_processes import Deployment
from tests.system import ANN, eventually, free_port, order

PASSWORD = "letters-only"
SAMPLES = "./src/hardware_orders/samples"
MIRABEAU = "c0a8f3de-51b2-4e0f-8a6d-7b1e94d2f101"  # a customer of the sample portfolios
DATABASE_URL = f"postgresql://orders:{PASSWORD}@postgres:5432/orders"
REDIS_URL = "redis://redis:6379/0"
RABBITMQ_URL = f"amqp://orders:{PASSWORD}@rabbitmq:5672/orders"
EVENTS_URL = "redis://redis:6379/1"
SIGNING_KEY = "/var/lib/hardware-orders/signing-key.json"
HEARTBEAT = "/tmp/heartbeat"  # noqa: S108  # inside a container


@pytest.fixture(scope="module", params=BACKENDS[1:], ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    """The brokers that docker-compose.yml has: Redis, and under its profile RabbitMQ."""
    found: Backend = request.param
    if reason := found.absence():
        pytest.skip(reason)
    if absent := [name for name in ("pg_isready", "redis-cli") if not shutil.which(name)]:
        pytest.skip(f"no {', '.join(absent)}, which the health checks need")
    return found


@pytest.fixture(scope="module")
def deployment(backend: Backend, postgres: Postgres) -> Iterator[Deployment]:
    rabbitmq = backend.name == "postgresql-rabbitmq"
    environment = {"POSTGRES_PASSWORD": PASSWORD, "PORTFOLIOS": SAMPLES, "BROKER_URL": RABBITMQ_URL if rabbitmq else ""}
    chosen = services(environment, frozenset({"rabbitmq"} if rabbitmq else ()))
    with (
        tempfile.TemporaryDirectory(prefix="ho-") as folder,
        empty_database() as database,
        backend.opened(Path(folder), postgres) as found,
    ):
        broker = RABBITMQ_URL if rabbitmq else REDIS_URL
        stores = {DATABASE_URL: database, broker: found["BROKER_URL"], EVENTS_URL: found["EVENTS_URL"]}
        deployed = Deployment(chosen, Path(folder), stores, rewritten())
        try:
            deployed.up()
            yield deployed
        finally:
            deployed.kill()


@contextmanager
def empty_database() -> Iterator[str]:
    """The URL of a database without any table: the migration job is to make them."""
    name = f"hardware_orders_test_{uuid.uuid4().hex[:12]}"
    with backends._made(name, "template1"):
        yield backends._url(name)


def rewritten() -> dict[str, dict[str, str]]:
    """Where the health checks of the stores find them here, and where the API listens."""
    places = {"postgres": ("5432", POSTGRES), "redis": ("6379", REDIS)}
    here = {
        name: {"127.0.0.1": urlsplit(url).hostname or "", port: str(urlsplit(url).port)}
        for name, (port, url) in places.items()
    }
    return {**here, "api": {"0.0.0.0": "127.0.0.1", "8000": str(free_port())}}  # noqa: S104


def post(deployment: Deployment, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    key = local_key.load(deployment.path("api", SIGNING_KEY))
    token = local_key.issue(key, sub=ANN, name="Ann", entities=["*"], roles=["orders:write"], seconds=60)
    url = f"http://127.0.0.1:{deployment.rewritten['api']['8000']}/orders/hardware"
    return httpx2.post(url, json=body, headers={"Authorization": f"Bearer {token}", **(headers or {})}, timeout=30)


def test_an_order_is_settled_and_told(deployment: Deployment) -> None:
    answer = post(deployment, order(notes="Ring twice."))
    assert (answer.status_code, answer.json()["status"]) == (200, "SUBMITTED")
    with redis.Redis.from_url(deployment.stores[EVENTS_URL]) as events:
        told = eventually(lambda: b"order.submitted" in b"".join(field for _, field in published(events)))
    assert told


def published(events: Any) -> list[tuple[bytes, bytes]]:
    return [pair for _, fields in events.xrange("hardware-orders:events") for pair in fields.items()]


def test_the_mounted_portfolios_complete_an_order(deployment: Deployment) -> None:
    body = {"orderReference": f"T-{uuid.uuid4().hex[:10]}", "customerEntityUid": MIRABEAU}
    answer = post(deployment, body, {"X-Use-Simplified-Order-Flow": "true"})
    assert (answer.status_code, answer.json()["status"]) == (200, "SUBMITTED")


@pytest.mark.parametrize("name", ["worker", "relay"])
def test_the_check_of_a_heartbeat_fails_when_there_is_none(deployment: Deployment, name: str) -> None:
    process = deployment.processes[name]
    process.send_signal(signal.SIGSTOP)
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        os.utime(deployment.path(name, HEARTBEAT), (0, 0))  # its last one is long ago
        assert not deployment.is_healthy(name)
    finally:
        process.send_signal(signal.SIGCONT)
    assert eventually(lambda: deployment.is_healthy(name))


# The last one: nothing runs after it.
def test_everything_stops_in_order_and_in_time(deployment: Deployment) -> None:
    assert list(deployment.down().items()) == [("api", 0), ("worker", 0), ("relay", 0), ("migrate", 0)]
    assert not deployment.is_healthy("api")


def test_redis_starts_as_it_is_told_to(redis_server: Program) -> None:
    assert redis_server.program
    service = services({})["redis"]
    port = str(free_port())
    with tempfile.TemporaryDirectory(prefix="ho-") as folder:
        place = ["--port", port, "--bind", "127.0.0.1", "--dir", folder]
        with subprocess.Popen(
            [redis_server.program, *service["command"][1:], *place], stdout=subprocess.DEVNULL
        ) as process:
            deployed = Deployment({"redis": service}, Path(folder), {}, {"redis": {"6379": port}}, {"redis": process})
            try:
                eventually(lambda: deployed.is_healthy("redis"))
                with redis.Redis(port=int(port)) as client:
                    assert client.config_get("maxmemory*")["maxmemory"] == str(2 << 30)
            finally:
                process.terminate()
        assert process.returncode == 0
        assert not deployed.is_healthy("redis")
