"""*One order*: what it holds, what was derived from where, and everything that has happened to it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
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
from hardware_orders.orders.failures import Cause, Failure, Failures
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import PARKED

# More than any order has; a page of more would not be read.
EVENTS_MOST = 200
DELIVERIES_MOST = 500


# What anybody who may read the order is told of a failed attempt. Its reason may name the service's files and machines,
# and what it says of a portfolio file may be of another customer: that is for who acts for all of them.
CAUSES = {
    Cause.LOOKUP: "The customer's portfolio could not be looked up.",
    Cause.FAULT: "The service made a mistake, which the worker's log tells.",
    Cause.UNENDED: "It was not heard of again: its worker was ended, or lost the database.",
}


class Step(NamedTuple):
    """One event of the timeline."""

    sequence: int
    position: int | None
    type: str
    occurred_at: datetime
    actor: Actor
    became: str | None  # the status that the order then had
    code: str | None
    information: str | None
    changes: Sequence[dict[str, Any]]


class Moment(NamedTuple):
    """A place of the timeline: an event, or attempts to settle the order that failed alike, one after the other.

    `seconds` is the time since the moment before; None for the first.
    """

    at: datetime
    seconds: float | None
    step: Step | None
    failure: Failure | None


async def page(visit: Visit) -> Response:
    """The order, its timeline, its fields and its JSON. Another customer's is not found."""
    order, steps, is_cut, sent = await run_in_threadpool(_read, visit, order_id(visit.request))
    now = datetime.now(UTC)
    last = steps[-1].occurred_at if steps else order.modified_date
    return visit.page(
        "order",
        order=order,
        moments=moments(steps, order.failures),
        is_cut=is_cut,
        events_most=EVENTS_MOST,
        causes=CAUSES,
        may_see_reasons=visit.principal.entities is None,
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
    for row in rows:
        told = orjson.loads(row.data) if row.data else {}
        details = (told.get("order") or {}).get("internal", {}).get("extendedDetails", {})
        made.append(
            Step(
                sequence=row.sequence,
                position=row.position,
                type=row.type,
                occurred_at=row.occurred_at,
                actor=Actor.from_text(row.actor) if row.actor else Actor(None, "erased"),
                became=told.get("status"),
                code=details.get("code"),
                information=details.get("information"),
                changes=told.get("changes") or [],
            )
        )
    return made


def moments(steps: Sequence[Step], failures: Failures) -> list[Moment]:
    """Events and failed attempts by their time; at the same time the event first, which is what was attempted."""
    found: list[tuple[datetime, Step | None, Failure | None]] = [(step.occurred_at, step, None) for step in steps]
    found += [(failure.first_at, None, failure) for failure in failures]
    found.sort(key=lambda one: one[0])
    gaps = [None, *(max((later[0] - one[0]).total_seconds(), 0.0) for one, later in pairwise(found))]
    return [Moment(at, seconds, step, failure) for (at, step, failure), seconds in zip(found, gaps, strict=False)]
