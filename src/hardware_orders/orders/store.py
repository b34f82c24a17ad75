"""Orders and their events in the database: rows in, rows out. Decides nothing, and never begins or commits."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, Text, bindparam, func, select

from hardware_orders import bulk, canonical, instants
from hardware_orders.actor import Actor
from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders import failures, visible
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Intent
from hardware_orders.orders.visible import Entities
from hardware_orders.portfolio.layer import DerivedField
from hardware_orders.tables import Instant, order_events, orders

_IS_ONE_OF = bulk.is_one_of(orders.c.order_id, bindparam("ids", type_=Text))
_READ = select(orders).where(_IS_ONE_OF)
_LOCK = (
    select(orders, func.clock_timestamp(type_=Instant).label("locked_at"))
    .where(_IS_ONE_OF)
    .order_by(orders.c.order_id)
    .with_for_update()
)
_READ_VISIBLE, _LOCK_VISIBLE = _READ.where(visible.CONDITION), _LOCK.where(visible.CONDITION)
_WAITING_CUSTOMERS = select(orders.c.order_id, orders.c.customer_entity_uid).where(
    _IS_ONE_OF, orders.c.due_at.is_not(None), orders.c.simplified.is_(True), orders.c.intent != Intent.PINNED.value
)

# What no new order has, and what seldom changes afterwards.
_LATER = ("tracking_reference", "order_number", "discarded_at", "erased_at", "waiting_since", "stalled_at")
_later = attrgetter(*_LATER)


def insert_orders(connection: Connection, new: Sequence[Order]) -> None:
    bulk.insert_rows(connection, orders, [{**_origin(order), **_state(order), **_body(order)} for order in new])


def insert_events(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of `events.record`. Raises IntegrityError when an order already has an event of that sequence."""
    bulk.insert_rows(connection, order_events, rows)


def lock(connection: Connection, order_ids: Collection[str], entities: Entities = None) -> list[tuple[Order, datetime]]:
    """The orders of these ids that are visible to these entities, locked until the transaction ends.

    Each comes with the database's clock as it was found.

    The only place that locks orders. Always in the order of their ids, and waiting rather than skipping: two batches
    that share orders queue up behind one another, where any other order makes them lock each other out (docs/adr/0002).
    """
    statement, parameters = _LOCK, bulk.ids(order_ids)
    if entities is not None:
        statement, parameters = _LOCK_VISIBLE, parameters | visible.parameter(entities)
    return [(order_of(row), row["locked_at"]) for row in connection.execute(statement, parameters).mappings()]


def read(connection: Connection, order_ids: Collection[str], entities: Entities = None) -> list[Order]:
    """The orders of these ids that are visible to these entities as they stand, without a lock."""
    statement, parameters = _READ, bulk.ids(order_ids)
    if entities is not None:
        statement, parameters = _READ_VISIBLE, parameters | visible.parameter(entities)
    return [order_of(row) for row in connection.execute(statement, parameters).mappings()]


def waiting_customers(connection: Connection, order_ids: Collection[str]) -> dict[str, str]:
    """Those of these orders that wait and need a portfolio, each with the customer whose it must be."""
    rows = connection.execute(_WAITING_CUSTOMERS, bulk.ids(order_ids))
    return {row.order_id: row.customer_entity_uid for row in rows}


def write(connection: Connection, changed: Iterable[tuple[Order, Order]]) -> None:
    """Update (before, after) pairs of locked orders. What seldom changes, and is large, is not sent again."""
    by_columns: defaultdict[tuple[bool, bool, bool], list[dict[str, Any]]] = defaultdict(list)
    for before, after in changed:
        row = {"order_id": after.order_id, **_state(after)}
        has_body = after.body is not before.body or after.sent != before.sent or _changes(after) != _changes(before)
        if has_body:
            row |= _body(after) | _changes(after)
        is_later = _later(after) != _later(before)
        if is_later:
            row |= zip(_LATER, _later(after), strict=True)
        has_failed = after.failures != before.failures
        if has_failed:
            row |= _failures(after)
        by_columns[has_body, is_later, has_failed].append(row)
    for rows in by_columns.values():
        bulk.update_rows(connection, orders, rows)


def write_attempts(connection: Connection, starts: Sequence[tuple[str, int, datetime]]) -> None:
    """Set (order id, attempts, due_at) of locked orders before the work on them begins."""
    rows = [{"order_id": order_id, "attempts": attempts, "due_at": due_at} for order_id, attempts, due_at in starts]
    bulk.update_rows(connection, orders, rows)


