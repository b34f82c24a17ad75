"""Orders, portfolios and lookups as these tests need them: every member's value can be told from the others."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hardware_orders.actor import Actor
from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import Intent
from hardware_orders.portfolio.lookup import Found
from hardware_orders.portfolio.portfolio import Portfolio, parse_portfolios

ORDER_ID = "0197a1b2-0000-7000-8000-000000000001"
CUSTOMER = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
PORTFOLIO = "11111111-1111-4111-8111-111111111111"
OTHER_PORTFOLIO = "22222222-2222-4222-8222-222222222222"
ADA = Actor("u-ada", "Ada")
BOB = Actor("u-bob", "Bob")
CREATED = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
BEFORE = CREATED + timedelta(minutes=10)
NOW = CREATED + timedelta(minutes=20)

DETAILED = {
    Status.RECEIVED: None,
    Status.DRAFT: DetailedStatus.DRAFT,
    Status.SUBMITTED: DetailedStatus.SUBMITTED,
    Status.INPROGRESS: DetailedStatus.INPROGRESS,
    Status.COMPLETED: DetailedStatus.COMPLETED,
    Status.CANCELLED: DetailedStatus.CANCELED_BYUSER,
    Status.ONHOLD: DetailedStatus.REQUIRES_ATTENTION,
}


def a_body(**members: Any) -> dict[str, Any]:
    return {"orderReference": "ORD-1", "customerEntityUid": CUSTOMER} | members


def as_sent(body: Mapping[str, Any]) -> str:
    """Spelled in a way that no encoder here would choose, so that a rewritten text shows."""
    return json.dumps(body, indent=3)


def an_order(status: Status, intent: Intent | None = None, *, simplified: bool = False, **members: Any) -> Order:
    """Its third version, changed by Ada at BEFORE; waiting exactly when there is an intent."""
    body = a_body()
    values: dict[str, Any] = {
        "order_id": ORDER_ID,
        "version": 3,
        "status": status,
        "detailed_status": DETAILED[status],
        "code": None,
        "information": None,
        "status_changed_at": CREATED,
        "sent": as_sent(body),
        "body": body,
        "derived": () if simplified else None,
        "derived_at": None,
        "missing": (),
        "simplified": simplified,
        "portfolio_uid": None,
        "portfolio_version": None,
        "portfolio_changes": (),
        "due_at": BEFORE if intent else None,
        "intent": intent,
        "due_actor": ADA if intent else None,
        "attempts": 2 if intent else 0,
        "lookups": 1 if intent else 0,
        "created": ADA,
        "created_date": CREATED,
        "modified": ADA,
        "modified_date": BEFORE,
        "submitted_at": None,
        "cancellations": (),
        "tracking_reference": None,
        "order_number": None,
        "discarded_at": None,
        "erased_at": None,
        "waiting_since": BEFORE if intent and status is not Status.RECEIVED else None,
        "stalled_at": None,
        "failures": (),
        "last_hash": NO_HASH,
    }
    return Order(**values | members)


def a_portfolio(version: int = 1, uid: str = PORTFOLIO, *, is_default: bool = True, **members: Any) -> Portfolio:
    least = {"portfolioUid": uid, "version": version, "name": "P", "customerEntityUid": CUSTOMER}
    others = [] if is_default else [least | {"portfolioUid": PORTFOLIO, "isDefault": True}]
    return parse_portfolios({"portfolios": [least | {"isDefault": is_default} | members, *others]})[0]


def found(version: int = 1, **members: Any) -> Found:
    return Found((a_portfolio(version, **members),))
