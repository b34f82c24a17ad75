"""A whole system under test: `hardware-orders up` as its own process, asked over HTTP and looked at in its stores."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
import redis

from hardware_orders import samples
from hardware_orders.api import local_key
from hardware_orders.client import Client
from hardware_orders.database import Database
from tests.backends import Backend, own_postgres
from tests.description import Description

START_SECONDS = 30
STOP_SECONDS = 30
ANN = "00000000-0000-4000-8000-00000000000a"
CUSTOMER = "7d0d5c5e-0d8e-4b57-9a0c-3c2a5d1f7e01"  # outside the sample portfolios


@dataclass
class System:
    """A running system, its API, and what is behind it."""

    url: str
    database: Database
    events: redis.Redis
    signing_key: Path
    process: subprocess.Popen[bytes]
    log: Path
    environment: Mapping[str, str]
    _tokens: dict[Any, str] = field(default_factory=dict)

    def token(self, *, sub: str = ANN, entities: tuple[str, ...] = ("*",), roles: tuple[str, ...] | None = None) -> str:
        granted = roles if roles is not None else ("orders:write", "orders:read", "events:read")
        wanted = (sub, entities, granted)
        if wanted not in self._tokens:
            key = local_key.load(self.signing_key)
            self._tokens[wanted] = local_key.issue(
                key, sub=sub, name="Ann Tester", entities=entities, roles=granted, seconds=3600
            )
        return self._tokens[wanted]

    @cached_property
    def description(self) -> Description:
        return Description(httpx2.get(f"{self.url}/openapi.json").json())

    def client(self, **identity: Any) -> httpx2.Client:
        """Every answer that it gets is held against the document."""
        headers = {"Authorization": f"Bearer {self.token(**identity)}"}
        hooks: Any = {"response": [self.description.check]}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=40, event_hooks=hooks)

    def orders(self, **identity: Any) -> Client:
        """The client of our own; `client` is the bare HTTP that it stands on."""
        return Client(self.url, self.token(**identity))

    def stream(self) -> list[tuple[int, dict[str, Any]]]:
        """(position, CloudEvent) of all entries."""
        entries: Any = self.events.xrange("hardware-orders:events")
        return [(int(entry_id.split("-")[0]), json.loads(fields["event"])) for entry_id, fields in entries]


def order(**extra: Any) -> dict[str, Any]:
    return {"orderReference": f"T-{uuid.uuid4().hex[:10]}", "customerEntityUid": CUSTOMER, **extra}


T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 15) -> T:
    """The first true thing that `look` sees; an AssertionError when it sees none in time."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.05)
    return seen


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running_on(backend: Backend, request: pytest.FixtureRequest, **chosen: str) -> Iterator[System]:
    """A system on this backend, in a folder and on databases of its own; with other settings, if these are `chosen`."""
    postgres = None if backend.name == "sqlite" else request.getfixturevalue("postgres")
    # A socket's path must be short, so this is not pytest's own folder.
    with (
        tempfile.TemporaryDirectory(prefix="ho-") as folder,
        backend.opened(Path(folder), postgres) as settings,
        running(Path(folder), {**settings, **chosen}) as system,
    ):
        yield system


@contextmanager
def running(folder: Path, settings: Mapping[str, str]) -> Iterator[System]:
    """Start `hardware-orders up`, wait until it is ready, and stop it in order.

    On PostgreSQL its processes log in as nobody who owns anything; the tests look as who the settings name.
    """
    port = free_port()
    chosen = {"PORT": str(port), "LOG_FORMAT": "json", **settings}
    chosen.setdefault("PORTFOLIO_URL", f"file:{samples.portfolios_path()}")
    with ExitStack() as stack:
        services = dict(chosen)
        if chosen.get("DATABASE_URL", "").startswith("postgresql:"):
            services["DATABASE_URL"] = stack.enter_context(own_postgres.login(chosen["DATABASE_URL"]))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HARDWARE_ORDERS_")},
            **{f"HARDWARE_ORDERS_{name}": value for name, value in services.items()},
        }
        log = folder / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "hardware_orders", "up"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder,
            )
        stack.callback(stop, process)
        _wait_until_ready(process, log)
        system = _opened(port, chosen, process, log, environment)
        yield system
        system.database.dispose()
        system.events.close()


def stop(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while b"Ready after" not in log.read_bytes():
        assert process.poll() is None, f"`up` ended:\n{log.read_text()}"
        assert time.monotonic() < until, f"`up` is not ready:\n{log.read_text()}"
        time.sleep(0.05)


def _opened(
    port: int, chosen: Mapping[str, str], process: subprocess.Popen[bytes], log: Path, environment: Mapping[str, str]
) -> System:
    if "DATABASE_URL" in chosen:
        database_url, events_url = chosen["DATABASE_URL"], chosen["EVENTS_URL"]
        signing_key = Path(chosen["LOCAL_SIGNING_KEY"])
    else:
        data = Path(chosen["DATA_DIR"])
        database_url, signing_key = f"sqlite:///{data}/orders.db", data / "signing-key.json"
        events_url = f"unix://{data}/valkey.sock?db=1"
    return System(
        url=f"http://127.0.0.1:{port}",
        database=Database(database_url),
        events=redis.Redis.from_url(events_url, decode_responses=True),
        signing_key=signing_key,
        process=process,
        log=log,
        environment=environment,
    )