def write_failures(connection: Connection, changed: Iterable[Order]) -> None:
    """Set the failures of locked orders, and nothing else of them."""
    bulk.update_rows(connection, orders, [{"order_id": order.order_id, **_failures(order)} for order in changed])


def _state(order: Order) -> dict[str, Any]:
    return {
        "version": order.version,
        "status": order.status.value,
        "detailed_status": order.detailed_status.value if order.detailed_status else None,
        "code": order.code,
        "information": order.information,
        "status_changed_at": order.status_changed_at,
        "portfolio_uid": order.portfolio_uid,
        "portfolio_version": order.portfolio_version,
        "due_at": order.due_at,
        "intent": order.intent.value if order.intent else None,
        "due_actor": order.due_actor.as_text() if order.due_actor else None,
        "attempts": order.attempts,
        "lookups": order.lookups,
        "modified_user_uid": order.modified.uid,
        "modified_by": order.modified.name,
        "modified_date": order.modified_date,
        "submitted_at": order.submitted_at,
        "cancellations": canonical.text(list(order.cancellations)),
        "last_hash": order.last_hash,
    }


def _body(order: Order) -> dict[str, Any]:
    requested_date = order.body.get("requestedDate")
    return {
        "sent": order.sent,
        "body": canonical.text(order.body) if order.derived else None,
        "derived": None if order.derived is None else canonical.text([field.as_json() for field in order.derived]),
        "derived_at": order.derived_at,
        "missing": canonical.text(order.missing),
        "order_reference": order.body["orderReference"],
        "requested_date": instants.parse(requested_date) if requested_date else None,
        "po_ref": order.body.get("poRef"),
        "merchant_name": order.body.get("merchant", {}).get("merchantName"),
    }


def _changes(order: Order) -> dict[str, Any]:
    """Null in every new order, so that the insert does not name it."""
    return {"portfolio_changes": canonical.text(list(order.portfolio_changes)) if order.portfolio_changes else None}


def _failures(order: Order) -> dict[str, Any]:
    """As `_changes`."""
    return {"failures": failures.as_text(order.failures)}


def _origin(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "customer_entity_uid": order.customer_entity_uid,
        "simplified": order.simplified,
        "created_user_uid": order.created.uid,
        "created_by": order.created.name,
        "created_date": order.created_date,
    }


def order_of(row: RowMapping) -> Order:
    """The order of a row that has all columns of `orders`."""
    return Order(
        order_id=row["order_id"],
        version=row["version"],
        status=Status(row["status"]),
        detailed_status=DetailedStatus(row["detailed_status"]) if row["detailed_status"] else None,
        code=row["code"],
        information=row["information"],
        status_changed_at=row["status_changed_at"],
        sent=row["sent"],
        body=orjson.loads(row["body"] or row["sent"]),
        derived=None if row["derived"] is None else tuple(_derived(field) for field in orjson.loads(row["derived"])),
        derived_at=row["derived_at"],
        missing=tuple(orjson.loads(row["missing"])),
        simplified=bool(row["simplified"]),
        portfolio_uid=row["portfolio_uid"],
        portfolio_version=row["portfolio_version"],
        portfolio_changes=tuple(orjson.loads(row["portfolio_changes"] or "[]")),
        due_at=row["due_at"],
        intent=Intent(row["intent"]) if row["intent"] else None,
        due_actor=Actor.from_text(row["due_actor"]) if row["due_actor"] else None,
        attempts=row["attempts"],
        lookups=row["lookups"],
        created=Actor(row["created_user_uid"], row["created_by"]),
        created_date=row["created_date"],
        modified=Actor(row["modified_user_uid"], row["modified_by"]),
        modified_date=row["modified_date"],
        submitted_at=row["submitted_at"],
        cancellations=tuple(orjson.loads(row["cancellations"])),
        tracking_reference=row["tracking_reference"],
        order_number=row["order_number"],
        discarded_at=row["discarded_at"],
        erased_at=row["erased_at"],
        waiting_since=row["waiting_since"],
        stalled_at=row["stalled_at"],
        failures=failures.from_text(row["failures"]),
        last_hash=row["last_hash"],
    )


def _derived(row: Mapping[str, Any]) -> DerivedField:
    return DerivedField(row["pointer"], row["value"], row["origin"], row["portfolioUid"], row["version"], row["rule"])
