"""The database: one synchronous engine a process, on SQLite and PostgreSQL alike. Only this file begins and commits."""

import math
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, func, make_url, select
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from hardware_orders import identifiers, instants

# A host that does not answer is away; waiting longer only fills the pool.
CONNECT_SECONDS = 3
# A caller gets its 503 in about a second when every connection is in use.
POOL_SECONDS = 1
# A paused process must not hold the rows of its transaction for ever.
IDLE_IN_TRANSACTION_MS = 5_000

# A connection that has rested for longer is asked whether it is still there before it is used.
REST_SECONDS = 1
# Far more than the longest transaction here takes; and how often a writer looks whether the lock is free.
SQLITE_LOCK_SECONDS = 5
SQLITE_LOOK_SECONDS = 0.0005
# The first to have PostgreSQL's `octet_length`; Python is often linked to an older one.
SQLITE_OCTET_LENGTH = (3, 43)

AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
"""What SQLAlchemy raises when the database is away, refuses, or is too busy: nothing the data is to blame for."""


class DatabaseRole(StrEnum):
    """As whom PostgreSQL is used, whoever logged in: each may do only what it is for (docs/adr/0012)."""

    CALLER = "hardware_orders_caller"  # reads and changes orders of the caller's customers, and sees no others
    INTAKE = "hardware_orders_intake"  # stores new orders, and reads those that are waited for
    WORKER = "hardware_orders_worker"  # settles orders
    RELAY = "hardware_orders_relay"  # numbers events, publishes them, and looks for overdue orders
    ERASER = "hardware_orders_eraser"  # takes personal data out of a caller's orders and of their events


