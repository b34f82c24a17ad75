"""One order of any kind: read it as it stands or stood, submit it as a draft, cancel it, follow its timeline."""

import json

from fastapi import APIRouter, Request
from starlette.responses import Response

from hardware_orders.api import answers, conditional, headers, openapi
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.context import Context, context, order_id
from hardware_orders.api.document.parameters import VERSION_MOST
from hardware_orders.api.problems import Problem, invalid, invalid_field
from hardware_orders.api.query import Query
from hardware_orders.contract.body import check_cancellation
from hardware_orders.delivery import cloudevent, log
from hardware_orders.intake import line
from hardware_orders.orders import change, history
from hardware_orders.orders.commands import Cancel, Submit
from hardware_orders.orders.status import Code

router = APIRouter(tags=["Orders"])


@router.get("/orders/{orderId}", **openapi.GET_ORDER)
def get_order(request: Request) -> Response:
    """The order as it stands; with `version` or `asOf`, as it stood."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE)
    query = Query(request, ("version", "asOf"))
    if "version" in query or "asOf" in query:
        return _as_it_stood(request, service, principal, query)
    with service.database.read_for(principal.entities) as connection:
        order = change.get(connection, order_id(request), principal.entities)
    is_known = conditional.is_known(request, order.version)
    if order.is_waiting:
        # How far it has come is outside its version, and is what the caller asks for.
        return answers.order(order, ahead=line.ahead(service.database, order))
    return answers.unchanged(order.version) if is_known else answers.order(order)


def _as_it_stood(request: Request, service: Context, principal: Principal, query: Query) -> Response:
    if "version" in query and "asOf" in query:
        raise invalid_field("asOf", "not_with_version", "cannot be sent with version; remove one of them")
    wanted, entities = order_id(request), principal.entities
    version, instant = query.number("version", 0, 1, VERSION_MOST), query.instant("asOf")
    with service.database.read_for(principal.entities) as connection:
        stood = (
            history.as_of(connection, wanted, entities, instant)
            if instant
            else history.at(connection, wanted, entities, version)
        )
    if conditional.is_known(request, stood.version):
        return answers.unchanged(stood.version)
    return answers.json_answer(stood.order, headers=conditional.etag(stood.version))


@router.get("/orders/{orderId}/events", **openapi.ORDER_EVENTS)
def order_events(request: Request) -> Response:
    """The order's timeline: every version it has had, who made it, and the chain that proves that none is missing."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE, Role.EVENTS_READ)
    query = Query(request, ("after", "limit"))
    after = query.number("after", 0, 0, openapi.POSITION_MOST)
    limit = query.number("limit", openapi.EVENTS_DEFAULT, 1, openapi.EVENTS_MOST)
    with service.database.read_for(principal.entities) as connection:
        order = change.get(connection, order_id(request), principal.entities, even_discarded=True)
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
    expected = conditional.expected(request)
    command = Submit(principal.actor, headers.portfolio_version(request))
    order = await service.change(order_id(request), principal, command, expected, seconds=preference.seconds)
    if not order.is_waiting and order.code == Code.PORTFOLIO_CHANGED:
        raise Problem(409, order.information or "", extension={"changes": order.portfolio_changes})
    return answers.settled_or_accepted(order, service.applied(preference))


@router.post("/orders/{orderId}/cancel", **openapi.CANCEL_ORDER)
async def cancel_order(request: Request) -> Response:
    """Cancels an order, while its `canCancel` says so; one that fulfilment works on is asked to be cancelled."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    expected = conditional.expected(request)
    _, _, body = await headers.body(request)
    errors = check_cancellation(body)
    if errors:
        raise invalid(errors)
    command = Cancel(body["cancelReasonEnum"], body.get("cancelAdditionalReason"), principal.actor)
    return answers.order(await service.change(order_id(request), principal, command, expected))
