"""Reads database and stream from end to end, in parts, and gathers what is wrong.

Orders go on changing meanwhile: what seems wrong with one is looked at again, as it is at one moment, before it is said.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, func, select, tuple_

from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent, log
from hardware_orders.delivery.stream import Entries, StreamAwayError
from hardware_orders.orders import store
from hardware_orders.orders.order import Order
from hardware_orders.tables import chain_starts, order_events, orders, relay_position
from hardware_orders.verification import entries, history, positions
from hardware_orders.verification.fault import Fault

PART_ROWS = 1_000
PART_POSITIONS = 10_000
# Enough to see what happened; one cause has many consequences.
FAULTS_MOST = 1_000
TRIES = 5
# How long the relay may need for what was numbered when the check began.
STREAM_SECONDS = 5.0
LOOK_SECONDS = 0.1
_NIL = "00000000-0000-0000-0000-000000000000"

_ORDERS = log.within_bytes(
    select(orders)
    .where(orders.c.order_id > bindparam("after", type_=orders.c.order_id.type))
    .order_by(orders.c.order_id)
    .limit(PART_ROWS)
    .subquery("page"),
    "order_id",
    text="sent",
)
_KEY = tuple_(order_events.c.order_id, order_events.c.sequence)
_AFTER = tuple_(bindparam("order_id", type_=order_events.c.order_id.type), bindparam("sequence"))
_EVENTS = log.within_bytes(
    select(order_events)
    .where(_KEY > _AFTER)
    .order_by(order_events.c.order_id, order_events.c.sequence)
    .limit(PART_ROWS)
    .subquery("page"),
    "order_id",
    "sequence",
)
_OF_ORDER = (
    select(order_events).where(order_events.c.order_id == bindparam("order_id")).order_by(order_events.c.sequence)
)
_POSITIONS = (
    select(order_events.c.position)
    .where(order_events.c.position > bindparam("after"))
    .order_by(order_events.c.position)
    .limit(PART_POSITIONS)
)
# One statement, so that both are of the same moment.
_BEYOND = (
    select(order_events.c.position)
    .where(order_events.c.position > select(relay_position.c.last).scalar_subquery())
    .limit(FAULTS_MOST)
)
_AT = select(*log.TOLD).where(order_events.c.position.in_(bindparam("positions", expanding=True)))
_START = select(chain_starts).where(chain_starts.c.order_id == bindparam("order_id"))
_NOT_ERASED = (
    select(order_events.c.position)
    .where(order_events.c.position.between(bindparam("first"), bindparam("last")), order_events.c.salt != "")
    .limit(1)
)
_UNNUMBERED = select(func.count()).select_from(order_events).where(order_events.c.position.is_(None))

Tell = Callable[[str, int, int], None]
"""Told of progress: the check, how many of how many."""


@dataclass
class Report:
    """What was looked at, and what is wrong with it: the first FAULTS_MOST faults."""

    orders: int = 0
    events: int = 0
    unnumbered: int = 0
    first: int = 1
    last: int = 0
    entries: int = 0
    is_cut: bool = False
    faults: list[Fault] = field(default_factory=list)

    def add(self, found: Iterator[Fault]) -> None:
        self.faults += islice(found, FAULTS_MOST - len(self.faults))
        self.is_cut = self.is_cut or next(found, None) is not None


def verify(database: Database, stream: Entries | None, tell: Tell) -> Report:
    """Check everything. `database` reads as the relay does; a stream of None is not looked at."""
    report = Report()
    with database.read() as connection:
        report.first, report.last = log.ends(connection)
        report.unnumbered = connection.execute(_UNNUMBERED).scalar_one()
    report.add(_of_orders(database, report, tell))
    report.add(positions.faults(_positions(database, report, tell), report.first, report.last))
    report.add(_of_the_counter(database))
    if stream is not None:
        report.add(_of_stream(database, stream, report, tell))
    return report


def _of_orders(database: Database, report: Report, tell: Tell) -> Iterator[Fault]:
    for order, rows in _with_histories(_orders(database), _histories(database)):
        report.orders += order is not None
        report.events += len(rows)
        tell(history.CHECK, report.events, report.last + report.unnumbered)
        if order is None or next(history.faults(order, rows, _start(database, order, rows)), None):
            yield from _looked_at_again(database, order.order_id if order else rows[0].order_id)


def _start(database: Database, order: Order, rows: Sequence[Any]) -> history.Start:
    """Where the order's chain begins, or goes on from when its first events have been deleted."""
    if rows and rows[0].sequence == 1:
        return history.BEGINNING
    with database.read() as connection:
        found = connection.execute(_START, {"order_id": order.order_id}).one_or_none()
    return history.Start(found.sequence, found.hash) if found else history.BEGINNING