class Database:
    """An engine and its kinds of transaction. Threads share it; a forked child calls `dispose` first."""

    def __init__(
        self,
        url: str,
        *,
        role: DatabaseRole | None = None,
        connections: int = 10,
        statement_ms: int = 5_000,
        lock_ms: int = 1_000,
    ) -> None:
        """Every connection takes on `role` when it is made; without one it has what the login itself may do."""
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        timeouts = {"statement_timeout": statement_ms, "lock_timeout": lock_ms}
        self.engine = _sqlite(url, connections) if self.is_sqlite else _postgresql(url, role, connections, timeouts)
        self._reader = self.engine.execution_options(
            **({_READ_ONLY: True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"})
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for statements that change nothing; what they see may be of different instants."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back when the block raises."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read_for(self, entities: Collection[str] | None) -> Iterator[Connection]:
        """`read` on behalf of a caller who may act for these customers, None for all: no other orders are there."""
        if self.is_sqlite:
            with self.read() as connection:
                yield connection
            return
        with self.engine.connect() as connection:
            role = DatabaseRole.CALLER
            connection.execute(_ACT_FOR, {"role": role, "entities": _entities(entities), "read_only": "on"})
            try:
                yield connection
            finally:
                # Also after a refusal: a rollback makes the driver forget every statement that it has prepared.
                if not connection.invalidated:
                    connection.commit()

    @contextmanager
    def write_for(
        self, entities: Collection[str] | None, role: DatabaseRole = DatabaseRole.CALLER
    ) -> Iterator[Connection]:
        """`write` on behalf of a caller who may act for these customers, None for all: no other orders are there.

        PostgreSQL's row-level security sees to it, SQLite has none: statements are limited to the caller's customers
        all the same (docs/adr/0012).
        """
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(_ACT_FOR, {"role": role, "entities": _entities(entities), "read_only": "off"})
            yield connection

    def now(self, connection: Connection) -> datetime:
        """The database's clock, the only one that stamps rows: hosts' clocks differ, and may be set back."""
        now: datetime | str = connection.execute(_CLOCK).scalar_one()
        return instants.parse(now) if isinstance(now, str) else now.astimezone(UTC)

    def dispose(self) -> None:
        """Close what is pooled. In a forked child, forget the parent's connections without closing them."""
        self.engine.dispose()


_CLOCK = select(func.clock_timestamp())
# All hold until the transaction ends, so that a connection carries nothing from one caller to the next.
_ACT_FOR = select(
    func.set_config("role", bindparam("role"), True),
    func.set_config("hardware_orders.entities", bindparam("entities"), True),
    func.set_config("transaction_read_only", bindparam("read_only"), True),
)
_READ_ONLY = "hardware_orders_read_only"
_USED_AT = "hardware_orders_used_at"


def _entities(entities: Collection[str] | None) -> str:
    """The setting that the policies read. What is no UUID is no customer's, and could be a comma or the `*`."""
    return "*" if entities is None else ",".join(entity for entity in entities if identifiers.is_uuid(entity))


def is_away(error: Exception) -> bool:
    """True when the fault is the database's, so that trying again with less would only make more of it.

    SQLSTATE classes 08, 53, 57, 58: connection, resources, operator, system; 57014 is a statement's own time-out.
    """
    if not isinstance(error, AWAY):
        return False
    state = _sqlstate(error)
    return state is None or (state[:2] in ("08", "53", "57", "58") and state != "57014")


def is_lock_timeout(error: Exception) -> bool:
    return _sqlstate(error) == "55P03"


def is_forbidden(error: Exception) -> bool:
    """True when the login, or the role that it acts as, lacks the right to what was asked of the database."""
    return _sqlstate(error) == "42501"


def is_statement_timeout(error: Exception) -> bool:
    return _sqlstate(error) == "57014"


def _sqlstate(error: Exception) -> str | None:
    state: str | None = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state


def is_disconnected(error: Exception) -> bool:
    """True when the connection broke, so that nobody knows what became of a COMMIT under way."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _postgresql(url: str, role: DatabaseRole | None, connections: int, timeouts: Mapping[str, int]) -> Engine:
    from psycopg.types.string import TextLoader  # noqa: PLC0415  # 9 MB that a process on SQLite need not hold

    options: dict[str, str | int] = {
        **({"role": role} if role else {}),
        "TimeZone": "UTC",
        **timeouts,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        # Every statement here finds its rows by an index, one after the other. A plan made while the tables were empty
        # would be kept and read them whole when they are full, to hash or to merge them; and a bitmap scan reads an
        # index's dead entries again each time, of which numbering leaves thousands a second.
        "enable_seqscan": "off",
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
        "enable_bitmapscan": "off",
        "jit": "off",
    }
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,  # they are orders, and errors are logged
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )

    @event.listens_for(engine, "connect")
    def read_uuids_as_text(connection: Any, _record: Any) -> None:
        # Nothing here computes with UUIDs: no objects are made of them that would only be printed again.
        connection.adapters.register_loader("uuid", TextLoader)

    @event.listens_for(engine, "checkin")
    def used(_connection: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping_after_rest(connection: Any, record: Any, _proxy: Any) -> None:
        # One that was in use a moment ago is there; asking each time is a round trip for every transaction.
        if time.monotonic() - record.info.get(_USED_AT, math.inf) > REST_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error

    return engine


def _sqlite(url: str, connections: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        hide_parameters=True,  # they are orders, and errors are logged
        connect_args={"timeout": SQLITE_LOCK_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        # WAL lets readers go on beside the writer; FULL syncs before a commit returns: a 2xx survives a power cut.
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        # PostgreSQL's name for the clock itself, which its now() is not.
        connection.create_function("clock_timestamp", 0, lambda: instants.text(datetime.now(UTC)))
        if sqlite3.sqlite_version_info < SQLITE_OCTET_LENGTH:
            connection.create_function("octet_length", 1, lambda text: len(text.encode()), deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another wrote in between.
        if not connection.get_execution_options().get(_READ_ONLY):
            _begin_immediate(connection)

    return engine


def _begin_immediate(connection: Connection) -> None:
    """Take SQLite's one write lock, or raise OperationalError.

    SQLite's own waiting sleeps longer each time, up to 100 ms: whoever has waited long would be the last to get it.
    """
    until = time.monotonic() + SQLITE_LOCK_SECONDS
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(SQLITE_LOOK_SECONDS)
        else:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {SQLITE_LOCK_SECONDS * 1000}")
            return
