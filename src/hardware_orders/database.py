"""The database: one synchronous engine a process, on SQLite and PostgreSQL alike. Only this file begins and commits."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

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

AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
"""What SQLAlchemy raises when the database is away, refuses, or is too busy: nothing the data is to blame for."""


class Database:
    """An engine and its two kinds of transaction. Threads share it; a forked child calls `dispose` first."""

    def __init__(self, url: str, *, connections: int = 10, statement_ms: int = 5_000, lock_ms: int = 1_000) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = (
            _sqlite(url, connections) if self.is_sqlite else _postgresql(url, connections, statement_ms, lock_ms)
        )
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

    def now(self, connection: Connection) -> datetime:
        """The database's clock, the only one that stamps rows: hosts' clocks differ, and may be set back."""
        if self.is_sqlite:
            return datetime.now(UTC)  # SQLite runs in this process
        now: datetime = connection.execute(_CLOCK).scalar_one()
        return now.astimezone(UTC)

    def dispose(self) -> None:
        """Close what is pooled. In a forked child, forget the parent's connections without closing them."""
        self.engine.dispose()


_CLOCK = select(func.clock_timestamp())
_READ_ONLY = "hardware_orders_read_only"
_USED_AT = "hardware_orders_used_at"


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


def _sqlstate(error: Exception) -> str | None:
    state: str | None = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state


def is_disconnected(error: Exception) -> bool:
    """True when the connection broke, so that nobody knows what became of a COMMIT under way."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _postgresql(url: str, connections: int, statement_ms: int, lock_ms: int) -> Engine:
    options: dict[str, str | int] = {
        "TimeZone": "UTC",
        "statement_timeout": statement_ms,
        "lock_timeout": lock_ms,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        # Every statement here finds its rows by an index. A plan made while the tables were empty would be kept and
        # scan them when they are full; and a bitmap scan reads an index's dead entries again each time, of which
        # numbering leaves thousands a second.
        "enable_seqscan": "off",
        "enable_bitmapscan": "off",
        "jit": "off",
    }
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )

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
        connect_args={"timeout": SQLITE_LOCK_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        # WAL lets readers go on beside the writer; FULL syncs before a commit returns: a 2xx survives a power cut.
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

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
