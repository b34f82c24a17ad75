"""Group commit: whatever requests are in hand are stored together, in one transaction, by one thread.

A 2xx means that this commit returned. One request that cannot be stored never fails its neighbours: on an error the
batch is tried again by halves, so that only the guilty request is told (docs/adr/0002).
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from hardware_orders import logging
from hardware_orders.database import AWAY, Database, is_away, is_disconnected, is_lock_timeout
from hardware_orders.errors import (
    DatabaseAwayError,
    HardwareOrdersError,
    KeyInFlightError,
    LineTakenError,
    OverloadedError,
)
from hardware_orders.intake import batches, idempotency
from hardware_orders.intake.batches import Line
from hardware_orders.intake.idempotency import Claim, Key, Repeat
from hardware_orders.intake.in_hand import InHand
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Receive
from hardware_orders.orders.decide import receive
from hardware_orders.orders.order import Order

log = structlog.get_logger()

# What may be in hand before new requests are refused: about a second's work, and a bound on memory.
WAITING_MOST_ORDERS = 5_000
WAITING_MOST_BYTES = 64 * 2**20
# A batch that locks or conflicts is halved for so long; then the rest of it is told that the database is too busy.
HALVING_SECONDS = 5.0
# Twice what one statement may take. A database that is silent for longer answers nobody; who waits for it is told.
STALLED_SECONDS = 10.0
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """A new order on its way to the database, with its Idempotency-Key if it has one, and the line of its batch."""

    command: Receive
    key: Key | None
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A committed order. For a repeated request, the order that the first one made."""

    order: Order
    is_repeat: bool


Outcome = Accepted | HardwareOrdersError
OnCommitted = Callable[[Sequence[str], str | None], None]
Result = tuple["asyncio.Future[Accepted]", Outcome]


