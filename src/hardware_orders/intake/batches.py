"""Batches: many orders of one upload, and what became of each of their lines.

The row of a line is written in its order's transaction, and its key is (batch, index): however often a batch is sent, and by
however many uploads at once, a line makes one order.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection, and_, bindparam, delete, func, not_, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from hardware_orders import bulk, identifiers, operations
from hardware_orders.actor import SERVICE
from hardware_orders.database import Database
from hardware_orders.orders.order import Order
from hardware_orders.tables import Instant, batch_items, batches, orders

log = structlog.get_logger()

# Batches that the relay looks at in one round, the oldest first; the others have their turn a second later.
ROUND_BATCHES = 100
# Lines deleted in one transaction, some tens of milliseconds; the relay does it every second.
FORGOTTEN_LINES = 5_000

_BATCH, _ITEM = batches.c, batch_items.c


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it is when an upload begins. What `is_new` is false for goes on with an earlier upload."""

    batch_id: str
    is_new: bool
    is_ended: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line's place, counted from 0, and the SHA-256 of what it asks for."""

    batch_id: str
    index: int
    line_hash: str


def begin(database: Database, caller: str, key: str | None) -> Batch:
    """The batch that this key of the caller's began; a new one when there is none, and always without a key."""
    batch_id = identifiers.new()
    dialect = sqlite if database.is_sqlite else postgresql
    with database.write() as connection:
        row = {"batch_id": batch_id, "caller": caller, "key": key, "created_at": database.now(connection)}
        connection.execute(dialect.insert(batches).values(row).on_conflict_do_nothing())
        found = select(_BATCH.batch_id, _BATCH.ended_at)
        mine = _BATCH.batch_id == batch_id if key is None else and_(_BATCH.caller == caller, _BATCH.key == key)
        stored = connection.execute(found.where(mine)).one()
    return Batch(stored.batch_id, is_new=stored.batch_id == batch_id, is_ended=stored.ended_at is not None)


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line that an upload has dealt with. `waiting` is the id of its order while that waits to be settled."""

    line_hash: str
    waiting: str | None


def stored_lines(database: Database, batch_id: str, first: int, last: int) -> Mapping[int, StoredLine]:
    """The lines from `first` to `last` that an upload has dealt with, by index."""
    waiting = and_(orders.c.order_id == _ITEM.order_id, orders.c.due_at.is_not(None))
    chosen = (
        select(_ITEM.item_index, _ITEM.line_hash, orders.c.order_id)
        .select_from(batch_items.outerjoin(orders, waiting))
        .where(_ITEM.batch_id == batch_id, _ITEM.item_index.between(first, last))
    )
    with database.read() as connection:
        return {row.item_index: StoredLine(row.line_hash, row.order_id) for row in connection.execute(chosen)}


def insert_made(connection: Connection, made: Iterable[tuple[Line, Order]]) -> None:
    """Write the lines that made these orders. Raises IntegrityError when another upload has written one of them."""
    rows = [
        {**_place(line), "order_id": order.order_id, "customer_entity_uid": order.customer_entity_uid}
        for line, order in made
    ]
    bulk.insert_rows(connection, batch_items, rows)


def is_taken(error: Exception) -> bool:
    """True when the statement that failed was one about lines, and another upload was first."""
    return isinstance(error, IntegrityError) and batch_items.name in (error.statement or "")


def insert_failed(database: Database, failed: Sequence[tuple[Line, Mapping[str, Any]]]) -> None:
    """Write the lines that made no order, each with what is wrong with it; what was written before stays."""
    dialect = sqlite if database.is_sqlite else postgresql
    rows = [{**_place(line), "error": orjson.dumps(error).decode()} for line, error in failed]
    with database.write() as connection:
        connection.execute(dialect.insert(batch_items).on_conflict_do_nothing(), rows)


def end(database: Database, batch_id: str) -> None:
    """Every line has been read; from now on the batch settles, and takes no more lines."""
    ended = update(batches).where(_BATCH.batch_id == batch_id, _BATCH.ended_at.is_(None))
    with database.write() as connection:
        connection.execute(ended.values(ended_at=database.now(connection)))


def settled_among(database: Database, batch_ids: Collection[str]) -> Collection[str]:
    """Those of these batches that have settled, whether the relay has marked them or not."""
    with database.read() as connection:
        return connection.execute(_SETTLED, {"batch_ids": list(batch_ids)}).scalars().all()


def mark_settled(database: Database) -> int:
    """Mark the batches none of whose orders waits any more, at most `ROUND_BATCHES`; returns how many.

    Each is told once in the operations log, in the transaction that marks it, and once in the process's own: it is about
    no single order, so it is no event of one.
    """
    with database.read() as connection:
        candidates = connection.execute(_UNMARKED).scalars().all()
        if not candidates:
            return 0
    marked = update(batches).where(_BATCH.batch_id.in_(candidates), _BATCH.settled_at.is_(None))
    with database.write() as connection:
        settled = marked.values(settled_at=database.now(connection)).returning(_BATCH.batch_id)
        batch_ids = connection.execute(settled).scalars().all()
        for batch_id in batch_ids:
            accepted, failed = connection.execute(_COUNTS, {"batch_id": batch_id}).one()
            operations.record(connection, SERVICE, "batch.settled", batch_id, accepted=accepted, failed=failed)
    for batch_id in batch_ids:
        log.info("batch_settled", batch_id=batch_id)
    return len(batch_ids)


_COUNTS = select(func.count(_ITEM.order_id), func.count() - func.count(_ITEM.order_id)).where(
    _ITEM.batch_id == bindparam("batch_id", type_=_ITEM.batch_id.type)
)


def forget(database: Database, lifetime: timedelta | None) -> int:
    """Delete what is left of batches that settled longer ago than `lifetime`, lines first; returns how many rows.

    None keeps all of them. A batch of many lines goes in several rounds, and with its last line.
    """
    if lifetime is None:
        return 0
    with database.read() as connection:
        until = database.now(connection) - lifetime
        oldest = connection.execute(_OLDEST_SETTLED, {"until": until}).scalars().all()
    if not oldest:
        return 0
    with database.write() as connection:
        chosen = select(_ITEM.batch_id, _ITEM.item_index).where(_ITEM.batch_id.in_(oldest)).limit(FORGOTTEN_LINES)
        lines = delete(batch_items).where(tuple_(_ITEM.batch_id, _ITEM.item_index).in_(chosen))
        gone = connection.execute(lines).rowcount
        has_lines = select(_ITEM.item_index).where(_ITEM.batch_id == _BATCH.batch_id).exists()
        return gone + bulk.delete_oldest(connection, _BATCH.settled_at, until, ROUND_BATCHES, not_(has_lines))


_OLDEST_SETTLED = (
    select(_BATCH.batch_id)
    .where(_BATCH.settled_at <= bindparam("until", type_=Instant))
    .order_by(_BATCH.settled_at)
    .limit(ROUND_BATCHES)
)
# Orders are settled about in the order of their lines: looked for from behind, one that waits is found at once.
_LAST_WAITING = (
    select(_ITEM.item_index)
    .where(_ITEM.batch_id == _BATCH.batch_id, _ITEM.order_id == orders.c.order_id, orders.c.due_at.is_not(None))
    .order_by(_ITEM.item_index.desc())
    .limit(1)
    .scalar_subquery()
)
_UNMARKED = (
    select(_BATCH.batch_id)
    .where(_BATCH.settled_at.is_(None), _BATCH.ended_at.is_not(None), _LAST_WAITING.is_(None))
    .order_by(_BATCH.batch_id)
    .limit(ROUND_BATCHES)
)
_SETTLED = select(_BATCH.batch_id).where(
    _BATCH.batch_id.in_(bindparam("batch_ids", expanding=True)),
    or_(_BATCH.settled_at.is_not(None), and_(_BATCH.ended_at.is_not(None), _LAST_WAITING.is_(None))),
)


def _place(line: Line) -> dict[str, Any]:
    return {"batch_id": line.batch_id, "item_index": line.index, "line_hash": line.line_hash}
