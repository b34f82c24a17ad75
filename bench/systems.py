"""The systems under load: the baseline and the project on servers, and the project on its embedded default."""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from bench import cpu, orders
from bench.processes import PYTHON, free_ports, is_listening, run_to_end, running
from bench.servers import BASELINE_DATABASE, PROJECT_DATABASE, Postgres, Redis

HERE = Path(__file__).parent.parent
PREFIX = "HARDWARE_ORDERS_"
PATH = "/orders/hardware"
PROJECT_STREAM = "hardware-orders:events"
BASELINE_STREAM = "order-events"
PROJECT_EVENTS = 2  # of an order that is accepted and settled: order.received, and what became of it
# Counts once, when a round is over: what is settled and will not change by itself.
PROJECT_SETTLED = "SELECT count(*) FROM orders WHERE due_at IS NULL AND status IN ('DRAFT', 'SUBMITTED')"
BASELINE_SETTLED = "SELECT count(*) FROM orders WHERE status IN ('DRAFT', 'SUBMITTED')"


@dataclass(frozen=True, slots=True)
class System:
    """Where to send orders, where they come out, and which processes do the work."""

    name: str
    port: int
    events_url: str
    stream: str
    events_per_order: int
    settled_orders: Callable[[], int]
    processes: Callable[[], Mapping[str, Collection[int]]]
    headers: Mapping[str, str] = field(default_factory=dict)

    def events(self) -> int:
        """How many events the stream has ever got."""
        with redis.Redis.from_url(self.events_url) as client:
            if not client.exists(self.stream):
                return 0
            return int(client.xinfo_stream(self.stream)["entries-added"])


@contextlib.contextmanager
def baseline(servers: tuple[Postgres, Redis], folder: Path) -> Iterator[System]:
    """The tutorial's design: API, Celery with two worker processes, relay."""
    postgres, redis_server = servers
    url, port = postgres.database_url(BASELINE_DATABASE), next(free_ports())
    events_url = redis_server.database_url(0)
    env = {
        **os.environ,
        "BASELINE_DATABASE_URL": url.replace("postgresql://", "postgresql+psycopg://", 1),
        "BASELINE_REDIS_URL": events_url,
    }
    commands = {
        "api": ["uvicorn", "bench.baseline.api:app", "--port", str(port)],
        "worker": ["celery", "-A", "bench.baseline.tasks", "worker", "-P", "prefork", "-c", "2", "-l", "INFO"],
        "relay": ["bench.baseline.relay"],
    }
    run_to_end([*PYTHON, "bench.baseline.schema"], env, HERE)
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(running(f"baseline-{name}", [*PYTHON, *words], env, HERE, folder))
            for name, words in commands.items()
        }
        started["api"].wait_until(lambda: is_listening(port))
        pids = {name: [process.popen.pid] for name, process in started.items()}

        def processes() -> Mapping[str, Collection[int]]:
            return {**pids, "redis": [redis_server.process.popen.pid], "postgres": postgres.backends(BASELINE_DATABASE)}

        def settled() -> int:
            return _counted(url, BASELINE_SETTLED)

        yield System("baseline", port, events_url, BASELINE_STREAM, 1, settled, processes)


@contextlib.contextmanager
def project(servers: tuple[Postgres, Redis], folder: Path, **settings: str) -> Iterator[System]:
    """The project on the same servers: one API, one worker, one relay, each as an operator would start it.

    `settings` by their names without the prefix, in place of those that the benchmark chooses.
    """
    postgres, redis_server = servers
    url, port = postgres.database_url(PROJECT_DATABASE), next(free_ports())
    events_url = redis_server.database_url(2)
    named = {"DATABASE_URL": url, "BROKER_URL": redis_server.database_url(1), "EVENTS_URL": events_url}
    env = _project_env(folder, port, **named | settings)
    run_to_end([*PYTHON, "hardware_orders", "migrate"], env, folder)
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(
                running(f"project-{name}", [*PYTHON, "hardware_orders", name], env, folder, folder)
            )
            for name in ("relay", "worker", "api")
        }
        started["api"].wait_until(lambda: is_listening(port))
        pids = {name: [process.popen.pid] for name, process in started.items()}

        def processes() -> Mapping[str, Collection[int]]:
            return {**pids, "redis": [redis_server.process.popen.pid], "postgres": postgres.backends(PROJECT_DATABASE)}

        def settled() -> int:
            return _counted(url, PROJECT_SETTLED)

        yield System(
            "project", port, events_url, PROJECT_STREAM, PROJECT_EVENTS, settled, processes, _bearer(env, folder)
        )


@contextlib.contextmanager
def embedded(folder: Path) -> Iterator[System]:
    """`hardware-orders up` without any server: SQLite and a Valkey of its own, in a folder of its own."""
    port, data_dir = next(free_ports()), folder / "data"
    env = _project_env(folder, port, DATA_DIR=str(data_dir))
    with running("embedded", [*PYTHON, "hardware_orders", "up"], env, folder, folder) as up:
        up.wait_until(lambda: "Ready after" in up.log.read_text(errors="replace"))

        def processes() -> Mapping[str, Collection[int]]:
            found = cpu.children_by_word(up.popen.pid, ("api", "worker", "relay", "valkey", "redis"))
            return {"redis" if name == "valkey" else name: [pid] for name, pid in found.items()}

        def settled() -> int:
            with contextlib.closing(sqlite3.connect(data_dir / "orders.db")) as connection:
                return int(connection.execute(PROJECT_SETTLED).fetchone()[0])

        events_url = f"unix://{data_dir / 'valkey.sock'}?db=1"
        yield System(
            "embedded", port, events_url, PROJECT_STREAM, PROJECT_EVENTS, settled, processes, _bearer(env, folder)
        )


def _project_env(folder: Path, port: int, **values: str) -> dict[str, str]:
    """The environment of the project's processes: none of this machine's own settings, and no `.env` file's."""
    portfolios = folder / "portfolios.json"
    portfolios.write_text(json.dumps(orders.portfolio_document()))
    values = {
        "PORT": str(port),
        "PORTFOLIO_URL": f"file:{portfolios}",
        "LOCAL_SIGNING_KEY": str(folder / "signing-key.json"),
    } | values
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return inherited | {PREFIX + name: value for name, value in values.items()}


def _bearer(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    words = ["token", "--sub", "00000000-0000-4000-8000-000000000001", "--entity", "*", "--role", "orders:write"]
    return {"Authorization": f"Bearer {run_to_end([*PYTHON, 'hardware_orders', *words], env, folder)}"}


def _counted(url: str, query: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0
