"""Where an order may stand, and the one table of how it may move. Nothing else decides about a move.

`transitions` publishes the table; docs/statuses.md explains it to integrators, docs/adr/0013 gives the reasons.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from hardware_orders.contract.enums import DetailedStatus, Status


class State(NamedTuple):
    """A status with the detailed status beneath it. The two together say everything that may be done to an order."""

    status: Status
    detailed: DetailedStatus | None  # None only while RECEIVED

    @classmethod
    def of(cls, status: str, detailed: str | None) -> Self:
        """The state of these words, which need not be one of the table; without a detail, that of the status's name."""
        plain = None if status == Status.RECEIVED else status
        name = detailed or plain
        return cls(Status(status), DetailedStatus(name) if name else None)

    def __str__(self) -> str:
        """`DRAFT`, or `ONHOLD / DOCS_REQUIRED` where the detail says more."""
        return self.status if self == State.of(self.status, None) else f"{self.status} / {self.detailed}"


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
    ERASED = "order.erased"


class Act(StrEnum):
    """What somebody does to an order."""

    RECEIVE = "receive"
    SETTLE = "settle"
    REPLACE = "replace"
    DISCARD = "discard"
    CANCEL = "cancel"
    PARK = "park"
    PROGRESS = "progress"
    STALL = "stall"
    ERASE = "erase"


class Code(StrEnum):
    """Why this service left an order where it stands: `internal.extendedDetails.code`. Fulfilment has its own codes."""

    MISSING_FIELDS = "MISSING_FIELDS"
    PORTFOLIO_CHANGED = "PORTFOLIO_CHANGED"
    PORTFOLIO_NOT_CONFIGURED = "PORTFOLIO_NOT_CONFIGURED"
    UNKNOWN_CUSTOMER = "UNKNOWN_CUSTOMER"
    UNKNOWN_PORTFOLIO = "UNKNOWN_PORTFOLIO"
    POISON = "POISON"


class Intent(StrEnum):
    """What a waiting order waits for."""

    DRAFT = "DRAFT"  # to be completed and kept as a draft
    SUBMIT = "SUBMIT"  # to be completed and submitted; a draft, unless the portfolio would now give other values
    PINNED = "PINNED"  # to be submitted with the values that the draft shows, whatever the portfolio says now
    LATEST = "LATEST"  # to be completed anew and submitted, whatever the draft shows


_S, _D, _E = Status, DetailedStatus, EventType

# Before submission: the caller's. RECEIVED waits for the worker; PARKED is what the worker could not complete.
RECEIVED = State(_S.RECEIVED, None)
DRAFT = State(_S.DRAFT, _D.DRAFT)
PARKED = State(_S.ONHOLD, _D.REQUIRES_ATTENTION)
SUBMITTED = State(_S.SUBMITTED, _D.SUBMITTED)

# After submission: fulfilment's.
PREPARING = (
    State(_S.INPROGRESS, _D.INPROGRESS),
    State(_S.INPROGRESS, _D.UNDER_REVIEW),
    State(_S.INPROGRESS, _D.INTERNAL_BOARDING),
    State(_S.INPROGRESS, _D.PENDING_THIRD_PARTY),
    State(_S.INPROGRESS, _D.PENDING_SIGNATURE),
)
BOOKED = State(_S.INPROGRESS, _D.FULFILMENT_BOOKED)
PICKED = State(_S.INPROGRESS, _D.FULFILMENT_PICKED)
SHIPPED = State(_S.INPROGRESS, _D.FULFILMENT_SHIPPED)
HELD = (
    State(_S.ONHOLD, _D.ONHOLD),
    State(_S.ONHOLD, _D.DOCS_REQUIRED),
    State(_S.ONHOLD, _D.DOCS_REQUIRES_ATTENTION),
)
CANCEL_REQUESTED = State(_S.INPROGRESS, _D.CANCEL_REQUESTED)
CANCEL_INPROGRESS = State(_S.INPROGRESS, _D.CANCEL_INPROGRESS)
CANCEL_ERROR = State(_S.INPROGRESS, _D.CANCEL_ERROR)

