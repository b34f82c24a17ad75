"""Retention of events: the oldest leave the log from its beginning, so that positions stay without a gap.

What is deleted is the log's first part, whatever becomes of the orders in it. An order that loses events keeps the hash of
the last one lost, from which its chain goes on (docs/adr/0023).
"""

from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hardware_orders.database import Database
from hardware_orders.tables import chain_starts, event_retention, order_events, webhook_endpoints

# Events of one transaction, some tens of milliseconds in which nobody waits for it. The relay does it every second, and
# so keeps up with two thousand events a second.
DELETED_AT_ONCE = 2_000

_EVENT = order_events.c
_DELETED_TO = select(event_retention.c.deleted_to).where(event_retention.c.id == 1)
_OLDEST = (
    select(_EVENT.position, _EVENT.order_id, _EVENT.sequence, _EVENT.hash, _EVENT.occurred_at)
    .where(_EVENT.position > bindparam("deleted_to", type_=BigInteger))
    .order_by(_EVENT.position)
    .limit(bindparam("limit"))
)
# Endpoints that are paused wait for nobody knows how long; one that is told is at most three days behind.
_UNSENT = select(func.min(webhook_endpoints.c.position)).where(webhook_endpoints.c.paused_at.is_(None))
_ADVANCE = update(event_retention).where(event_retention.c.id == 1).values(deleted_to=bindparam("last"))
_DELETE = delete(order_events).where(_EVENT.position > bindparam("first"), _EVENT.position <= bindparam("last"))


def deleted_to(connection: Connection) -> int:
    """The position up to which events have been deleted; 0 while none has."""
    return int(connection.execute(_DELETED_TO).scalar_one())


def _is_over(row: Any, expired: datetime, unsent: int | None) -> bool:
    """True for an event that is old enough, and that no endpoint is still to be sent: none is passed over."""
    return bool(row.occurred_at <= expired and (unsent is None or row.position <= unsent))


def forget(database: Database, lifetime: timedelta | None) -> int:
    """Delete the log's first events, as far as they are older than `lifetime`, at most DELETED_AT_ONCE; returns how many.

    None keeps all of them. Of several relays one deletes at a time; numbering waits for none.
    """
    if lifetime is None:
        return 0
    with database.read() as connection:
        expired = database.now(connection) - lifetime
        oldest = connection.execute(_OLDEST, {"deleted_to": deleted_to(connection), "limit": 1}).one_or_none()
        unsent = connection.execute(_UNSENT).scalar_one()
    if oldest is None or not _is_over(oldest, expired, unsent):
        return 0
    with database.write() as connection:
        first = connection.execute(_DELETED_TO.with_for_update()).scalar_one()
        unsent = connection.execute(_UNSENT).scalar_one()
        rows = connection.execute(_OLDEST, {"deleted_to": first, "limit": DELETED_AT_ONCE})
        gone = list(takewhile(lambda row: _is_over(row, expired, unsent), rows))
        if not gone:
            return 0
        _keep_starts(connection, gone)
        last = gone[-1].position
        connection.execute(_ADVANCE, {"last": last})
        return connection.execute(_DELETE, {"first": first, "last": last}).rowcount


def _keep_starts(connection: Connection, gone: list[Any]) -> None:
    ends = {row.order_id: row for row in gone}  # of each order the last
    rows = [
        {"order_id": row.order_id, "sequence": row.sequence, "hash": row.hash}
        for row in sorted(ends.values(), key=lambda row: str(row.order_id))
    ]
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(chain_starts)
    moved = {name: insert.excluded[name] for name in ("sequence", "hash")}
    connection.execute(insert.on_conflict_do_update(index_elements=[chain_starts.c.order_id], set_=moved), rows)
