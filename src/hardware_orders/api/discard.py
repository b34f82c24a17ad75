"""DELETE `/orders/drafts/{orderId}`: the order is gone for every read; what happened to it is not."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hardware_orders.api import answers, conditional, openapi
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import context, order_id
from hardware_orders.orders.commands import Discard

router = APIRouter(tags=["Orders"])


@router.delete("/orders/drafts/{orderId}", **openapi.DISCARD_DRAFT)
async def discard_draft(request: Request) -> Response:
    """Discards a draft, or an order that was parked before it was submitted. Its timeline stays readable."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    await service.change(order_id(request), principal, Discard(principal.actor), conditional.expected(request))
    return Response(status_code=204, headers=answers.NO_STORE)
