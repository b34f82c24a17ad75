"""Mending: an order's body, as its caller sent it, changed by a person and submitted again in one act."""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import canonical
from hardware_orders.api import strict_json
from hardware_orders.api.context import order_id
from hardware_orders.api.problems import Problem
from hardware_orders.contract.body import FieldError, check_order
from hardware_orders.dashboard import forms
from hardware_orders.dashboard.pages import Visit
from hardware_orders.dashboard.session import PATH
from hardware_orders.errors import FieldFixedError, StaleVersionError
from hardware_orders.orders import acts, change
from hardware_orders.orders.acts import Acted
from hardware_orders.orders.commands import Command, Replace, Submit
from hardware_orders.orders.order import Order

MENDED = "order.mended"


async def page(visit: Visit) -> Response:
    """The form, with what was sent."""
    order = await run_in_threadpool(_read, visit, order_id(visit.request))
    if not order.is_editable:
        raise Problem(409, f"The order is {order.state}: only one that has not been submitted can be mended.")
    return visit.page("mend", order=order, text=_indented(order.sent), version=order.version, errors=[])


async def save(visit: Visit) -> Response:
    """Checks the body as the API does; replaces the order's, and submits it when that was asked for."""
    wanted, text = order_id(visit.request), visit.fields.get("body", [""])[0]
    order = await run_in_threadpool(_read, visit, wanted)
    version = forms.number(visit.fields, "version")
    errors, body = _checked(text, order)
    if not errors:
        try:
            acted = await run_in_threadpool(_act, visit, wanted, body, version)
        except FieldFixedError as error:
            errors = [FieldError(error.param, "fixed", str(error))]
        except StaleVersionError:
            raise Problem(409, "The order has changed since this page was opened; open it again.") from None
        else:
            if not acted.orders:
                raise Problem(409, f"The order is {order.state} and can no longer be mended.")
            visit.service.intake.bell.ring([found.order_id for found in acted.orders if found.is_waiting])
            return visit.to(f"{PATH}/orders/{wanted}?did=mended")
    return visit.page("mend", 422, order=order, text=text, version=version, errors=errors)


def _read(visit: Visit, wanted: str) -> Order:
    entities = visit.principal.entities
    with visit.service.database.read_for(entities) as connection:
        return change.get(connection, wanted, entities)


def _checked(text: str, order: Order) -> tuple[list[FieldError], Any]:
    try:
        _, body = strict_json.parse(text.encode())
    except Problem as problem:
        return [*problem.errors] or [FieldError("", "bad_json", problem.detail)], None
    return list(check_order(body, complete=not order.simplified)), body


def _act(visit: Visit, wanted: str, body: Any, version: int | None) -> Acted:
    principal = visit.principal
    commands: list[Command] = [Replace(canonical.text(body), body, principal.actor)]
    if visit.field("then") == "submit":
        commands.append(Submit(principal.actor))
    acted = acts.act(
        visit.service.database,
        [wanted],
        principal.entities,
        commands,
        actor=principal.actor,
        action=MENDED,
        expected_version=version,
        submitted=visit.field("then") == "submit",
    )
    if acted.refused and not acted.orders:
        _read(visit, wanted)  # raises when it is not there
    return acted


def _indented(sent: str) -> str:
    """As a person reads it."""
    return json.dumps(json.loads(sent), ensure_ascii=False, indent=2)
