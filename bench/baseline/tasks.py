"""The baseline's worker: one message, one session and one transaction for each order."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import Celery
from sqlalchemy.orm import Session as OrmSession

from bench.baseline.tables import REDIS_URL, Order, OutboxEvent, Portfolio, Session, now

PORTFOLIO_SECONDS = 60  # how long a portfolio that was read is used

app = Celery("baseline", broker=REDIS_URL, backend=REDIS_URL)

_portfolios: dict[str, tuple[float, Portfolio | None]] = {}


def portfolio_of(session: OrmSession, customer: str) -> Portfolio | None:
    """The customer's portfolio, from memory while what was read is fresh."""
    expires_at, portfolio = _portfolios.get(customer, (0.0, None))
    if expires_at < time.monotonic():
        portfolio = session.get(Portfolio, UUID(customer))
        if portfolio is not None:
            session.expunge(portfolio)
        _portfolios[customer] = (time.monotonic() + PORTFOLIO_SECONDS, portfolio)
    return portfolio


@app.task  # type: ignore[untyped-decorator]
def process_order(message: dict[str, Any]) -> dict[str, str]:
    status = "DRAFT" if message["saveDraft"] else "SUBMITTED"
    requested_date = message["requestedDate"]
    with Session() as session:
        portfolio = portfolio_of(session, message["customerEntityUid"]) if message["simplified"] else None
        order = Order(
            id=UUID(message["id"]),
            order_reference=message["orderReference"],
            customer_entity_uid=UUID(message["customerEntityUid"]),
            requested_date=datetime.fromisoformat(requested_date) if requested_date else None,
            po_ref=message["poRef"],
            notes=message["notes"],
            payment_type=portfolio.payment_type if portfolio else None,
            package_bundle_id=portfolio.package_bundle_id if portfolio else None,
            price=portfolio.price if portfolio else None,
            status=status,
            created_at=now(),
        )
        event = OutboxEvent(order_id=order.id, order_reference=order.order_reference, status=status, occurred_at=now())
        session.add_all([order, event])
        session.commit()
    return {"id": message["id"], "status": status}
