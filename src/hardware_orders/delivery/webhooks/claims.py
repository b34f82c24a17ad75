"""Which relay sends to an endpoint, what it sends, and how far that brought it: short transactions, none over the network.

An endpoint's `position` moves only behind a delivery. Whoever sends begins behind it and goes on only after an event has
been taken, so that receivers see each event first in its turn, however many relays send at once. A claim merely spares
them repetitions; its number lets nobody write who was overtaken (docs/adr/0022).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select, update

from hardware_orders import operations
from hardware_orders.actor import SERVICE
from hardware_orders.database import Database
from hardware_orders.delivery import log
from hardware_orders.delivery.webhooks import attempts, retries
from hardware_orders.delivery.webhooks.attempts import Kind, Sent
from hardware_orders.delivery.webhooks.endpoints import ALL, ENDPOINTS_MOST, Reason, split
from hardware_orders.delivery.webhooks.message import GONE, Result
from hardware_orders.tables import order_events, orders, webhook_endpoints

# Positions that are looked at by one statement: an endpoint of rare events passes over the others by so many.
SCAN_POSITIONS = 1_000
# Longer than a claim's work: its rounds (deliverer.ROUND_SECONDS), one last request, and the writing.
CLAIM = timedelta(seconds=30)

_C = webhook_endpoints.c
_HEADS = (
    select(order_events.c.position, order_events.c.type, orders.c.customer_entity_uid)
    .join_from(order_events, orders, orders.c.order_id == order_events.c.order_id)
    .where(order_events.c.position > bindparam("after"), order_events.c.position <= bindparam("last"))
    .order_by(order_events.c.position)
)


class Head(NamedTuple):
    """What decides whether an event concerns an endpoint."""

    position: int
    type: str
    customer: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An endpoint that may be sent to. None for customers or event types stands for all of them."""

    endpoint_id: str
    claim: int
    position: int
    attempts: int
    customers: frozenset[str] | None
    event_types: frozenset[str] | None

    def concerns(self, head: Head) -> bool:
        return (self.customers is None or head.customer in self.customers) and (
            self.event_types is None or head.type in self.event_types
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to move an endpoint's position, until somebody else claims it."""

    endpoint_id: str
    claim: int
    url: str


def waiting(connection: Connection, database: Database) -> tuple[list[Waiting], int]:
    """The endpoints that may be sent to now, whoever has waited longest first; and the last position there is."""
    now = database.now(connection)
    chosen = (
        select(_C.endpoint_id, _C.claim, _C.position, _C.attempts, _C.customers, _C.event_types)
        .where(_C.paused_at.is_(None), _C.due_at <= now, or_(_C.claimed_until.is_(None), _C.claimed_until <= now))
        .order_by(_C.due_at)
        .limit(ENDPOINTS_MOST)
    )
    found = [_waiting(row) for row in connection.execute(chosen)]
    return found, log.last_position(connection)


def _waiting(row: Any) -> Waiting:
    customers, event_types = split(row.customers, ALL), split(row.event_types, "")
    return Waiting(
        row.endpoint_id,
        row.claim,
        row.position,
        row.attempts,
        None if customers is None else frozenset(customers),
        None if event_types is None else frozenset(event_types),
    )


def heads(connection: Connection, after: int, last: int) -> list[Head]:
    """The events behind this position, at most `SCAN_POSITIONS` of them: positions have no gap."""
    bounds = {"after": after, "last": min(last, after + SCAN_POSITIONS)}
    return [Head(*row) for row in connection.execute(_HEADS, bounds)]


def claim(database: Database, endpoint: Waiting) -> Claim | None:
    """Claim the endpoint as it was seen; None when somebody else was faster, or it was changed or paused."""
    with database.write() as connection:
        now = database.now(connection)
        taken = (
            update(webhook_endpoints)
            .where(
                _C.endpoint_id == endpoint.endpoint_id,
                _C.claim == endpoint.claim,
                _C.paused_at.is_(None),
                or_(_C.claimed_until.is_(None), _C.claimed_until <= now),
            )
            .values(claim=_C.claim + 1, claimed_until=now + CLAIM)
            .returning(_C.claim, _C.url)
        )
        row = connection.execute(taken).one_or_none()
    return None if row is None else Claim(endpoint.endpoint_id, row.claim, row.url)


def advance(database: Database, endpoint: Waiting, position: int) -> None:
    """Write down that nothing up to this position concerns the endpoint, unless it is claimed or was changed."""
    seen = (_C.endpoint_id == endpoint.endpoint_id, _C.claim == endpoint.claim, _C.position == endpoint.position)
    with database.write() as connection:
        connection.execute(update(webhook_endpoints).where(*seen).values(position=position))


def record(
    database: Database, held: Claim, position: int, made: Sequence[tuple[Sent, Result]], *, failed_before: int
) -> bool:
    """Write what became of a claim, and end it. False when it was overtaken: then nothing but the attempts is written.

    `made` are the attempts, of which only the last may have failed; `position` is what they brought the endpoint to.
    """
    with database.write() as connection:
        now = database.now(connection)
        attempts.record(connection, held.endpoint_id, Kind.DELIVERY, now, made)
        mine = (_C.endpoint_id == held.endpoint_id, _C.claim == held.claim)
        values: dict[str, Any] = {"position": position, "due_at": now, "claimed_until": None}
        last = made[-1][1] if made else None
        if last is None or last.error is None:
            values |= {"attempts": 0, "failing_since": None} if made else {}
        else:
            began = connection.execute(select(_C.failing_since).where(*mine)).scalar_one_or_none()
            # The failure of another event than before is the first of its own.
            failures = failed_before + 1 if len(made) == 1 else 1
            since = began if began and failures > 1 else now
            ends = since + retries.GIVE_UP_AFTER
            # The last attempt is made at the end, however long the pause before it would be.
            due = min(now + retries.delay(failures, last.retry_after), max(ends, now))
            values |= {"attempts": failures, "failing_since": since, "due_at": due}
            reason = Reason.GONE if last.status == GONE else Reason.FAILING if now >= ends else None
            if reason:
                values |= {"paused_at": now, "paused_reason": reason.value}
        written = connection.execute(update(webhook_endpoints).where(*mine).values(values)).rowcount == 1
        if written and "paused_reason" in values:
            operations.record(
                connection,
                SERVICE,
                "webhook.paused",
                held.endpoint_id,
                reason=values["paused_reason"],
                position=position,
            )
    return written
