"""One order of any kind: read it, submit it as a draft, cancel it, follow its timeline."""

import json
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.api import answers, headers, openapi
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.context import Context, context, order_id
from hardware_orders.api.problems import Problem, invalid, invalid_field
from hardware_orders.contract.body import check_cancellation
from hardware_orders.delivery import cloudevent, log
from hardware_orders.orders import change
from hardware_orders.orders.commands import Cancel, Command, Submit
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Code

router = APIRouter(tags=["Orders"])

# Events of one answer; the next page begins after `nextAfter`.
EVENTS_MOST = 500
EVENTS_DEFAULT = 100
DIGITS_MOST = 19  # of a 64-bit number


@router.get("/orders/{orderId}", **openapi.GET_ORDER)
def get_order(request: Request) -> Response:
    """The order as it stands."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE)
    with service.database.read() as connection:
        return answers.order(change.get(connection, order_id(request), principal.entities))


@router.get("/orders/{orderId}/events", **openapi.ORDER_EVENTS)
def order_events(request: Request) -> Response:
    """The order's timeline: every version it has had, who made it, and the chain that proves that none is missing."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE, Role.EVENTS_READ)
    after, limit = _number(request, "after", 0, 0, 2**62), _number(request, "limit", EVENTS_DEFAULT, 1, EVENTS_MOST)
    with service.database.read() as connection:
        order = change.get(connection, order_id(request), principal.entities)
        rows = log.of_order(connection, order.order_id, after, limit)
    numbered = [row.position for row in rows if row.position is not None]
    events = [json.loads(cloudevent.as_text(row, hash=row.hash, digest=row.digest)) for row in rows]
    return answers.json_answer({"events": events, "nextAfter": numbered[-1] if numbered else after})


@router.post("/orders/drafts/{orderId}", **openapi.SUBMIT_DRAFT)
async def submit_draft(request: Request) -> Response:
    """Submits a draft, or an order that was parked before it was submitted."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    preference = headers.preference(request, service.wait_seconds)
    order = await _change(service, order_id(request), principal, Submit(principal.actor), preference.seconds)
    if not order.is_waiting and order.code == Code.PORTFOLIO_CHANGED:
        raise Problem(409, order.information or "The portfolio has changed since the draft was saved.")
    return answers.settled_or_accepted(order, service.applied(preference))


@router.post("/orders/{orderId}/cancel", **openapi.CANCEL_ORDER)
async def cancel_order(request: Request) -> Response:
    """Cancels an order, while its `canCancel` says so."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    _, _, body = await headers.body(request)
    errors = check_cancellation(body)
    if errors:
        raise invalid(errors)
    command = Cancel(body["cancelReasonEnum"], body.get("cancelAdditionalReason"), principal.actor)
    return answers.order(await _change(service, order_id(request), principal, command, 0))


async def _change(service: Context, wanted: str, principal: Principal, command: Command, seconds: float) -> Order:
    async def changed() -> Order:
        return await run_in_threadpool(change.change, service.database, wanted, principal.entities, command)

    return await service.intake.change(changed, wanted, seconds)


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    values: list[Any] = request.query_params.getlist(name)
    if not values:
        return default
    text = values[0] if len(values) == 1 else ""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST and least <= int(text) <= most):
        raise invalid_field(name, "bad_number", f"must be one whole number from {least} to {most}")
    return int(text)
