"""The operations log: what was done or happened that is about no single order. An order's own acts are its events."""

from typing import Any

from sqlalchemy import Connection, func, insert, select

from hardware_orders import canonical
from hardware_orders.actor import Actor
from hardware_orders.tables import operations


def record(connection: Connection, actor: Actor, action: str, subject: str | None = None, **details: Any) -> None:
    """Write one row in the caller's transaction, so that what was done and its row are there together or not at all.

    `action`: noun and past participle, such as `batch.settled`, at most 64 characters. `subject`: the id of what it is
    about. `details` are JSON, without personal data and without secrets: the log is not erased.
    """
    row = {
        "occurred_at": func.clock_timestamp(),
        "actor": actor.as_text(),
        "action": action,
        "subject": subject,
        "details": canonical.text(details),
    }
    # Without RETURNING, for which a role would need the right to read what it may only add to.
    connection.execute(insert(operations).inline().values(row))


def newest(connection: Connection, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """The newest rows first, those below the id `before` when it is given: a keyset."""
    chosen = select(operations).order_by(operations.c.id.desc()).limit(limit)
    if before is not None:
        chosen = chosen.where(operations.c.id < before)
    return [dict(row) for row in connection.execute(chosen).mappings()]
