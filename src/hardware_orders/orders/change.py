"""Everything that is decided in the request: one order, locked, decided by the same function, written, committed."""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import Connection

from hardware_orders import logging
from hardware_orders.database import Database
from hardware_orders.errors import NoSuchOrderError, StaleVersionError
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Command
from hardware_orders.orders.decide import decide
from hardware_orders.orders.order import Order
from hardware_orders.orders.visible import Entities

Found = TypeVar("Found")


def change(
    database: Database, order_id: str, entities: Entities, command: Command, expected: Collection[int] | None = None
) -> Order:
    """Apply the command under the row's lock and return the order as it then stands.

    `expected` are the versions that the caller would have it change; None means any. Raises NoSuchOrderError when there
    is none that this caller may see, NotAllowedError when its status forbids the command, FieldFixedError when the
    command changes what it cannot, StaleVersionError when it stands at another version; then nothing is written.
    """
    with database.write_for(entities) as connection:
        before, now = _only(store.lock(connection, [order_id], entities), order_id)
        if before.discarded_at is not None:
            raise NoSuchOrderError(order_id)
        decision = decide(before, command, now)
        # Last, as RFC 9110 section 13.2.1 has it: what would be refused anyway is refused for its own reason.
        if expected is not None and before.version not in expected:
            raise StaleVersionError
        after = decision.order
        if after is before:
            return before
        if decision.event is not None:
            after, row = events.record(before, decision)
            store.insert_events(connection, [row])
        store.write(connection, [(before, after)])
    step = {"order_id": after.order_id, "version": after.version, "status": after.status.value}
    logging.order_steps("order_changed", [step | ({"waits_for": after.intent.value} if after.intent else {})])
    return after


def get(connection: Connection, order_id: str, entities: Entities, *, even_discarded: bool = False) -> Order:
    """The order as it stands. Raises NoSuchOrderError when there is none that this caller may see.

    A discarded order is not there, but for who asks for its timeline (`even_discarded`).
    """
    order = _only(store.read(connection, [order_id], entities), order_id)
    if order.discarded_at is not None and not even_discarded:
        raise NoSuchOrderError(order_id)
    return order


def _only(found: list[Found], order_id: str) -> Found:
    if not found:
        raise NoSuchOrderError(order_id)
    return found[0]
