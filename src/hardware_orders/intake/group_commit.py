"""Group commit: whatever requests are in hand are stored together, in one transaction, by one thread.

A 2xx means that this commit returned. One request that cannot be stored never fails its neighbours: on an error the
batch is tried again by halves, so that only the guilty request is told (docs/adr/0002).
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from hardware_orders.database import AWAY, Database, is_away, is_disconnected, is_lock_timeout
from hardware_orders.errors import DatabaseAwayError, HardwareOrdersError, KeyInFlightError, OverloadedError
from hardware_orders.intake import idempotency
from hardware_orders.intake.idempotency import Claim, Key, Repeat
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import receive
from hardware_orders.orders.order import Order

log = structlog.get_logger()

# One INSERT of this many rows; larger batches gain nothing and make the unlucky wait longer.
BATCH_MOST_ORDERS = 500
# Bodies may have 4 MiB; a batch of them must not fill the memory.
BATCH_MOST_BYTES = 8 * 2**20
# What may be in hand before new requests are refused: about a second's work, and a bound on memory.
WAITING_MOST_ORDERS = 5_000
WAITING_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Request:
    """A new order on its way to the database, with its Idempotency-Key if it has one."""

    command: Receive
    key: Key | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A committed order. For a repeated request, the order that the first one made."""

    order: Order
    is_repeat: bool


Outcome = Accepted | HardwareOrdersError
Result = tuple["asyncio.Future[Accepted]", Outcome]


class GroupCommit:
    """The writer thread of an API process."""

    def __init__(self, database: Database, *, on_committed: Callable[[Sequence[str]], None]) -> None:
        """`on_committed` is called with the new orders' ids, on the writer's thread, after their commit."""
        self._database = database
        self._on_committed = on_committed
        self._queue: queue.SimpleQueue[tuple[Request, asyncio.Future[Accepted]] | None] = queue.SimpleQueue()
        self._waiting_orders = 0
        self._waiting_bytes = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)

    def start(self) -> None:
        """Start the thread. Called on the event loop whose requests it serves."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Store what is in hand, then end."""
        self._queue.put(None)
        self._thread.join(timeout=10)

    async def accept(self, request: Request) -> Accepted:
        """Store one new order and return once it is committed.

        Raises OverloadedError before anything is stored; KeyInFlightError, KeyReusedError; DatabaseAwayError.
        """
        size = len(request.command.sent)
        if self._waiting_orders >= WAITING_MOST_ORDERS or self._waiting_bytes + size > WAITING_MOST_BYTES:
            raise OverloadedError
        accepted: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting_orders += 1
        self._waiting_bytes += size
        self._queue.put((request, accepted))
        try:
            return await accepted
        finally:
            self._waiting_orders -= 1
            self._waiting_bytes -= size

    def _run(self) -> None:
        while True:
            batch, is_last = self._next_batch()
            if batch:
                outcomes = self._store([request for request, _ in batch])
                results = [(future, outcome) for (_, future), outcome in zip(batch, outcomes, strict=True)]
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(_hand_out, results)
            if is_last:
                return

    def _next_batch(self) -> tuple[list[tuple[Request, asyncio.Future[Accepted]]], bool]:
        """Wait for one request, then take whatever else is in hand. The flag says that no more will come."""
        batch: list[tuple[Request, asyncio.Future[Accepted]]] = []
        size = 0
        while len(batch) < BATCH_MOST_ORDERS and size < BATCH_MOST_BYTES:
            try:
                item = self._queue.get(block=not batch)
            except queue.Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
            size += len(item[0].command.sent)
        return batch, False

    def _store(self, requests: Sequence[Request]) -> list[Outcome]:
        outcomes = store_by_halves(self._database, requests)
        new = [item.order.order_id for item in outcomes if isinstance(item, Accepted) and not item.is_repeat]
        if new:
            self._on_committed(new)
        return outcomes


def _hand_out(results: Sequence[Result]) -> None:
    for future, outcome in results:
        if future.done():
            continue  # the caller has hung up; its order is stored all the same
        if isinstance(outcome, Accepted):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


def store_by_halves(database: Database, requests: Sequence[Request]) -> list[Outcome]:
    """Store all of them in one transaction, or find by halving which of them cannot be stored."""
    try:
        with database.write() as connection:
            return _store_together(connection, requests, database.now(connection))
    except Exception as error:  # noqa: BLE001  # each is told to its request, as its own or as the database's fault
        if is_disconnected(error):
            return _look_again(database, requests)
        if is_away(error):
            log.warning("database_away", error=type(error).__name__, orders=len(requests))
            return [DatabaseAwayError() for _ in requests]
        if len(requests) == 1:
            return [_refusal(requests[0], error)]
    middle = len(requests) // 2
    return store_by_halves(database, requests[:middle]) + store_by_halves(database, requests[middle:])


def _store_together(connection: Connection, requests: Sequence[Request], now: datetime) -> list[Outcome]:
    claims = idempotency.claim(connection, [(r.key, r.command.order_id) for r in requests if r.key], now)
    new = [r.command for r in requests if r.command.order_id not in claims]
    recorded = [events.record(None, receive(command, now)) for command in new]
    if recorded:
        store.insert_orders(connection, [order for order, _ in recorded])
        store.insert_events(connection, [row for _, row in recorded])
    orders = {order.order_id: order for order, _ in recorded}
    # A repeat may be of an order in this very batch, so they are read after the insert.
    repeated = {claim.order_id for claim in claims.values() if isinstance(claim, Repeat)}
    if repeated:
        orders |= {order.order_id: order for order in store.read(connection, repeated)}
    return [_outcome(request.command.order_id, claims, orders) for request in requests]


def _outcome(order_id: str, claims: Mapping[str, Claim], orders: Mapping[str, Order]) -> Outcome:
    match claims.get(order_id):
        case None:
            return Accepted(orders[order_id], is_repeat=False)
        case Repeat(first_order_id):
            return Accepted(orders[first_order_id], is_repeat=True)
        case error:
            return error


def _look_again(database: Database, requests: Sequence[Request]) -> list[Outcome]:
    """The connection broke, perhaps during COMMIT: what became of it is read, not guessed."""
    try:
        with database.read() as connection:
            found = {order.order_id: order for order in store.read(connection, {r.command.order_id for r in requests})}
    except AWAY:
        found = {}
    return [
        Accepted(found[request.command.order_id], is_repeat=False)
        if request.command.order_id in found
        else DatabaseAwayError()
        for request in requests
    ]


def _refusal(request: Request, error: Exception) -> HardwareOrdersError:
    if request.key and is_lock_timeout(error):
        return KeyInFlightError()
    log.error("order_not_stored", order_id=request.command.order_id, error=type(error).__name__, exc_info=error)
    return DatabaseAwayError()
