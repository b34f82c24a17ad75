"""The statuses, and the one table of how an order may move between them. Nothing else decides about a move."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The vendor's six, and RECEIVED: accepted and stored, not yet decided (docs/adr/0003)."""

    RECEIVED = "RECEIVED"
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    INPROGRESS = "INPROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    ONHOLD = "ONHOLD"


class DetailedStatus(StrEnum):
    """The vendor's detailed statuses, shown in `internal.extendedDetails.status`."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    INPROGRESS = "INPROGRESS"
    PENDING_THIRD_PARTY = "PENDING_THIRD_PARTY"
    PENDING_SIGNATURE = "PENDING_SIGNATURE"
    UNDER_REVIEW = "UNDER_REVIEW"
    REQUIRES_ATTENTION = "REQUIRES_ATTENTION"
    INTERNAL_BOARDING = "INTERNAL_BOARDING"
    FULFILMENT_BOOKED = "FULFILMENT_BOOKED"
    FULFILMENT_PICKED = "FULFILMENT_PICKED"
    FULFILMENT_SHIPPED = "FULFILMENT_SHIPPED"
    CANCEL_REQUESTED = "CANCEL_REQUESTED"
    CANCEL_INPROGRESS = "CANCEL_INPROGRESS"
    CANCEL_ERROR = "CANCEL_ERROR"
    CANCELED_BYUSER = "CANCELED_BYUSER"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    DECLINED = "DECLINED"
    ONHOLD = "ONHOLD"
    OFFER_SENT = "OFFER_SENT"
    OPENED_BY_CUSTOMER = "OPENED_BY_CUSTOMER"
    INPROGRESS_BY_CUSTOMER = "INPROGRESS_BY_CUSTOMER"
    DOCS_REQUIRED = "DOCS_REQUIRED"
    DOCS_REQUIRES_ATTENTION = "DOCS_REQUIRES_ATTENTION"


class EventType(StrEnum):
    """What can happen to an order; published, so a name is never changed."""

    RECEIVED = "order.received"
    DRAFTED = "order.drafted"
    SUBMITTED = "order.submitted"
    REPLACED = "order.replaced"
    PROGRESSED = "order.progressed"
    HELD = "order.held"
    COMPLETED = "order.completed"
    CANCELLED = "order.cancelled"
    DISCARDED = "order.discarded"
    STALLED = "order.stalled"


class Act(StrEnum):
    """What somebody does to an order."""

    RECEIVE = "receive"
    SETTLE = "settle"
    REPLACE = "replace"
    CANCEL = "cancel"
    PARK = "park"


class Code(StrEnum):
    """Why an order stands where it stands, shown in `internal.extendedDetails.code`."""

    MISSING_FIELDS = "MISSING_FIELDS"
    PORTFOLIO_CHANGED = "PORTFOLIO_CHANGED"
    PORTFOLIO_NOT_CONFIGURED = "PORTFOLIO_NOT_CONFIGURED"
    UNKNOWN_CUSTOMER = "UNKNOWN_CUSTOMER"
    UNKNOWN_PORTFOLIO = "UNKNOWN_PORTFOLIO"
    POISON = "POISON"


class Intent(StrEnum):
    """What a waiting order waits for."""

    DRAFT = "DRAFT"  # to be completed and kept as a draft
    SUBMIT = "SUBMIT"  # to be completed and submitted


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: this act takes an order from here to there, and is told as this event."""

    act: Act
    source: Status | None
    target: Status
    detailed: DetailedStatus | None
    event: EventType


_S, _D, _E = Status, DetailedStatus, EventType

TRANSITIONS: tuple[Transition, ...] = (
    Transition(Act.RECEIVE, None, _S.RECEIVED, None, _E.RECEIVED),
    *(
        Transition(Act.SETTLE, source, target, detailed, event)
        for source in (_S.RECEIVED, _S.DRAFT, _S.ONHOLD)
        for target, detailed, event in (
            (_S.DRAFT, _D.DRAFT, _E.DRAFTED),
            (_S.SUBMITTED, _D.SUBMITTED, _E.SUBMITTED),
            (_S.ONHOLD, _D.REQUIRES_ATTENTION, _E.HELD),
        )
    ),
    # A draft that is still being taken in may be replaced; a parked order becomes an editable draft again.
    Transition(Act.REPLACE, _S.RECEIVED, _S.RECEIVED, None, _E.REPLACED),
    Transition(Act.REPLACE, _S.DRAFT, _S.DRAFT, _D.DRAFT, _E.REPLACED),
    Transition(Act.REPLACE, _S.ONHOLD, _S.DRAFT, _D.DRAFT, _E.REPLACED),
    *(
        Transition(Act.CANCEL, source, _S.CANCELLED, _D.CANCELED_BYUSER, _E.CANCELLED)
        for source in (_S.RECEIVED, _S.DRAFT, _S.SUBMITTED, _S.ONHOLD)
    ),
    *(
        Transition(Act.PARK, source, _S.ONHOLD, _D.REQUIRES_ATTENTION, _E.HELD)
        for source in (_S.RECEIVED, _S.DRAFT, _S.ONHOLD)
    ),
)

_BY_MOVE = {(row.act, row.source, row.target): row for row in TRANSITIONS}

CANCELLABLE = frozenset(row.source for row in TRANSITIONS if row.act is Act.CANCEL and row.source)


def transition(act: Act, source: Status | None, target: Status) -> Transition:
    """The row of the table for this move. KeyError means that the caller is wrong, not the order."""
    return _BY_MOVE[act, source, target]
