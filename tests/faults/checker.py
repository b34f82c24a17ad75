"""The checker: compares what clients were told with what the database, the log and the stream hold.

It is run when everything has come to rest, and names each fault in one line; nothing found means nothing wrong.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import select

from hardware_orders import instants
from hardware_orders.database import Database
from hardware_orders.delivery import cloudevent
from hardware_orders.orders import events, store, view
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.tables import idempotency_keys, order_events, orders
from tests.faults.load import STATUS, Request

Stream = Sequence[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Found:
    """What the stores hold: all orders, all events in the order of their insertion, and each key's order id."""

    orders: list[Order]
    events: list[Mapping[str, Any]]
    keys: Mapping[str, str]


def read(database: Database) -> Found:
    with database.read() as connection:
        ids = list(connection.execute(select(orders.c.order_id)).scalars())
        log = connection.execute(select(order_events).order_by(order_events.c.id)).mappings().all()
        keys = {row.key: row.order_id for row in connection.execute(select(idempotency_keys))}
        # SQLite takes no more parameters than this in one statement.
        parts = [store.read(connection, ids[start : start + 10_000]) for start in range(0, len(ids), 10_000)]
        return Found([order for part in parts for order in part], [dict(row) for row in log], keys)


def as_row(event: Mapping[str, Any]) -> cloudevent.EventRow:
    """An event of `Found` as what a CloudEvent is made of."""
    return cast(cloudevent.EventRow, SimpleNamespace(**event))


def faults(journal: Sequence[Request], found: Found, stream: Stream, followed: Sequence[int]) -> list[str]:
    """All that is wrong. `stream` is (position, CloudEvent) of its entries, `followed` the positions a consumer saw."""
    return [
        *_of_orders(journal, found),
        *_of_keys(journal, found),
        *_of_rest(journal, found),
        *_of_histories(found),
        *_of_positions(found),
        *_of_stream(found, stream),
        *_of_consumer(found, followed),
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
    histories: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in found.events:
        histories[row["order_id"]].append(row)
    for order in found.orders:
        history = histories.pop(order.order_id, [])
        if [row["sequence"] for row in history] != list(range(1, order.version + 1)):
            yield f"{order.order_id}: version {order.version}, events {[row['sequence'] for row in history]}"
            continue
        positions = [row["position"] or 0 for row in history]
        if positions != sorted(positions):
            yield f"{order.order_id}: positions {positions} do not rise with its sequence"
        yield from _of_chain(order, history)
        if folded(history) != json.loads(json.dumps(view.as_json(order))):
            yield f"{order.order_id}: its events do not add up to its row"
    yield from (f"{order_id}: events without an order" for order_id in histories)


def _of_chain(order: Order, history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    last = NO_HASH
    for row in history:
        if row["digest"] != events.digest(row["salt"], row["actor"], row["data"]):
            yield f"{order.order_id}: event {row['sequence']} was altered"
        if row["hash"] != events.chain(last, row):
            yield f"{order.order_id}: event {row['sequence']} does not follow the one before"
        last = row["hash"]
    if order.last_hash != last:
        yield f"{order.order_id}: the last event is not the row's"
    if any(instants.text(one["occurred_at"]) > instants.text(next_["occurred_at"]) for one, next_ in pairwise(history)):
        yield f"{order.order_id}: its time went back"


def folded(history: Sequence[Mapping[str, Any]]) -> Any:
    """The first event's order with all later changes made to it, member by member."""
    shown = json.loads(history[0]["data"])["order"]
    for row in history[1:]:
        for change in json.loads(row["data"])["changes"]:
            *parents, name = [part.replace("~1", "/").replace("~0", "~") for part in change["pointer"].split("/")[1:]]
            target = shown
            for parent in parents:
                target = target[parent]
            if "new" in change:
                target[name] = change["new"]
            else:
                del target[name]
    return shown


def _of_positions(found: Found) -> Iterator[str]:
    positions = sorted(row["position"] or 0 for row in found.events)
    if positions != list(range(1, len(positions) + 1)):
        yield f"{len(positions)} events, whose positions are not 1 to {len(positions)}"


def _of_stream(found: Found, stream: Stream) -> Iterator[str]:
    """The stream is the log, event by event: these logs are shorter than what a rebuilt stream holds."""
    positions = [position for position, _ in stream]
    if positions != list(range(1, len(found.events) + 1)):
        yield f"the log has {len(found.events)} events, the stream {_runs(positions)}"
    rows = {row["position"]: row for row in found.events}
    for position, event in stream:
        row = rows.get(position)
        if row and json.loads(cloudevent.as_text(as_row(row))) != event:
            yield f"position {position}: the stream has another event than the log"
    again = [event_id for event_id, count in Counter(event["id"] for _, event in stream).items() if count > 1]
    if again:
        yield f"the stream repeats {again}"


def _of_consumer(found: Found, followed: Sequence[int]) -> Iterator[str]:
    if list(followed) != list(range(1, len(found.events) + 1)):
        yield f"the log has {len(found.events)} events, a consumer saw {_runs(followed)}"


def _runs(positions: Sequence[int]) -> str:
    """`1-7, 9-12`: short enough to be read in a failure."""
    starts = [n for n, one in enumerate(positions) if n == 0 or one != positions[n - 1] + 1]
    ends = [*(start - 1 for start in starts[1:]), len(positions) - 1]
    return ", ".join(f"{positions[start]}-{positions[end]}" for start, end in zip(starts, ends, strict=True)) or "none"
