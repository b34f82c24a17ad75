"""What an order is: its row, with the questions that everybody asks of it. `decide` says what becomes of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from hardware_orders.orders.actor import Actor
from hardware_orders.orders.defaults import DerivedField
from hardware_orders.orders.status import CANCELLABLE, DetailedStatus, Intent, Status

# `last_hash` of an order without events: the chain's start.
NO_HASH = "0" * 64


class Order(NamedTuple):
    """An order as it stands. `body` is `sent` (the client's body, parsed) with what was derived; both are read-only.

    A tuple, because a change copies it a few times and a dataclass of thirty fields takes four times as long.
    """

    order_id: str
    version: int
    status: Status
    detailed_status: DetailedStatus | None
    code: str | None
    information: str | None
    status_changed_at: datetime
    sent: str
    body: Mapping[str, Any]
    derived: tuple[DerivedField, ...] | None  # None outside the simplified flow
    derived_at: datetime | None  # None until a portfolio was applied
    missing: tuple[str, ...]  # JSON Pointers of what the order must have and neither caller nor portfolio gave
    simplified: bool
    portfolio_uid: str | None
    portfolio_version: int | None
    due_at: datetime | None
    intent: Intent | None
    due_actor: Actor | None
    attempts: int
    lookups: int
    created: Actor
    created_date: datetime
    modified: Actor
    modified_date: datetime
    submitted_at: datetime | None
    cancellations: tuple[Mapping[str, Any], ...]
    last_hash: str

    @property
    def is_waiting(self) -> bool:
        return self.due_at is not None

    @property
    def can_cancel(self) -> bool:
        return self.status in CANCELLABLE

    @property
    def is_editable(self) -> bool:
        """True before submission: a draft, a draft being taken in, or an order parked before it was submitted."""
        if self.intent is Intent.SUBMIT:
            return False
        if self.status is Status.ONHOLD:
            return self.submitted_at is None
        return self.status in (Status.DRAFT, Status.RECEIVED)

    @property
    def customer_entity_uid(self) -> str:
        return str(self.body["customerEntityUid"])

    @property
    def requested_portfolio_uid(self) -> str | None:
        """The portfolio that the caller chose, in what the caller sent."""
        details = orjson.loads(self.sent).get("packageDetails") or {}
        chosen: str | None = details.get("portfolioUid")
        return chosen
