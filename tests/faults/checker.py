"""The checker: compares what clients were told with what the database, the log and the stream hold.

It is run when everything has come to rest, and names each fault in one line; nothing found means nothing wrong. What the
stores must hold whoever has sent what is checked as `hardware-orders events verify` checks it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent
from hardware_orders.orders import store
from hardware_orders.orders.order import Order
from hardware_orders.tables import idempotency_keys, order_events, orders
from hardware_orders.verification import entries, history, positions
from hardware_orders.verification.fault import runs
from tests.faults.load import STATUS, Request

Stream = Sequence[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Found:
    """What the stores hold: all orders, all events in the order of their insertion, and each key's order id."""

    orders: list[Order]
    events: list[Any]
    keys: Mapping[str, str]


def read(database: Database) -> Found:
    with database.read() as connection:
        ids = list(connection.execute(select(orders.c.order_id)).scalars())
        log = connection.execute(select(order_events).order_by(order_events.c.id)).all()
        keys = {row.key: row.order_id for row in connection.execute(select(idempotency_keys))}
        # SQLite takes no more parameters than this in one statement.
        parts = [store.read(connection, ids[start : start + 10_000]) for start in range(0, len(ids), 10_000)]
        return Found([order for part in parts for order in part], list(log), keys)


def faults(
    journal: Sequence[Request], found: Found, stream: Stream, followed: Sequence[int], fed: Sequence[Mapping[str, Any]]
) -> list[str]:
    """All that is wrong. `stream` is (position, CloudEvent) of its entries, `followed` the positions a consumer saw,
    `fed` the CloudEvents of the feed.
    """
    return [
        *_of_orders(journal, found),
        *_of_keys(journal, found),
        *_of_rest(journal, found),
        *_of_histories(found),
        *_of_positions(found),
        *_of_stream(found, stream),
        *_of_consumer(found, followed),
        *_of_feed(stream, fed),
    ]


def _of_orders(journal: Sequence[Request], found: Found) -> Iterator[str]:
    """Accepted: exactly one, with the content sent. Not known: none or one. Refused: none. Nothing that nobody sent."""
    by_reference: dict[str, list[Order]] = defaultdict(list)
    for order in found.orders:
        by_reference[order.body["orderReference"]].append(order)
    requests: dict[str, list[Request]] = defaultdict(list)
    for request in journal:
        requests[request.reference].append(request)
    for reference, sent in requests.items():
        stored = by_reference.pop(reference, [])
        if len(stored) > 1:
            yield f"{reference}: doubled, {len(stored)} orders"
        if not stored and any(request.is_accepted for request in sent):
            yield f"{reference}: lost, though it was accepted"
        if stored and all(request.is_refused for request in sent):
            yield f"{reference}: refused, yet there is an order"
        for order in stored:
            if order.sent != sent[0].sent:
                yield f"{reference}: not the content that was sent"
        told = {request.order_id for request in sent if request.is_accepted}
        if told - {order.order_id for order in stored}:
            yield f"{reference}: callers were told of orders that are not there: {told}"
    yield from (f"{reference}: nobody sent it" for reference in by_reference)


def _of_keys(journal: Sequence[Request], found: Found) -> Iterator[str]:
    told: dict[str, set[str | None]] = defaultdict(set)
    for request in journal:
        if request.key and request.is_accepted:
            told[request.key].add(request.order_id)
    for key, order_ids in told.items():
        if order_ids != {found.keys.get(key)}:
            yield f"{key}: callers were told {order_ids}, the key's order is {found.keys.get(key)}"
    known = {order.order_id for order in found.orders}
    yield from (f"{key}: its order is not there" for key, order_id in found.keys.items() if order_id not in known)


def _of_rest(journal: Sequence[Request], found: Found) -> Iterator[str]:
    """Settled as it should be, or parked for want of a portfolio."""
    kinds = {request.reference: request.kind for request in journal}
    for order in found.orders:
        expected = STATUS.get(kinds.get(order.body["orderReference"], ""))
        if order.is_waiting:
            yield f"{order.body['orderReference']}: still waits"
        elif order.status.value != expected:
            yield f"{order.body['orderReference']}: {order.status.value} {order.code}, not {expected}"


def _of_histories(found: Found) -> Iterator[str]:
    """Each order's events are 1..n, chained, and folded they give the row."""
    histories: dict[str, list[Any]] = defaultdict(list)
    for row in found.events:
        histories[row.order_id].append(row)
    for order in found.orders:
        yield from map(str, history.faults(order, histories.pop(order.order_id, [])))
    yield from (f"{order_id}: events without an order" for order_id in histories)


def _of_positions(found: Found) -> Iterator[str]:
    numbered = sorted(row.position for row in found.events if row.position is not None)
    if len(numbered) < len(found.events):
        yield f"{len(found.events) - len(numbered)} events have no position, though everything has come to rest"
    yield from map(str, positions.faults(numbered, 1, len(found.events)))


def _of_stream(found: Found, stream: Stream) -> Iterator[str]:
    """The stream is the log, event by event: these logs are shorter than what a rebuilt stream holds."""
    told = {row.position: json.loads(cloudevent.as_text(row)) for row in found.events if row.position is not None}
    log = {position: json.dumps(event) for position, event in told.items()}
    part = [(position, json.dumps(event)) for position, event in stream]
    first, top = (part[0][0], part[-1][0]) if part else (None, 0)
    yield from map(str, entries.ends(first, top, kept=1, last=len(found.events)))
    yield from map(str, entries.faults([part] if part else [], lambda _: log, 1))
    again = [event_id for event_id, count in Counter(event["id"] for _, event in stream).items() if count > 1]
    if again:
        yield f"the stream repeats {again}"


def _of_consumer(found: Found, followed: Sequence[int]) -> Iterator[str]:
    if list(followed) != list(range(1, len(found.events) + 1)):
        yield f"the log has {len(found.events)} events, a consumer saw {runs(list(followed))}"


def _of_feed(stream: Stream, fed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The feed tells what the stream does, which is held against the log."""
    if [event for _, event in stream] != list(fed):
        told = runs([event["data"]["position"] for event in fed])
        yield f"the feed is not the stream: it tells {told}"