def _with_histories(
    found: Iterator[Order], histories: Iterator[tuple[str, list[Any]]]
) -> Iterator[tuple[Order | None, list[Any]]]:
    """Each order with its events; orders without any, and events without an order, alone. Both come by order id."""
    order, pair = next(found, None), next(histories, None)
    while order is not None or pair is not None:
        if order is not None and (pair is None or order.order_id < pair[0]):
            yield order, []
            order = next(found, None)
        elif pair is not None and (order is None or pair[0] < order.order_id):
            yield None, pair[1]
            pair = next(histories, None)
        elif pair is not None:
            yield order, pair[1]
            order, pair = next(found, None), next(histories, None)


def _orders(database: Database) -> Iterator[Order]:
    after = _NIL
    while True:
        with database.read_for(None) as connection:
            rows = connection.execute(_ORDERS, {"after": after}).mappings().all()
        if not rows:
            return
        yield from map(store.order_of, rows)
        after = rows[-1]["order_id"]


def _histories(database: Database) -> Iterator[tuple[str, list[Any]]]:
    for order_id, rows in groupby(chain.from_iterable(_events(database)), attrgetter("order_id")):
        yield order_id, list(rows)


def _events(database: Database) -> Iterator[Any]:
    after = {"order_id": _NIL, "sequence": 0}
    while True:
        with database.read() as connection:
            rows = connection.execute(_EVENTS, after).all()
        if not rows:
            return
        yield rows
        after = {"order_id": rows[-1].order_id, "sequence": rows[-1].sequence}


def _looked_at_again(database: Database, order_id: str) -> list[Fault]:
    before: list[Order] = []
    rows: Any = []
    for _ in range(TRIES):
        before = _read(database, order_id)
        with database.read() as connection:
            rows = connection.execute(_OF_ORDER, {"order_id": order_id}).all()
        if before == _read(database, order_id):
            break
    if before:
        return list(history.faults(before[0], rows, _start(database, before[0], rows)))
    return [Fault(history.CHECK, "has events and no row", order_id)] if rows else []


def _read(database: Database, order_id: str) -> list[Order]:
    with database.read_for(None) as connection:
        return store.read(connection, [order_id])


def _positions(database: Database, report: Report, tell: Tell) -> Iterator[int]:
    """All up to the last that was given when the check began."""
    after = report.first - 1
    while after < report.last:
        with database.read() as connection:
            found = connection.execute(_POSITIONS, {"after": after}).scalars().all()
        yield from (position for position in found if position <= report.last)
        if not found:
            return
        after = found[-1]
        tell(positions.CHECK, min(after, report.last), report.last)


def _of_the_counter(database: Database) -> Iterator[Fault]:
    with database.read() as connection:
        for position in connection.execute(_BEYOND).scalars():
            yield Fault(positions.CHECK, "is given, and the counter does not know it", position=position)


def _of_stream(database: Database, stream: Entries, report: Report, tell: Tell) -> Iterator[Fault]:
    """What is wrong is looked at again as a whole: the relay may trim the stream, or begin it anew, meanwhile."""
    try:
        found = list(islice(_of_entries(database, stream, report, tell), FAULTS_MOST))
        yield from (islice(_of_entries(database, stream, report, tell), FAULTS_MOST) if found else ())
    except StreamAwayError as error:
        yield Fault(entries.CHECK, f"it could not be read: {error}")


def _of_entries(database: Database, stream: Entries, report: Report, tell: Tell) -> Iterator[Fault]:
    def told(wanted: Collection[int]) -> dict[int, str]:
        with database.read() as connection:
            return {row.position: cloudevent.as_text(row) for row in connection.execute(_AT, {"positions": wanted})}

    def are_erased(first: int, last: int) -> bool:
        with database.read() as connection:
            return connection.execute(_NOT_ERASED, {"first": first, "last": last}).first() is None

    first, top = _settled_ends(stream, report.last)
    with database.read() as connection:
        now = log.last_position(connection)
    # Between the last of the beginning and that of now it is as it should be while the system works.
    yield from entries.ends(
        first,
        report.last if report.last <= top <= now else top,
        kept=report.first,
        last=report.last,
        are_erased=are_erased,
    )

    def counted() -> Iterator[list[entries.Entry]]:
        report.entries = 0
        for part in stream.parts():
            report.entries += len(part)
            tell(entries.CHECK, report.entries, top - (first or 1) + 1)
            yield part

    yield from entries.faults(counted(), told, report.first, are_erased)


def _settled_ends(stream: Entries, last: int) -> tuple[int | None, int]:
    until = time.monotonic() + STREAM_SECONDS
    while True:
        first, top = stream.ends()
        if top >= last or time.monotonic() > until:
            return first, top
        time.sleep(LOOK_SECONDS)
