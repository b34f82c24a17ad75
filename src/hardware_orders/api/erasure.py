"""POST `/orders/{orderId}/erasure`: what is about a person leaves an order that is over, and its events."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.api import answers, conditional, openapi
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import context, order_id
from hardware_orders.orders import erasure
from hardware_orders.orders.order import Order

router = APIRouter(tags=["Administration"])


@router.post("/orders/{orderId}/erasure", **openapi.ERASE_ORDER)
async def erase_order(request: Request) -> Response:
    """Erases names, telephones, addresses and free text from an order that is over, and from all its events, for ever."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ADMIN)
    expected, wanted = conditional.expected(request), order_id(request)

    async def erased() -> Order:
        return await run_in_threadpool(
            erasure.erase, service.database, wanted, principal.entities, principal.actor, expected
        )

    return answers.order(await service.intake.change(erased, wanted, 0))
