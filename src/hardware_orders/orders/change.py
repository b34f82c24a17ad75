"""Everything that is decided in the request: one order, locked, decided by the same function, written, committed."""

from collections.abc import Collection

from sqlalchemy import Connection

from hardware_orders.database import Database
from hardware_orders.errors import NoSuchOrderError
from hardware_orders.orders import events, store
from hardware_orders.orders.commands import Command
from hardware_orders.orders.decide import decide
from hardware_orders.orders.order import Order

Entities = Collection[str] | None
"""The customers a caller may act for; None means all of them."""


def change(database: Database, order_id: str, entities: Entities, command: Command) -> Order:
    """Apply the command under the row's lock and return the order as it then stands.

    Raises NoSuchOrderError when there is none that this caller may see, NotAllowedError when its status forbids the
    command, FieldFixedError when the command changes what it cannot; then nothing is written.
    """
    with database.write() as connection:
        before = _visible(store.lock(connection, [order_id]), order_id, entities)
        decision = decide(before, command, database.now(connection))
        after = decision.order
        if after is before:
            return before
        if decision.event is not None:
            after, row = events.record(before, decision)
            store.insert_events(connection, [row])
        store.write(connection, [(before, after)])
        return after


def get(connection: Connection, order_id: str, entities: Entities) -> Order:
    """The order as it stands. Raises NoSuchOrderError when there is none that this caller may see."""
    return _visible(store.read(connection, [order_id]), order_id, entities)


def _visible(found: list[Order], order_id: str, entities: Entities) -> Order:
    for order in found:
        if entities is None or order.customer_entity_uid in entities:
            return order
    raise NoSuchOrderError(order_id)
