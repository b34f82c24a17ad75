"""How far a batch has come: counts over its lines, and the lines by pages. What is visible is the caller's own."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, true

from hardware_orders import bulk
from hardware_orders.contract.enums import Status
from hardware_orders.database import Database
from hardware_orders.errors import NoSuchBatchError
from hardware_orders.orders import visible
from hardware_orders.orders.visible import Entities
from hardware_orders.tables import batch_items, batches, orders

FAILED = "FAILED"
"""The status of a line that made no order; every other has its order's."""


class BatchStatus(StrEnum):
    """How far a batch has come."""

    RECEIVING = "RECEIVING"  # its upload runs, or broke and can be resumed
    SETTLING = "SETTLING"  # every line has been read; some orders wait to be settled
    SETTLED = "SETTLED"


class Outcome(StrEnum):
    """What became of a line: it made an order; one that is settled; or none."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    batch_id: str
    status: BatchStatus
    accepted: int
    settled: int
    failed: int
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Lines as JSON, in their order. `last` is the index to go on behind; None when nothing is behind it."""

    items: list[dict[str, Any]]
    last: int | None


_ITEM = batch_items.c
_ITEMS = batch_items.outerjoin(orders, orders.c.order_id == _ITEM.order_id)
_IS_MADE = _ITEM.order_id.is_not(None)
_CONDITIONS: dict[Outcome, ColumnElement[bool]] = {
    Outcome.ACCEPTED: _IS_MADE,
    Outcome.SETTLED: and_(_IS_MADE, orders.c.due_at.is_(None)),
    Outcome.FAILED: _ITEM.order_id.is_(None),
}


def times(database: Database, caller: str, batch_id: str) -> tuple[datetime | None, datetime | None]:
    """When its last line had been read, and when it had settled. Raises NoSuchBatchError for another caller's, too."""
    chosen = select(batches.c.ended_at, batches.c.settled_at)
    mine = chosen.where(batches.c.batch_id == batch_id, batches.c.caller == caller)
    with database.read() as connection:
        row = connection.execute(mine).one_or_none()
    if row is None:
        raise NoSuchBatchError
    return row.ended_at, row.settled_at


def progress(
    connection: Connection, entities: Entities, batch_id: str, ended_at: datetime | None, settled_at: datetime | None
) -> Progress:
    """Count the batch's lines."""
    counts = [func.count(case((condition, 1))) for condition in _CONDITIONS.values()]
    accepted, settled, failed = connection.execute(_of(select(*counts), batch_id, entities)).one()
    # A draft that is submitted later waits once more; its batch had settled.
    settled = accepted if settled_at else settled
    is_settled = settled_at is not None or (ended_at is not None and settled == accepted)
    status = BatchStatus.SETTLED if is_settled else BatchStatus.SETTLING if ended_at else BatchStatus.RECEIVING
    return Progress(batch_id, status, accepted, settled, failed, settled_at)


def page(
    connection: Connection, entities: Entities, batch_id: str, *, outcome: Outcome | None, after: int, limit: int
) -> Page:
    """The lines of this outcome, None for all, behind the index `after`."""
    columns = (
        _ITEM.item_index,
        _ITEM.order_id,
        _ITEM.error,
        orders.c.order_reference,
        orders.c.status,
        orders.c.discarded_at,
    )
    chosen = select(*columns).where(_ITEM.item_index > after, _CONDITIONS[outcome] if outcome else true())
    ordered = _of(chosen, batch_id, entities).order_by(_ITEM.item_index).limit(limit + 1)
    rows = connection.execute(ordered).all()
    shown = rows[:limit]
    items = [
        {
            "index": row.item_index,
            "orderReference": None if row.discarded_at else row.order_reference,
            "orderId": row.order_id,
            "status": _status(row),
            "error": orjson.loads(row.error) if row.error else None,
        }
        for row in shown
    ]
    return Page(items, shown[-1].item_index if len(rows) > limit else None)


def _status(row: Row[Any]) -> str:
    """No read finds a discarded order (`orders/visible.py`): that the line made one is all that its item still tells."""
    status: str | None = Status.CANCELLED if row.discarded_at else row.status
    return status or FAILED


def _of(query: Any, batch_id: str, entities: Entities) -> Any:
    mine = query.select_from(_ITEMS).where(_ITEM.batch_id == batch_id)
    if entities is None:
        return mine
    is_visible = bulk.is_one_of(_ITEM.customer_entity_uid, visible.ENTITIES)
    return mine.where(or_(_ITEM.order_id.is_(None), is_visible)).params(visible.parameter(entities))
