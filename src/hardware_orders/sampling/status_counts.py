"""How many orders are in each status, kept by adding what each event changed: no count reads the orders themselves.

Counting a million rows takes most of a second, and there is a sample every second. The log has one event for each
change, so the counts at one position and the events behind it are the counts at the next.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select

from hardware_orders.orders.status import TRANSITIONS, Act, EventType
from hardware_orders.tables import order_events

# Of one sample: some fifty milliseconds of work. A log that is longer is counted over several.
EVENTS_MOST = 20_000

# Where an order stands after an event of each type. The three others depend on where it stood.
STATUS_AFTER: dict[EventType, str] = {
    row.event: row.target.status.value
    for row in TRANSITIONS
    if row.event not in (EventType.REPLACED, EventType.DISCARDED, EventType.STALLED)
}
_RECEIVED, _DRAFT = STATUS_AFTER[EventType.RECEIVED], STATUS_AFTER[EventType.DRAFTED]
_SETTLING = {row.event for row in TRANSITIONS if row.act is Act.SETTLE}
# Fulfilment holds orders as well, but none that it has not been given.
_NOT_SUBMITTED = (_RECEIVED, _DRAFT)


class Counts(NamedTuple):
    """What the log holds up to `position`. `received` and `settled` have only ever grown, so two make a rate."""

    position: int
    statuses: Mapping[str, int]  # without discarded orders, which no read finds
    received: int
    settled: int


NOTHING = Counts(0, {}, 0, 0)

_event, _earlier = order_events.alias("event"), order_events.alias("earlier")


def _last(*types: EventType) -> ColumnElement[str | None]:
    """The type of the last event of these types before this one, by the index of an order's events.

    Most events are an order's first or second, and before the second is only its receipt: nothing is looked up for them.
    """
    found = (
        select(_earlier.c.type)
        .where(
            _earlier.c.order_id == _event.c.order_id,
            _earlier.c.sequence < _event.c.sequence,
            _earlier.c.type.in_([event_type.value for event_type in types]),
        )
        .order_by(_earlier.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    known = {1: None, 2: EventType.RECEIVED.value}
    return case(known, value=_event.c.sequence, else_=found)


_MOVES = (
    select(
        _event.c.type,
        _last(*STATUS_AFTER, EventType.REPLACED).label("previous"),
        _last(*STATUS_AFTER).label("decisive"),
    )
    .where(_event.c.position > bindparam("after"), _event.c.position <= bindparam("upto"))
    .subquery("moves")
)
_COUNTED = select(_MOVES, func.count().label("found")).group_by(_MOVES.c.type, _MOVES.c.previous, _MOVES.c.decisive)


def advanced(connection: Connection, counts: Counts, last: int) -> Counts:
    """The counts further up the log: at position `last`, or as far as one sample goes."""
    upto = min(last, counts.position + EVENTS_MOST)
    if upto <= counts.position:
        return counts
    statuses, received, settled = Counter(counts.statuses), counts.received, counts.settled
    for row in connection.execute(_COUNTED, {"after": counts.position, "upto": upto}):
        before, after = _move(row.type, row.previous, row.decisive)
        if before:
            statuses[before] -= row.found
        if after:
            statuses[after] += row.found
        received += row.found if row.type == EventType.RECEIVED else 0
        if row.type in _SETTLING and (row.type != EventType.HELD or before in _NOT_SUBMITTED):
            settled += row.found
    return Counts(upto, {status: count for status, count in statuses.items() if count}, received, settled)


def _move(event_type: str, previous: str | None, decisive: str | None) -> tuple[str | None, str | None]:
    """From which status to which. None is outside: not there yet, or discarded."""
    before = None if previous is None else _status(previous, decisive)
    if event_type == EventType.DISCARDED:
        return before, None
    if event_type == EventType.REPLACED or event_type in STATUS_AFTER:
        return before, _status(event_type, decisive)
    return before, before  # such as a stalled order, which stands where it stood


def _status(event_type: str, decisive: str | None) -> str:
    if event_type != EventType.REPLACED:
        return STATUS_AFTER[EventType(event_type)]
    # A draft that is still being taken in stays so; all else becomes a draft (orders.status).
    return _RECEIVED if decisive == EventType.RECEIVED else _DRAFT
