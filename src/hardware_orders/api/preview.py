"""POST `/orders/hardware/preview`: what the simplified flow would make of an order. Nothing is stored, nothing is told."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders.api import answers, hardware, headers, openapi, preview_answer, turns
from hardware_orders.api.authentication import Role
from hardware_orders.api.context import Context, context
from hardware_orders.api.problems import Problem
from hardware_orders.orders import choice, defaults
from hardware_orders.orders.status import Code
from hardware_orders.portfolio.lookup import Outcome, Unavailable
from hardware_orders.portfolio.portfolio import Portfolio

log = structlog.get_logger()

router = APIRouter(tags=["Hardware Orders"])


@router.post("/orders/hardware/preview", **openapi.PREVIEW_HARDWARE_ORDER)
async def preview_hardware_order(request: Request) -> Response:
    """Completes an order from the customer's portfolio, and says where each value comes from. Nothing is stored."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    _, _, body = await headers.body(request)
    hardware.check(principal, body, complete=False)
    portfolio = _portfolio(body, await _looked_up(service, body["customerEntityUid"]))
    return await run_in_threadpool(_completed, body, portfolio)


async def _looked_up(service: Context, customer: str) -> Outcome:
    """What is known of the customer's portfolios. Who has to be asked about waits for a turn; others pass by."""
    at_hand = await run_in_threadpool(service.portfolios.at_hand, [customer])
    if customer in at_hand:
        return at_hand[customer]
    async with turns.turn(service.lookups, "previews"):
        looked_up = await run_in_threadpool(service.portfolios, [customer])
    return looked_up[customer]


def _portfolio(body: Mapping[str, Any], outcome: Outcome) -> Portfolio:
    """The portfolio that completes the order. Raises Problem 409, or 503 when nobody can say at the moment."""
    if isinstance(outcome, Unavailable):
        log.warning("preview_without_portfolio", reason=outcome.reason)
        remedy = "Ask again in a moment; an order itself can be sent, and waits for it."
        raise Problem(503, f"The customer's portfolio cannot be had at the moment. {remedy}")
    portfolio = choice.portfolio_for(body, outcome)
    if isinstance(portfolio, Code):
        raise preview_answer.not_derivable(portfolio)
    return portfolio


def _completed(body: Mapping[str, Any], portfolio: Portfolio) -> Response:
    # As a worker derives, but by this machine's clock: nothing is asked of the database.
    return answers.json_answer(preview_answer.of(defaults.derive(body, portfolio, datetime.now(UTC))))