class GroupCommit:
    """The writer thread of an API process."""

    def __init__(
        self,
        database: Database,
        *,
        on_committed: OnCommitted,
        on_committed_lines: OnCommitted | None = None,
        key_lifetime: timedelta = idempotency.LIFETIME,
    ) -> None:
        """`on_committed` is called with the new orders' ids and a `traceparent`, if one of them has one, on the writer's
        thread, after their commit.

        `on_committed_lines`, where it is given, is called in its place with those of batches.
        """
        self._database = database
        self._key_lifetime = key_lifetime
        self._on_committed = on_committed
        self._on_committed_lines = on_committed_lines or on_committed
        self._in_hand: InHand[tuple[Request, asyncio.Future[Accepted]]] = InHand()
        self._waiting: set[asyncio.Future[Accepted]] = set()
        self._waiting_bytes = 0
        self._batch_since: float | None = None
        self._is_stalled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)

    def start(self) -> None:
        """Start the thread. Called on the event loop whose requests it serves."""
        self._loop = asyncio.get_running_loop()
        self._watching = self._loop.create_task(self._watch())
        self._thread.start()

    def stop(self) -> None:
        """Store what is in hand, then end. Called on the event loop."""
        if self._watching is not None:
            self._watching.cancel()
        self._in_hand.end()
        self._thread.join(timeout=10)

    async def accept(self, request: Request) -> Accepted:
        """Store one new order and return once it is committed.

        Raises OverloadedError before anything is stored; KeyInFlightError, KeyReusedError, LineTakenError;
        DatabaseAwayError.
        """
        accepted = self._put(request)
        try:
            return await accepted
        finally:
            self._forget(request, accepted)

    async def accept_all(self, requests: Sequence[Request]) -> list[Outcome]:
        """`accept` for several at once, each with an outcome of its own: a task for each would cost more than all else."""
        accepted = [self._put(request) for request in requests]
        try:
            return [_told(outcome) for outcome in await asyncio.gather(*accepted, return_exceptions=True)]
        finally:
            for request, future in zip(requests, accepted, strict=True):
                self._forget(request, future)

    def _put(self, request: Request) -> "asyncio.Future[Accepted]":
        size = len(request.command.sent)
        accepted: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        if self._is_stalled:
            accepted.set_exception(DatabaseAwayError())
        elif len(self._waiting) >= WAITING_MOST_ORDERS or self._waiting_bytes + size > WAITING_MOST_BYTES:
            accepted.set_exception(OverloadedError())
        else:
            self._waiting.add(accepted)
            self._waiting_bytes += size
            self._in_hand.put((request, accepted), size, is_line=request.line is not None)
        return accepted

    def _forget(self, request: Request, accepted: "asyncio.Future[Accepted]") -> None:
        if accepted in self._waiting:
            self._waiting.discard(accepted)
            self._waiting_bytes -= len(request.command.sent)

    async def _watch(self) -> None:
        """Tell those who wait for a database that has fallen silent; a driver may wait for it without end."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            since = self._batch_since
            is_stalled = since is not None and time.monotonic() - since > STALLED_SECONDS
            if is_stalled != self._is_stalled:
                log.warning("database_stalled" if is_stalled else "database_back", orders=len(self._waiting))
            self._is_stalled = is_stalled
            for accepted in self._waiting if is_stalled else ():
                if not accepted.done():
                    accepted.set_exception(DatabaseAwayError())

    def _run(self) -> None:
        while True:
            self._batch_since = None
            batch = self._in_hand.take()
            if not batch:
                return
            self._batch_since = time.monotonic()
            # Nobody waits any more for what was told 503 while the database was silent, and nobody wants it twice.
            batch = [item for item in batch if not item[1].done()]
            if batch:
                outcomes = self._store([request for request, _ in batch])
                results = [(future, outcome) for (_, future), outcome in zip(batch, outcomes, strict=True)]
                if self._loop is not None:
                    self._loop.call_soon_threadsafe(_hand_out, results)
                logging.order_steps("order_accepted", _steps(outcomes))

    def _store(self, requests: Sequence[Request]) -> list[Outcome]:
        until = time.monotonic() + HALVING_SECONDS
        outcomes = store_by_halves(self._database, requests, self._key_lifetime, until=until)
        made: tuple[list[Receive], list[Receive]] = ([], [])
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(outcome, Accepted) and not outcome.is_repeat:
                made[request.line is not None].append(request.command)
        for commands, tell in zip(made, (self._on_committed, self._on_committed_lines), strict=True):
            if commands:
                traces = [command.actor.trace for command in commands if command.actor.trace]
                tell([command.order_id for command in commands], traces[0].traceparent if traces else None)
        return outcomes


def _told(outcome: Accepted | BaseException) -> Outcome:
    if isinstance(outcome, Accepted | HardwareOrdersError):
        return outcome
    raise outcome


def _steps(outcomes: Sequence[Outcome]) -> Iterator[dict[str, str]]:
    for outcome in outcomes:
        if isinstance(outcome, Accepted) and not outcome.is_repeat:
            yield {"order_id": outcome.order.order_id}


def _hand_out(results: Sequence[Result]) -> None:
    for future, outcome in results:
        if future.done():
            continue  # the caller has hung up; its order is stored all the same
        if isinstance(outcome, Accepted):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


def store_by_halves(
    database: Database,
    requests: Sequence[Request],
    key_lifetime: timedelta = idempotency.LIFETIME,
    *,
    until: float = math.inf,
) -> list[Outcome]:
    """Store all of them in one transaction, or find by halving which of them cannot be stored.

    `until` is the monotonic time after which nothing is tried any more.
    """
    if time.monotonic() > until:
        return [DatabaseAwayError() for _ in requests]
    try:
        with database.write() as connection:
            return _store_together(connection, requests, key_lifetime, database.now(connection))
    except Exception as error:  # noqa: BLE001  # each is told to its request, as its own or as the database's fault
        if is_disconnected(error):
            return _look_again(database, requests)
        if is_away(error):
            log.warning("database_away", error=type(error).__name__, orders=len(requests))
            return [DatabaseAwayError() for _ in requests]
        if len(requests) == 1:
            return [_refusal(requests[0], error)]
    middle = len(requests) // 2
    halves = (requests[:middle], requests[middle:])
    return [outcome for half in halves for outcome in store_by_halves(database, half, key_lifetime, until=until)]


def _store_together(
    connection: Connection, requests: Sequence[Request], key_lifetime: timedelta, now: datetime
) -> list[Outcome]:
    keys = [(r.key, r.command.order_id) for r in requests if r.key]
    claims = idempotency.claim(connection, keys, now, key_lifetime)
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
    outcomes = [_outcome(request.command.order_id, claims, orders) for request in requests]
    made = [
        (request.line, outcome.order)
        for request, outcome in zip(requests, outcomes, strict=True)
        if request.line and isinstance(outcome, Accepted)
    ]
    if made:
        batches.insert_made(connection, made)
    return outcomes


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
    if request.line and batches.is_taken(error):
        return LineTakenError()
    if is_lock_timeout(error):
        if idempotency.is_of_keys(error):
            return KeyInFlightError()
        log.warning("database_locked", order_id=request.command.order_id)
        return DatabaseAwayError()
    log.error("order_not_stored", order_id=request.command.order_id, error=type(error).__name__, exc_info=error)
    return DatabaseAwayError()
