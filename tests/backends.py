"""The backends that the path tests run on, where they are found, and what is made on each for this run alone."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from hardware_orders.database import Database, DatabaseRole
from hardware_orders.embedded import valkey as embedded_valkey
from hardware_orders.migrations.upgrade import migrate

POSTGRES = os.environ.get("HARDWARE_ORDERS_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("HARDWARE_ORDERS_TEST_REDIS", "redis://127.0.0.1:6379")
RABBITMQ = os.environ.get("HARDWARE_ORDERS_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672")


@cache
def is_listening(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=1):
            return True
    except OSError:
        return False


class Postgres:
    """A migrated template database; `clone` makes a copy of it in some ten milliseconds."""

    def __init__(self, template: str) -> None:
        self._template = template

    @contextmanager
    def clone(self) -> Iterator[str]:
        name = f"hardware_orders_test_{uuid.uuid4().hex[:12]}"
        with _made(name, self._template):
            yield _url(name)


@contextmanager
def _made(name: str, template: str) -> Iterator[None]:
    with psycopg.connect(POSTGRES, autocommit=True) as admin:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        admin.execute(made)
    try:
        yield
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(name: str) -> str:
    return urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()


class own_postgres:  # noqa: N801  # a namespace of three functions
    @staticmethod
    def absence() -> str | None:
        """Why there is no PostgreSQL to test on; None when there is one."""
        if not is_listening(POSTGRES):
            return f"no PostgreSQL at {urlsplit(POSTGRES).netloc}"
        try:
            with psycopg.connect(POSTGRES, connect_timeout=3):
                return None
        except psycopg.Error as error:
            return f"PostgreSQL refuses: {str(error).splitlines()[0]}"

    @staticmethod
    @contextmanager
    def template() -> Iterator[Postgres]:
        name = f"hardware_orders_test_{uuid.uuid4().hex[:12]}"
        with _made(name, "template1"):
            database = Database(_url(name))
            migrate(database)
            database.dispose()
            yield Postgres(name)

    @staticmethod
    @contextmanager
    def login(
        url: str, *, attributes: LiteralString = "NOINHERIT", roles: Iterable[str] = tuple(DatabaseRole)
    ) -> Iterator[str]:
        """A database's URL for a login that owns nothing, and may do nothing but take on the services' roles."""
        name, password = f"hardware_orders_test_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
        login = sql.Identifier(name)
        with psycopg.connect(url, autocommit=True) as admin:
            made = sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}")
            admin.execute(made.format(login, sql.SQL(attributes), sql.Literal(password)))
            for role in roles:
                admin.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), login))
        try:
            parts = urlsplit(url)
            yield parts._replace(netloc=f"{name}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()
        finally:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(sql.SQL("DROP ROLE {}").format(login))


@dataclass(frozen=True)
class Backend:
    """One combination of servers. `opened` gives the settings of a system on it, and cleans up after."""

    name: str

    def absence(self) -> str | None:
        if self.name == "sqlite":
            return None
        missing = own_postgres.absence()
        if missing:
            return missing
        if not is_listening(REDIS):
            return f"no Redis at {urlsplit(REDIS).netloc}"
        if self.name == "postgresql-rabbitmq":
            if not is_listening(RABBITMQ):
                return f"no RabbitMQ at {urlsplit(RABBITMQ).hostname}"
            if not shutil.which("rabbitmqctl"):
                return "no rabbitmqctl to make a virtual host with"
        return None

    @contextmanager
    def opened(self, folder: Path, postgres: Postgres | None) -> Iterator[dict[str, str]]:
        if self.name == "sqlite" or postgres is None:
            yield {"DATA_DIR": str(folder / "data")}
            return
        with postgres.clone() as url, redis_database() as events, _broker(self.name) as broker:
            yield {
                "DATABASE_URL": url,
                "EVENTS_URL": events,
                "BROKER_URL": broker,
                "LOCAL_SIGNING_KEY": str(folder / "signing-key.json"),
            }


@contextmanager
def redis_database() -> Iterator[str]:
    """A logical database that was empty, so that emptying it afterwards takes nothing from anybody."""
    for number in range(15, 0, -1):
        url = f"{REDIS}/{number}"
        client = redis.Redis.from_url(url)
        if client.dbsize() == 0:
            client.set("hardware-orders-test", "taken")
            try:
                yield url
            finally:
                client.flushdb()
                client.close()
            return
        client.close()
    raise AssertionError("no empty logical Redis database from 15 to 1")


@contextmanager
def valkey() -> Iterator[str]:
    """A server of the test's own, on a socket; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="ho-") as folder:
        server = embedded_valkey.server(Path(folder), Path(folder))
        with subprocess.Popen(server.child.argv, stdout=subprocess.DEVNULL) as process:
            while not embedded_valkey.is_answering(Path(folder) / "valkey.sock"):
                assert process.poll() is None
                time.sleep(0.01)
            try:
                yield server.events_url
            finally:
                process.terminate()


@contextmanager
def _broker(name: str) -> Iterator[str]:
    if name == "postgresql-redis":
        with redis_database() as url:
            yield url
        return
    vhost = f"hardware-orders-test-{uuid.uuid4().hex[:12]}"
    user = urlsplit(RABBITMQ).username or "guest"
    _rabbitmqctl("add_vhost", vhost)
    try:
        _rabbitmqctl("set_permissions", "-p", vhost, user, ".*", ".*", ".*")
        yield f"{RABBITMQ.rstrip('/')}/{vhost}"
    finally:
        _rabbitmqctl("delete_vhost", vhost)


def _rabbitmqctl(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S607


@dataclass(frozen=True)
class Program(Backend):
    """A program of the system's, which Python's packages do not bring."""

    package: str  # Debian's, that has it
    variable: str | None = None  # by which the environment may name another than the one on PATH

    @property
    def program(self) -> str | None:
        named = os.environ.get(self.variable) if self.variable else None
        return named or shutil.which(self.name)

    def absence(self) -> str | None:
        found = f"no program `{self.name}` on PATH (Debian: apt-get install {self.package})"
        return None if self.program else found


CHROMIUM = Program("chromium", "chromium", "HARDWARE_ORDERS_TEST_CHROMIUM")
PROMTOOL = Program("promtool", "prometheus")
REDIS_SERVER = Program("redis-server", "redis-server")
PROGRAMS = (CHROMIUM, PROMTOOL, REDIS_SERVER)
BACKENDS = (Backend("sqlite"), Backend("postgresql-redis"), Backend("postgresql-rabbitmq"))
