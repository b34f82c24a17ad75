"""POST `/orders/{orderId}/status`: fulfilment reports where a submitted order stands."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hardware_orders.api import answers, conditional, headers, openapi
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import context, order_id
from hardware_orders.api.problems import invalid
from hardware_orders.contract.body import check_progress
from hardware_orders.orders.commands import Progress
from hardware_orders.orders.status import State

router = APIRouter(tags=["Fulfilment"])


@router.post("/orders/{orderId}/status", **openapi.REPORT_PROGRESS)
async def report_progress(request: Request) -> Response:
    """Moves a submitted order as `GET /orders/transitions` allows. The same report sent again changes nothing."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.FULFILMENT)
    expected = conditional.expected(request)
    _, _, body = await headers.body(request)
    errors = check_progress(body)
    if errors:
        raise invalid(errors)
    command = Progress(
        state=State.of(body["status"], body.get("detailedStatus")),
        code=body.get("code"),
        information=body.get("information"),
        tracking_reference=body.get("trackingReference"),
        order_number=body.get("orderNumber"),
        actor=principal.actor,
    )
    return answers.order(await service.change(order_id(request), principal, command, expected))
