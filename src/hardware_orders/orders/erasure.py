"""Erases what is about a person: from an order that is over, from its events, and from what else tells of its content.

Digest and hash of each event stay, so the chain still verifies; its salt is emptied, so nothing can be guessed from the
digest. The entries of the stream go with the event that says so (`delivery/stream.py`; docs/adr/0023).
"""

from collections.abc import Collection
from datetime import timedelta

import orjson
from sqlalchemy import Connection, bindparam, select, update

from hardware_orders import canonical, identifiers
from hardware_orders.actor import Actor
from hardware_orders.database import Database, DatabaseRole
from hardware_orders.errors import NoSuchOrderError, StaleVersionError
from hardware_orders.orders import events, personal, store
from hardware_orders.orders.commands import Erase
from hardware_orders.orders.decide import decide
from hardware_orders.orders.order import Order
from hardware_orders.orders.visible import Entities
from hardware_orders.tables import batch_items, idempotency_keys, order_events, webhook_attempts

# Key and order are stored in one transaction, stamped by one look at the clock; the key is found by its index on time.
_STORED_WITHIN = timedelta(seconds=1)

_EVENT, _KEY, _ITEM, _ATTEMPT = order_events.c, idempotency_keys.c, batch_items.c, webhook_attempts.c
# Read one at a time: an order may have had many versions, each with the whole order in it.
_SEQUENCES = select(_EVENT.sequence).where(_EVENT.order_id == bindparam("of_order"), _EVENT.salt != "")
_OF_EVENT = (_EVENT.order_id == bindparam("of_order"), _EVENT.sequence == bindparam("at_sequence"))
_DATA = select(_EVENT.data).where(*_OF_EVENT)
_REDACT = update(order_events).where(*_OF_EVENT).values(data=bindparam("redacted"), salt="")
_FORGET_KEY = (
    update(idempotency_keys)
    .where(_KEY.created_at.between(bindparam("first"), bindparam("last")), _KEY.order_id == bindparam("of_order"))
    .values(request_hash=bindparam("nobody_s"))
)
_FORGET_LINE = (
    update(batch_items).where(_ITEM.order_id == bindparam("of_order")).values(line_hash=bindparam("nobody_s"))
)
_FORGET_ANSWERS = (
    update(webhook_attempts)
    .where(_ATTEMPT.event_id.in_(select(_EVENT.event_id).where(_EVENT.order_id == bindparam("of_order"))))
    .values(answer=None)
)


def erase(
    database: Database, order_id: str, entities: Entities, actor: Actor, expected: Collection[int] | None = None
) -> Order:
    """Erase what is about a person and return the order as it then stands. Erasing again changes nothing.

    A discarded order is erased like any other: its timeline is still there. Raises NoSuchOrderError when there is none
    that this caller may see, NotAllowedError when it is not over, StaleVersionError when it stands at none of the
    `expected` versions; then nothing is written.
    """
    with database.write_for(entities, DatabaseRole.ERASER) as connection:
        found = store.lock(connection, [order_id], entities)
        if not found:
            raise NoSuchOrderError(order_id)
        ((before, now),) = found
        decision = decide(before, Erase(actor), now)
        if expected is not None and before.version not in expected:
            raise StaleVersionError
        if decision.event is None:
            return before
        _redact_events(connection, order_id)
        # A receiver may have answered with what it was sent.
        connection.execute(_FORGET_ANSWERS, {"of_order": order_id})
        _forget_hashes(connection, before)
        # What was erased is no part of the changes that the new event tells.
        after, row = events.record(personal.erased(before), decision)
        store.insert_events(connection, [row])
        store.write(connection, [(before, after)])
        return after


def _redact_events(connection: Connection, order_id: str) -> None:
    for sequence in connection.execute(_SEQUENCES, {"of_order": order_id}).scalars().all():
        event = {"of_order": order_id, "at_sequence": sequence}
        data = orjson.loads(connection.execute(_DATA, event).scalar_one())
        connection.execute(_REDACT, {**event, "redacted": canonical.text(personal.without_in_data(data))})


def _forget_hashes(connection: Connection, order: Order) -> None:
    """Overwrite the hashes of what was sent: with the rest of the order at hand, a telephone number could be guessed.

    A repeat of the request is then refused as another one, and makes no second order.
    """
    nobody_s = identifiers.random_bytes(32).hex()
    first, last = order.created_date - _STORED_WITHIN, order.created_date + _STORED_WITHIN
    connection.execute(_FORGET_KEY, {"of_order": order.order_id, "first": first, "last": last, "nobody_s": nobody_s})
    connection.execute(_FORGET_LINE, {"of_order": order.order_id, "nobody_s": nobody_s})
