"""The worker's flow: look up portfolios, lock the orders, decide each, write rows and events, commit.

No transaction is open while a portfolio is looked up; none spans more than one batch.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from hardware_orders.database import Database, is_away
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Command, Park, Settle
from hardware_orders.orders.decide import decide
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Code, EventType
from hardware_orders.portfolio.lookup import Lookup, Outcome

log = structlog.get_logger()

# An order that a killed worker left is rung again after 5, 10, 20 … seconds: soon enough to settle well within the
# 15 s that a recovery may take, far enough apart that a slow run is over before it is taken for a dead one.
RETRY_FIRST_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a batch: the ids that no longer wait, and how many events were written."""

    order_ids: tuple[str, ...]
    events: int


def settle(
    database: Database, lookup: Lookup, order_ids: Collection[str], *, swept: bool, max_attempts: int
) -> Settled:
    """Settle those of these orders that wait, in one transaction; the others are left as they are.

    An order that makes the batch fail is found by halving the batch, so that only it waits for the sweep.
    Raises what SQLAlchemy raises when the database is away: the orders wait, and the sweep rings again.
    """
    exhausted = _start_attempts(database, order_ids, max_attempts) if swept else frozenset()
    with database.read() as connection:
        customers = store.waiting_customers(connection, order_ids)
    batch = Batch(lookup(customers) if customers else {}, exhausted)
    settled = _settle_by_halves(database, sorted(set(order_ids)), batch)
    return Settled(
        tuple(order_id for part in settled for order_id in part.order_ids), sum(part.events for part in settled)
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """What is known before the rows are locked: portfolios by customer, and the orders that have had all their starts."""

    portfolios: Mapping[str, Outcome]
    exhausted: Collection[str]


def _start_attempts(database: Database, order_ids: Collection[str], max_attempts: int) -> frozenset[str]:
    """Commit a start before the work: a run that kills its process has been counted. Returns who has had them all."""
    exhausted, starts = set(), []
    with database.write() as connection:
        now = database.now(connection)
        for order in store.lock(connection, order_ids):
            if not order.is_waiting:
                continue
            if order.attempts >= max_attempts:
                exhausted.add(order.order_id)
            backoff = timedelta(seconds=RETRY_FIRST_SECONDS * 2**order.attempts)
            starts.append((order.order_id, min(order.attempts + 1, max_attempts), now + backoff))
        store.write_attempts(connection, starts)
    return frozenset(exhausted)


def _settle_by_halves(database: Database, order_ids: list[str], batch: Batch) -> list[Settled]:
    try:
        with database.write() as connection:
            return [_settle_locked(connection, database.now(connection), order_ids, batch)]
    except Exception as error:
        if is_away(error):
            raise
        if len(order_ids) == 1:
            log.exception("order_not_settled", order_id=order_ids[0], error=type(error).__name__)
            return []
        middle = len(order_ids) // 2
        halves = (order_ids[:middle], order_ids[middle:])
        return [part for half in halves for part in _settle_by_halves(database, half, batch)]


def _settle_locked(connection: Connection, now: datetime, order_ids: list[str], batch: Batch) -> Settled:
    changed: list[tuple[Order, Order]] = []
    rows: list[dict[str, Any]] = []
    done: list[str] = []
    for order in store.lock(connection, order_ids):
        if not order.is_waiting:
            done.append(order.order_id)
            continue
        if order.simplified and order.customer_entity_uid not in batch.portfolios:
            continue  # began to wait after the lookup; whoever made it wait rings for it
        decision = decide(order, _command(order, batch), now)
        after = decision.order
        if decision.event is not None:
            after, row = events.record(order, decision)
            rows.append(row)
            done.append(order.order_id)
            if decision.event is EventType.HELD:
                log.warning("order_held", order_id=order.order_id, code=after.code)
        changed.append((order, after))
    store.write(connection, changed)
    store.insert_events(connection, rows)
    return Settled(tuple(done), len(rows))


def _command(order: Order, batch: Batch) -> Command:
    if order.order_id in batch.exhausted:
        return Park(Code.POISON, f"{order.attempts} runs on this order did not come to an end; it was set aside.")
    return Settle(batch.portfolios.get(order.customer_entity_uid))
