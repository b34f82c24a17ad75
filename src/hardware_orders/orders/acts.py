"""What an operator does to several orders at once: all under one lock, each decided as for itself, told as one row."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from hardware_orders import logging, operations
from hardware_orders.actor import Actor
from hardware_orders.database import Database
from hardware_orders.errors import NotAllowedError, StaleVersionError
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Command
from hardware_orders.orders.decide import decide
from hardware_orders.orders.order import Order
from hardware_orders.orders.visible import Entities


class Acted(NamedTuple):
    """The orders as they now stand, and how many could not be changed: moved on, gone, or another customer's."""

    orders: Sequence[Order]
    refused: int


def act(
    database: Database,
    order_ids: Collection[str],
    entities: Entities,
    commands: Sequence[Command],
    *,
    actor: Actor,
    action: str,
    expected_version: int | None = None,
    **details: Any,
) -> Acted:
    """Apply the commands, one after the other, to each of these orders that allows them, in one transaction.

    What they did is in the operations log as `action`, with how many orders it was, or is not there either. Raises
    StaleVersionError when an order is not at `expected_version`, if that is given.
    """
    acted: list[Order] = []
    changed: list[tuple[Order, Order]] = []
    rows: list[dict[str, Any]] = []
    with database.write_for(entities) as connection:
        for before, now in store.lock(connection, order_ids, entities):
            if expected_version not in (None, before.version):
                raise StaleVersionError
            try:
                after, told = _after(before, commands, now) if before.discarded_at is None else (None, [])
            except NotAllowedError:
                continue
            if after is None:
                continue
            acted.append(after)
            rows += told
            if after is not before:
                changed.append((before, after))
        store.write(connection, changed)
        store.insert_events(connection, rows)
        refused = len(order_ids) - len(acted)
        subject = next(iter(order_ids)) if len(order_ids) == 1 else None
        operations.record(connection, actor, action, subject, orders=len(acted), refused=refused, **details)
    steps = ({"order_id": order.order_id, "version": order.version, "status": order.status.value} for order in acted)
    logging.order_steps("order_changed", steps)
    return Acted(acted, refused)


def _after(before: Order, commands: Sequence[Command], now: Any) -> tuple[Order, list[dict[str, Any]]]:
    order, rows = before, []
    for command in commands:
        decision = decide(order, command, now)
        after = decision.order
        if decision.event is not None:
            after, row = events.record(order, decision)
            rows.append(row)
        order = after
    return order, rows
