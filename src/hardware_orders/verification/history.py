"""One order and its events: every version has one, they are chained, and they add up to the row."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from hardware_orders.orders import events, view
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import EventType
from hardware_orders.verification.fault import Fault

CHECK = "orders"


class Start(NamedTuple):
    """Where an order's chain goes on from: the sequence and hash of the last event that was deleted."""

    sequence: int
    hash: str


BEGINNING = Start(0, NO_HASH)


def faults(order: Order, history: Sequence[Any], start: Start = BEGINNING) -> Iterator[Fault]:
    """All that is wrong. `history` are the order's rows of `order_events`, in the order of their sequence.

    An event whose data was erased has no salt: what it said is not checked, its place in the chain is. An erasure is
    told by an event behind it.
    """
    sequences = [row.sequence for row in history]
    if sequences != list(range(start.sequence + 1, order.version + 1)):
        yield _fault(order, f"version {order.version}, events {shortened(sequences)}")
        return
    yield from _of_chain(order, history, start)
    positions = [row.position for row in history if row.position is not None]
    if positions != sorted(positions) or any(row.position is not None for row in history[len(positions) :]):
        yield _fault(order, f"positions {shortened(positions)} do not rise with its sequence")
    if history and all(row.salt for row in history):
        yield from _of_row(order, history)


def _of_chain(order: Order, history: Sequence[Any], start: Start) -> Iterator[Fault]:
    last = start.hash
    erased_at = max((row.sequence for row in history if row.type == EventType.ERASED), default=0)
    for row in history:
        if not row.salt and row.sequence >= erased_at:
            yield _fault(order, f"event {row.sequence} lost its salt, and no erasure is told", row.position)
        if row.salt and row.digest != events.digest(row.salt, row.actor, row.data):
            yield _fault(order, f"event {row.sequence} was altered", row.position)
        if row.hash != events.chain(last, row._asdict()):
            yield _fault(order, f"event {row.sequence} does not follow the one before", row.position)
        last = row.hash
    if order.last_hash != last:
        yield _fault(order, "the last event is not the row's")
    if any(one.occurred_at > after.occurred_at for one, after in pairwise(history)):
        yield _fault(order, "its time went back")


def _of_row(order: Order, history: Sequence[Any]) -> Iterator[Fault]:
    try:
        datas = [orjson.loads(row.data) for row in history]
        shown = datas[-1]["order"]
        is_sum = events.folded(datas) == shown
    except (ValueError, KeyError, TypeError, IndexError):
        yield _fault(order, "its events hold no order")
        return
    if not is_sum:
        yield _fault(order, "its changes do not add up to its last event")
    if shown != orjson.loads(orjson.dumps(view.as_json(order))):
        yield _fault(order, "its events do not add up to its row")


def _fault(order: Order, sentence: str, position: int | None = None) -> Fault:
    return Fault(CHECK, sentence, order.order_id, position)


def shortened(numbers: Sequence[int]) -> str:
    """The numbers, the first few of many."""
    most = 20
    return f"{list(numbers)}" if len(numbers) <= most else f"{list(numbers[:most])[:-1]}, and so on]"
