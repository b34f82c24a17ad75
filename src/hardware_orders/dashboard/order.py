"""*One order*: what it holds, what was derived from where, and everything that has happened to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.actor import Actor
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import order_id
from hardware_orders.dashboard.pages import Visit
from hardware_orders.delivery import log
from hardware_orders.delivery.webhooks import attempts, endpoints
from hardware_orders.orders import change, view
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import PARKED

# More than any order has; a page of more would not be read.
EVENTS_MOST = 200
DELIVERIES_MOST = 500


class Step(NamedTuple):
    """One event of the timeline. `seconds` is the time since the one before; None for the first."""

    sequence: int
    position: int | None
    type: str
    occurred_at: datetime
    seconds: float | None
    actor: Actor
    became: str | None  # the status that the order then had
    code: str | None
    information: str | None
    changes: Sequence[dict[str, Any]]


async def page(visit: Visit) -> Response:
    """The order, its timeline, its fields and its JSON. Another customer's is not found."""
    order, steps, is_cut, sent = await run_in_threadpool(_read, visit, order_id(visit.request))
    now = datetime.now(UTC)
    last = steps[-1].occurred_at if steps else order.modified_date
    return visit.page(
        "order",
        order=order,
        steps=steps,
        is_cut=is_cut,
        sent=sent,
        shown=view.as_json(order),
        is_parked=order.state == PARKED and not order.is_waiting,
        may_act=visit.may(Role.ORDERS_WRITE),
        since_last=max((now - last).total_seconds(), 0.0),
        due_in=(order.due_at - now).total_seconds() if order.due_at else None,
        total=max((last - order.created_date).total_seconds(), 0.0),
        did=visit.field("did"),
    )


def _read(visit: Visit, wanted: str) -> tuple[Order, list[Step], bool, list[dict[str, Any]]]:
    entities = visit.principal.entities
    with visit.service.database.read_for(entities) as connection:
        order = change.get(connection, wanted, entities, even_discarded=True)
        rows = log.of_order(connection, order.order_id, 0, EVENTS_MOST + 1)
        sent = _deliveries(visit, connection, rows[:EVENTS_MOST]) if visit.may(Role.WEBHOOKS_WRITE) else []
    return order, steps(rows[:EVENTS_MOST]), len(rows) > EVENTS_MOST, sent


def _deliveries(visit: Visit, connection: Any, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """The attempts to tell the visitor's endpoints of these events, each with its endpoint and the event's sequence."""
    shown = {endpoint.endpoint_id: endpoint for endpoint in endpoints.visible(connection, visit.principal.entities)}
    told = {row.event_id: row for row in rows}
    found = attempts.of_events(connection, list(told), DELIVERIES_MOST) if shown else []
    return [
        {**row, "endpoint": shown[row["endpoint_id"]], "event": told[row["event_id"]]}
        for row in found
        if row["endpoint_id"] in shown
    ]


def steps(rows: Sequence[Any]) -> list[Step]:
    """The timeline of an order's events, in their sequence."""
    made = []
    before: datetime | None = None
    for row in rows:
        told = orjson.loads(row.data) if row.data else {}
        details = (told.get("order") or {}).get("internal", {}).get("extendedDetails", {})
        made.append(
            Step(
                sequence=row.sequence,
                position=row.position,
                type=row.type,
                occurred_at=row.occurred_at,
                seconds=max((row.occurred_at - before).total_seconds(), 0.0) if before else None,
                actor=Actor.from_text(row.actor) if row.actor else Actor(None, "erased"),
                became=told.get("status"),
                code=details.get("code"),
                information=details.get("information"),
                changes=told.get("changes") or [],
            )
        )
        before = row.occurred_at
    return made
