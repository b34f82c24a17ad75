"""What an order is: its row, with the questions that everybody asks of it. `decide` says what becomes of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from hardware_orders.actor import Actor
from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders.failures import Failures
from hardware_orders.orders.status import CANCELLABLE, EDITABLE, Intent, State
from hardware_orders.portfolio.layer import DerivedField

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
    portfolio_changes: tuple[Mapping[str, Any], ...]  # what stopped its submission: rows of `defaults.drift`
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
    tracking_reference: str | None  # the carrier's, as fulfilment reported it
    order_number: int | None  # fulfilment's own
    discarded_at: datetime | None  # from then on no read finds the order; its timeline stays
    erased_at: datetime | None  # from then on nothing in it is about a person
    waiting_since: datetime | None  # of a new order nothing: it waits since its creation
    stalled_at: datetime | None  # when it was told that it waits for too long
    failures: Failures  # attempts to settle it that failed, those before the last settlement included
    last_hash: str

    @property
    def is_waiting(self) -> bool:
        return self.due_at is not None

    @property
    def waits_since(self) -> datetime:
        """When it was asked for what it waits for; `due_at` is when it has its next turn."""
        return self.waiting_since or self.created_date

    @property
    def is_being_submitted(self) -> bool:
        """True while it waits to be submitted, with whatever values."""
        return self.intent is not None and self.intent is not Intent.DRAFT

    @property
    def needs_portfolio(self) -> bool:
        """Whether it takes a portfolio to settle it, if it waits. A pinned submission keeps what the draft shows."""
        return self.simplified and self.intent is not Intent.PINNED

    @property
    def state(self) -> State:
        return State(self.status, self.detailed_status)

    @property
    def can_cancel(self) -> bool:
        return (self.status, self.detailed_status) in CANCELLABLE  # every answer and event asks: no State is made

    @property
    def is_editable(self) -> bool:
        """True before submission: a draft, a draft being taken in, or an order parked before it was submitted."""
        return not self.is_being_submitted and self.state in EDITABLE

    @property
    def customer_entity_uid(self) -> str:
        return str(self.body["customerEntityUid"])
