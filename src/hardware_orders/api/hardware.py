"""POST `/orders/hardware` and PUT `/orders/hardware/{orderId}`: the vendor's page to the letter."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import canonical, identifiers
from hardware_orders.api import answers, conditional, headers, openapi
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.context import Context, context, order_id
from hardware_orders.api.problems import Problem, invalid, invalid_field
from hardware_orders.contract.body import check_order
from hardware_orders.intake import group_commit
from hardware_orders.orders import change, view
from hardware_orders.orders.commands import Receive, Replace
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import Intent

router = APIRouter(tags=["Hardware Orders"])


@router.post("/orders/hardware", **openapi.ADD_HARDWARE_ORDER)
async def add_hardware_order(request: Request) -> Response:
    """Adds an order: submitted at once, or saved as a draft; completed from the portfolio under the simplified flow."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    save_draft = headers.boolean(request, "saveDraft")
    simplified = headers.boolean(request, "X-Use-Simplified-Order-Flow")
    preference = headers.preference(request, service.wait_seconds)
    raw, sent, body = await headers.body(request)
    key = headers.idempotency_key(request, principal.actor.uid or "", raw, f"{save_draft}", f"{simplified}")
    command = checked(principal, sent, body, save_draft=save_draft, simplified=simplified)
    accepted = await service.intake.accept(group_commit.Request(command, key), preference.seconds)
    replayed = {"Idempotent-Replayed": "true"} if accepted.is_repeat else {}
    return answers.settled_or_accepted(accepted.order, service.applied(preference), replayed)


@router.put("/orders/hardware/{orderId}", **openapi.REPLACE_HARDWARE_ORDER)
async def replace_hardware_order(request: Request) -> Response:
    """Replaces an order that has not been submitted: what the body leaves out is gone, or derived anew."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    preference = headers.preference(request, service.wait_seconds)
    expected = conditional.expected(request)
    _, sent, parsed = await headers.body(request)
    body = parsed
    current = await run_in_threadpool(_current, service, order_id(request), principal)
    if isinstance(body, dict):
        body = _without_read_only(body, view.as_json(current))
    errors = check_order(body, complete=not current.simplified)
    if errors:
        raise invalid(errors)
    # The order's own body is what stays of it: the text as sent, unless members had to be left out.
    command = Replace(sent if body is parsed else canonical.text(body), body, principal.actor)
    order = await service.change(current.order_id, principal, command, expected, seconds=preference.seconds)
    return answers.settled_or_accepted(order, service.applied(preference))


def checked(
    principal: Principal,
    sent: str,
    body: Any,
    *,
    save_draft: bool,
    simplified: bool,
    patience: timedelta = timedelta(0),
) -> Receive:
    """The command that a new order's body stands for. Raises what `check` raises."""
    check(principal, body, complete=not simplified)
    return Receive(
        order_id=identifiers.new(),
        sent=sent,
        body=body,
        intent=Intent.DRAFT if save_draft else Intent.SUBMIT,
        simplified=simplified,
        actor=principal.actor,
        patience=patience,
    )


def check(principal: Principal, body: Any, *, complete: bool) -> None:
    """Raise Problem 400 for a new order's body that is wrong, 403 for a customer that is not the caller's."""
    errors = check_order(body, complete=complete)
    if errors:
        raise invalid(errors)
    if not principal.may_act_for(body["customerEntityUid"]):
        raise Problem(403, "The token does not allow orders for this customerEntityUid.", param="customerEntityUid")


def _current(service: Context, wanted: str, principal: Principal) -> Order:
    with service.database.read_for(principal.entities) as connection:
        return change.get(connection, wanted, principal.entities)


def _without_read_only(body: dict[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """The body without the members that only the service writes: a fetched order may be changed and sent back whole.

    Raises Problem 400 when one of them differs from the order. `internal` is for reading and is left out unread.
    """
    for name in view.READ_ONLY_MEMBERS:
        if name in body and body[name] != shown.get(name):
            raise invalid_field(name, "read_only", "cannot be set; leave it out, or send it back as it was")
    if not body.keys() & {*view.READ_ONLY_MEMBERS, "internal"}:
        return body
    return {name: value for name, value in body.items() if name not in (*view.READ_ONLY_MEMBERS, "internal")}
