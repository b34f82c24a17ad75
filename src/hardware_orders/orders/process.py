"""The worker's flow: look up portfolios, lock the orders, decide each, write rows and events, commit.

No transaction is open while a portfolio is looked up; none spans more than one batch. A lookup may leave customers out
who would have to be asked for: their orders are left for a run beside the worker's turn (beside.py).
"""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from hardware_orders.database import Database, is_away
from hardware_orders.orders import events, failures, store
from hardware_orders.orders.commands import Command, Park, Settle
from hardware_orders.orders.decide import decide
from hardware_orders.orders.failures import Cause
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Code, EventType
from hardware_orders.portfolio.lookup import Lookup, Outcome

log = structlog.get_logger()

# An order that a killed worker left is rung again after 5, 10, 20 … seconds: soon enough to settle well within the
# 15 s that a recovery may take, far enough apart that a slow run is over before it is taken for a dead one.
RETRY_FIRST_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a batch: the ids that no longer wait, how many events were written, and of which orders.

    `left` wait for portfolios that the lookup left out; nothing was begun on them.
    """

    order_ids: tuple[str, ...]
    events: int
    left: tuple[str, ...] = ()
    orders: tuple[Order, ...] = field(default=(), compare=False)  # for the log alone


def settle(
    database: Database, lookup: Lookup, order_ids: Collection[str], *, swept: bool, max_attempts: int
) -> Settled:
    """Settle those of these orders that wait, in one transaction; the others are left as they are.

    `swept` orders have a start counted before the work begins, and only then.
    An order that makes the batch fail is found by halving the batch, so that only it waits for the sweep.
    Raises what SQLAlchemy raises when the database is away: the orders wait, and the sweep rings again.
    """
    with database.read() as connection:
        customers = store.waiting_customers(connection, order_ids)
    portfolios = lookup(set(customers.values())) if customers else {}
    left = {order_id for order_id, customer in customers.items() if customer not in portfolios}
    settling = sorted(set(order_ids) - left)
    if not settling:
        return Settled((), 0, tuple(left))
    exhausted = _start_attempts(database, settling, max_attempts) if swept else frozenset()
    parts = _settle_by_halves(database, settling, Batch(portfolios, exhausted))
    done = tuple(order_id for part in parts for order_id in part.order_ids)
    settled = tuple(order for part in parts for order in part.orders)
    return Settled(done, len(settled), tuple(left), settled)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is known before the rows are locked: portfolios by customer, and the orders that had all their starts."""

    portfolios: Mapping[str, Outcome]
    exhausted: Collection[str]


def _start_attempts(database: Database, order_ids: Collection[str], max_attempts: int) -> frozenset[str]:
    """Commit a start before the work: a run that kills its process has been counted. Returns who has had them all."""
    exhausted, starts, unended = set(), [], []
    with database.write() as connection:
        for order, now in store.lock(connection, order_ids):
            if not order.is_waiting:
                continue
            if order.attempts >= max_attempts:
                exhausted.add(order.order_id)
            starts.append((order.order_id, min(order.attempts + 1, max_attempts), now + _patience(order.attempts)))
            if noted := _unended(order):
                unended.append(noted)
        store.write_attempts(connection, starts)
        store.write_failures(connection, unended)
    return frozenset(exhausted)


def _patience(attempts: int) -> timedelta:
    """For how long nobody else begins on an order that has had so many starts before this one."""
    return timedelta(seconds=RETRY_FIRST_SECONDS * 2**attempts)


def _unended(order: Order) -> Order | None:
    """The order with its last start as one that failed, if there was one and nothing has been heard of it."""
    if not order.attempts or order.due_at is None:
        return None
    began = order.due_at - _patience(order.attempts - 1)
    if order.failures and order.failures[-1].last_at >= began:
        return None
    return order._replace(failures=failures.added(order.failures, began, Cause.UNENDED))


def _settle_by_halves(database: Database, order_ids: list[str], batch: Batch) -> list[Settled]:
    try:
        with database.write() as connection:
            return [_settle_locked(connection, order_ids, batch)]
    except Exception as error:
        if is_away(error):
            raise
        if len(order_ids) == 1:
            log.exception("order_not_settled", order_id=order_ids[0], error=type(error).__name__)
            _keep_fault(database, order_ids[0], error)
            return []
        middle = len(order_ids) // 2
        halves = (order_ids[:middle], order_ids[middle:])
        return [part for half in halves for part in _settle_by_halves(database, half, batch)]


def _keep_fault(database: Database, order_id: str, error: Exception) -> None:
    """In a transaction of its own. Whatever hinders this too has been logged, and must not hold up the order's neighbours."""
    with contextlib.suppress(Exception), database.write() as connection:
        for order, now in store.lock(connection, [order_id]):
            if order.is_waiting:
                kept = failures.added(order.failures, now, Cause.FAULT, type(error).__name__)
                store.write_failures(connection, [order._replace(failures=kept)])


def _settle_locked(connection: Connection, order_ids: list[str], batch: Batch) -> Settled:
    changed: list[tuple[Order, Order]] = []
    rows: list[dict[str, Any]] = []
    done: list[str] = []
    settled: list[Order] = []
    for order, now in store.lock(connection, order_ids):
        if not order.is_waiting:
            done.append(order.order_id)
            continue
        if order.needs_portfolio and order.customer_entity_uid not in batch.portfolios:
            continue  # began to wait after the lookup; whoever made it wait rings for it
        decision = decide(order, _command(order, batch), now)
        after = decision.order
        if decision.event is not None:
            after, row = events.record(order, decision)
            rows.append(row)
            done.append(order.order_id)
            settled.append(after)
            if decision.event is EventType.HELD:
                log.warning("order_held", order_id=order.order_id, code=after.code)
        changed.append((order, after))
    store.write(connection, changed)
    store.insert_events(connection, rows)
    return Settled(tuple(done), len(rows), orders=tuple(settled))


def _command(order: Order, batch: Batch) -> Command:
    if order.order_id in batch.exhausted:
        return Park(Code.POISON, f"{order.attempts} runs on this order did not come to an end; it was set aside.")
    return Settle(batch.portfolios.get(order.customer_entity_uid))
