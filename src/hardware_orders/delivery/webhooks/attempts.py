"""What became of each attempt, and finding an event again by one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from hardware_orders import bulk
from hardware_orders.database import Database
from hardware_orders.delivery.webhooks.message import Result
from hardware_orders.errors import NoSuchDeliveryError
from hardware_orders.tables import webhook_attempts

# Of one transaction, some tens of milliseconds; the relay does it every second.
FORGOTTEN_AT_ONCE = 2_000

_C = webhook_attempts.c

_OLDEST = select(func.min(_C.attempted_at))


class Kind(StrEnum):
    """Why something was sent."""

    DELIVERY = "DELIVERY"  # in its turn
    REDELIVERY = "REDELIVERY"  # because somebody asked for this event
    TEST = "TEST"


class Sent(NamedTuple):
    """What was sent: an event, or a test, which has no position."""

    event_id: str
    event_type: str
    position: int | None


def record(
    connection: Connection, endpoint_id: str, kind: Kind, at: datetime, made: Sequence[tuple[Sent, Result]]
) -> None:
    """Write what became of these attempts, which were made one after the other and ended at this instant."""
    rows = [
        {
            "endpoint_id": endpoint_id,
            "kind": kind.value,
            **sent._asdict(),
            "attempted_at": at,
            "duration_ms": result.duration_ms,
            "status": result.status,
            "error": result.error,
            "answer": result.answer,
        }
        for sent, result in made
    ]
    if rows:
        connection.execute(insert(webhook_attempts), rows)


def newest(connection: Connection, endpoint_id: str, limit: int, before: int | None) -> list[dict[str, Any]]:
    """The newest first, those below the id `before` when it is given: a keyset."""
    chosen = select(webhook_attempts).where(_C.endpoint_id == endpoint_id)
    if before is not None:
        chosen = chosen.where(_C.id < before)
    return [dict(row) for row in connection.execute(chosen.order_by(_C.id.desc()).limit(limit)).mappings()]


def of_events(connection: Connection, event_ids: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The attempts to send these events, the oldest first, to endpoints that the caller of this connection may see."""
    chosen = select(webhook_attempts).where(_C.event_id.in_(event_ids)).order_by(_C.id).limit(limit)
    return [dict(row) for row in connection.execute(chosen).mappings()]


def forget(database: Database, lifetime: timedelta) -> int:
    """Delete the oldest attempts, as far as they are older than `lifetime`, at most FORGOTTEN_AT_ONCE; returns how many."""
    with database.read() as connection:
        until = database.now(connection) - lifetime
        oldest = connection.execute(_OLDEST).scalar_one()
    if oldest is None or oldest > until:
        return 0  # as nearly always: no transaction is begun for it
    with database.write() as connection:
        return bulk.delete_oldest(connection, _C.attempted_at, until, FORGOTTEN_AT_ONCE)


def position_of(connection: Connection, endpoint_id: str, event_id: str) -> int:
    """Where the event stands that was sent to this endpoint. Raises NoSuchDeliveryError."""
    chosen = select(_C.position).where(_C.event_id == event_id, _C.endpoint_id == endpoint_id, _C.position.is_not(None))
    found: int | None = connection.execute(chosen.limit(1)).scalar_one_or_none()
    if found is None:
        raise NoSuchDeliveryError
    return found