# The ends: delivered; cancelled by fulfilment; not taken on by fulfilment; ended by a caller on the spot.
COMPLETED = State(_S.COMPLETED, _D.COMPLETED)
CANCELLED = State(_S.CANCELLED, _D.CANCELLED)
DECLINED = State(_S.CANCELLED, _D.DECLINED)
CANCELED_BYUSER = State(_S.CANCELLED, _D.CANCELED_BYUSER)
FINAL = (COMPLETED, CANCELLED, DECLINED, CANCELED_BYUSER)


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table: this act takes an order from here to there, and is told as this event."""

    act: Act
    source: State | None
    target: State
    event: EventType


# What fulfilment may report from where. Shipping only goes forward, so that a report that was overtaken by a later one
# cannot take the order back; an order on hold may go on anywhere. Asked to cancel, fulfilment answers that first.
_ANYTHING = (*PREPARING, BOOKED, PICKED, SHIPPED, *HELD, COMPLETED, CANCELLED, DECLINED)
_PROGRESS: tuple[tuple[tuple[State, ...], tuple[State, ...]], ...] = (
    ((SUBMITTED, *PREPARING, *HELD), _ANYTHING),
    ((BOOKED,), (BOOKED, PICKED, SHIPPED, *HELD, COMPLETED, CANCELLED)),
    ((PICKED,), (PICKED, SHIPPED, *HELD, COMPLETED, CANCELLED)),
    ((SHIPPED,), (SHIPPED, *HELD, COMPLETED, CANCELLED)),
    ((CANCEL_REQUESTED, CANCEL_INPROGRESS), (CANCEL_INPROGRESS, CANCEL_ERROR, CANCELLED)),
    ((CANCEL_ERROR,), (CANCEL_ERROR, *_ANYTHING)),
)
_TOLD_AS = {_S.INPROGRESS: _E.PROGRESSED, _S.ONHOLD: _E.HELD, _S.COMPLETED: _E.COMPLETED, _S.CANCELLED: _E.CANCELLED}

TRANSITIONS: tuple[Transition, ...] = (
    Transition(Act.RECEIVE, None, RECEIVED, _E.RECEIVED),
    *(
        Transition(Act.SETTLE, source, target, event)
        for source in (RECEIVED, DRAFT, PARKED)
        for target, event in ((DRAFT, _E.DRAFTED), (SUBMITTED, _E.SUBMITTED), (PARKED, _E.HELD))
    ),
    # A draft that is still being taken in may be replaced; a parked order becomes an editable draft again.
    Transition(Act.REPLACE, RECEIVED, RECEIVED, _E.REPLACED),
    Transition(Act.REPLACE, DRAFT, DRAFT, _E.REPLACED),
    Transition(Act.REPLACE, PARKED, DRAFT, _E.REPLACED),
    *(Transition(Act.DISCARD, source, CANCELED_BYUSER, _E.DISCARDED) for source in (RECEIVED, DRAFT, PARKED)),
    *(Transition(Act.PARK, source, PARKED, _E.HELD) for source in (RECEIVED, DRAFT, PARKED)),
    # Told, and nothing else: it goes on waiting where it stands.
    *(Transition(Act.STALL, state, state, _E.STALLED) for state in (RECEIVED, DRAFT, PARKED)),
    # Nobody works yet on what has not been taken on: it is cancelled at once. Later it is fulfilment's to say whether
    # it still can be. What has been shipped is no longer cancelled, but returned.
    *(Transition(Act.CANCEL, source, CANCELED_BYUSER, _E.CANCELLED) for source in (RECEIVED, DRAFT, PARKED, SUBMITTED)),
    *(
        Transition(Act.CANCEL, source, CANCEL_REQUESTED, _E.PROGRESSED)
        for source in (*PREPARING, BOOKED, PICKED, *HELD, CANCEL_ERROR)
    ),
    *(
        Transition(Act.PROGRESS, source, target, _TOLD_AS[target.status])
        for sources, targets in _PROGRESS
        for source in sources
        for target in targets
    ),
    # Before its end an order is still worked on, and nothing can be sent to nobody. Erasing moves it nowhere.
    *(Transition(Act.ERASE, state, state, _E.ERASED) for state in FINAL),
)

# The vendor's detailed statuses that no order of this service comes to, and why.
_BY_LINK = (
    "Belongs to orders that are offered by a link and filled in by whoever opens it. A hardware order comes from its "
    "caller, and is offered to nobody."
)
NOT_OURS = {
    _D.OFFER_SENT: _BY_LINK,
    _D.OPENED_BY_CUSTOMER: _BY_LINK,
    _D.INPROGRESS_BY_CUSTOMER: _BY_LINK,
}

_BY_MOVE = {(row.act, row.source, row.target): row for row in TRANSITIONS}


def transition(act: Act, source: State | None, target: State) -> Transition:
    """The row of the table for this move. KeyError means that the caller is wrong, not the order."""
    return _BY_MOVE[act, source, target]


def sources(act: Act) -> frozenset[State]:
    """Where an order may stand for this act to be possible at all."""
    return frozenset(row.source for row in TRANSITIONS if row.act is act and row.source)


def targets(act: Act, source: State) -> tuple[State, ...]:
    """Where this act may take an order that stands here, in the order of the table."""
    return tuple(row.target for row in TRANSITIONS if row.act is act and row.source == source)


CANCELLABLE = sources(Act.CANCEL)
EDITABLE = sources(Act.REPLACE)
REPORTED = frozenset(row.target for row in TRANSITIONS if row.act is Act.PROGRESS)
