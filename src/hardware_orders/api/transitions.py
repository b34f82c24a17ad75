"""GET `/orders/transitions`: the table by which orders move, for programs to read."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hardware_orders.api import answers, openapi
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import context
from hardware_orders.orders import transitions

router = APIRouter(tags=["Orders"])

# The table changes with a release only.
_CACHED = {"Cache-Control": "private, max-age=3600"}


@router.get("/orders/transitions", **openapi.LIST_TRANSITIONS)
async def list_transitions(request: Request) -> Response:
    """Every status and detailed status with its meaning, every move there is, and which values never occur here."""
    context(request).authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE, Role.FULFILMENT)
    return answers.json_answer(transitions.as_json(), headers=_CACHED)
