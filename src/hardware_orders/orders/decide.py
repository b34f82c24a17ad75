"""The one function that decides what becomes of an order: (order, command, now) to a decision.

Pure: no I/O, no clock, no session. Flows read, lock, call `decide` and write what it says; they assign no status.
"""

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

import orjson

from hardware_orders import instants
from hardware_orders.errors import FieldFixedError, NotAllowedError
from hardware_orders.orders import defaults
from hardware_orders.orders.actor import SERVICE, Actor
from hardware_orders.orders.commands import Cancel, Command, Park, Receive, Replace, Settle, Submit
from hardware_orders.orders.defaults import DerivedField
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import CANCELLABLE, Act, Code, EventType, Intent, Status, transition
from hardware_orders.portfolio.lookup import Found, NotConfigured, Unavailable, UnknownCustomer
from hardware_orders.portfolio.portfolio import Portfolio, choose

# While the Portfolio Service is away, its orders ask again after 1, 2, 4 … seconds, and within 15 s of its return.
LOOKUP_BACKOFF_FIRST_SECONDS = 1.0
LOOKUP_BACKOFF_MOST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The order as it will stand. Without an event nothing but the waiting changed, and the version stays."""

    order: Order
    event: EventType | None
    actor: Actor


def receive(command: Receive, now: datetime) -> Decision:
    """A new order: stored as RECEIVED and waiting; nothing is decided about it yet."""
    move = transition(Act.RECEIVE, None, Status.RECEIVED)
    order = Order(
        order_id=command.order_id,
        version=1,
        status=move.target,
        detailed_status=move.detailed,
        code=None,
        information=None,
        status_changed_at=now,
        sent=command.sent,
        body=command.body,
        derived=() if command.simplified else None,
        derived_at=None,
        missing=(),
        simplified=command.simplified,
        portfolio_uid=None,
        portfolio_version=None,
        due_at=now,
        intent=command.intent,
        due_actor=command.actor,
        attempts=0,
        lookups=0,
        created=command.actor,
        created_date=now,
        modified=command.actor,
        modified_date=now,
        submitted_at=None,
        cancellations=(),
        last_hash=NO_HASH,
    )
    return Decision(order, move.event, command.actor)


def decide(order: Order, command: Command, now: datetime) -> Decision:
    """What becomes of the order. Raises NotAllowedError when its status does not allow the command.

    `now` is the database's clock. An order's events never go back in time: a clock that did is held at the last one.
    """
    now = max(now, order.modified_date)
    if isinstance(command, Settle | Park) and not order.is_waiting:
        raise NotAllowedError(f"The order is {order.status} and waits for nothing.")
    match command:
        case Settle():
            return _settle(order, command, now)
        case Replace():
            return _replace(order, command, now)
        case Submit():
            return _submit(order, command, now)
        case Cancel():
            return _cancel(order, command, now)
        case Park():
            # `due_actor` asked for the work that failed; the service is who gave it up.
            return _move(
                order, Act.PARK, Status.ONHOLD, now, SERVICE, code=command.code, information=command.information
            )
        case _:
            assert_never(command)


def _settle(order: Order, command: Settle, now: datetime) -> Decision:
    actor = order.due_actor or SERVICE
    if not order.simplified:
        return _settled(order, now, actor)
    if isinstance(command.portfolio, Unavailable):
        return Decision(_postpone(order, now), None, actor)
    portfolio = _portfolio(order, command.portfolio)
    if isinstance(portfolio, Code):
        information = _CANNOT_DERIVE[portfolio]
        return _move(order, Act.SETTLE, Status.ONHOLD, now, actor, code=portfolio, information=information)
    return _derive(order, portfolio, now, actor)


_CANNOT_DERIVE = {
    Code.UNKNOWN_CUSTOMER: "The Portfolio Service knows no such customer.",
    Code.UNKNOWN_PORTFOLIO: "packageDetails.portfolioUid is no portfolio of this customer.",
    Code.PORTFOLIO_NOT_CONFIGURED: "No source of portfolios is configured for this service.",
}


def _portfolio(order: Order, outcome: Found | UnknownCustomer | NotConfigured | None) -> Portfolio | Code:
    match outcome:
        case Found(portfolios):
            return choose(portfolios, order.requested_portfolio_uid) or Code.UNKNOWN_PORTFOLIO
        case UnknownCustomer():
            return Code.UNKNOWN_CUSTOMER
        case NotConfigured() | None:
            return Code.PORTFOLIO_NOT_CONFIGURED


def _derive(order: Order, portfolio: Portfolio, now: datetime, actor: Actor) -> Decision:
    # A submission takes the draft as it was shown: dates count from then, and a changed value stops it.
    shown_at = order.derived_at if order.intent is Intent.SUBMIT else None
    derivation = defaults.derive(orjson.loads(order.sent), portfolio, shown_at or now)
    changed = _changed(order, derivation.derived) if shown_at else ()
    if changed:
        remedy = "Replace the order to take the new values"
        information = _bounded(f"The portfolio has changed since the draft was saved. {remedy}: {', '.join(changed)}.")
        return _move(order, Act.SETTLE, Status.DRAFT, now, actor, code=Code.PORTFOLIO_CHANGED, information=information)
    derived = order._replace(
        body=derivation.body,
        derived=derivation.derived,
        derived_at=shown_at or now,
        missing=derivation.missing,
        portfolio_uid=portfolio.portfolio_uid,
        portfolio_version=portfolio.version,
    )
    return _settled(derived, now, actor)


def _changed(draft: Order, derived: tuple[DerivedField, ...]) -> tuple[str, ...]:
    """Pointers of what the portfolio would derive differently now. What the draft was told to lack may be added."""
    changed = defaults.drift(draft.derived or (), derived)
    return tuple(pointer for pointer in changed if not any(_is_within(pointer, lack) for lack in draft.missing))


def _is_within(pointer: str, missing: str) -> bool:
    """True for the missing member itself, what lies in it, and an array that had to be derived for it."""
    return f"{pointer}/".startswith(f"{missing}/") or missing.startswith(f"{pointer}/")


def _settled(order: Order, now: datetime, actor: Actor) -> Decision:
    if order.missing:
        information = _bounded(f"Required, and not to be derived from the portfolio: {', '.join(order.missing)}.")
        target = Status.ONHOLD if order.intent is Intent.SUBMIT else Status.DRAFT
        return _move(order, Act.SETTLE, target, now, actor, code=Code.MISSING_FIELDS, information=information)
    if order.intent is Intent.SUBMIT:
        return _move(order._replace(submitted_at=now), Act.SETTLE, Status.SUBMITTED, now, actor)
    return _move(order, Act.SETTLE, Status.DRAFT, now, actor)


def _postpone(order: Order, now: datetime) -> Order:
    """Ask again later. The run ended well, so it does not count as an attempt that killed its worker."""
    backoff = min(LOOKUP_BACKOFF_FIRST_SECONDS * 2 ** min(order.lookups, 10), LOOKUP_BACKOFF_MOST_SECONDS)
    # Half to the whole of the backoff, spread over the orders by their ids: a service that returns is not run over.
    spread = 0.5 + zlib.crc32(order.order_id.encode()) / 2**33
    return order._replace(due_at=now + timedelta(seconds=backoff * spread), attempts=0, lookups=order.lookups + 1)


def _replace(order: Order, command: Replace, now: datetime) -> Decision:
    if not order.is_editable:
        raise NotAllowedError(_cannot(order, "replaced", "only an order that has not been submitted can be"))
    if command.body["customerEntityUid"] != order.customer_entity_uid:
        raise FieldFixedError("customerEntityUid", "make a new order for the other customer")
    replaced = order._replace(
        sent=command.sent,
        body=command.body,
        derived=() if order.simplified else None,
        derived_at=None,
        missing=(),
        portfolio_uid=None,
        portfolio_version=None,
    )
    target = Status.RECEIVED if order.status is Status.RECEIVED else Status.DRAFT
    decision = _move(replaced, Act.REPLACE, target, now, command.actor)
    if order.is_waiting or order.simplified:
        waiting = decision.order._replace(
            due_at=now, intent=Intent.DRAFT, due_actor=command.actor, attempts=0, lookups=0
        )
        return replace(decision, order=waiting)
    return decision


def _submit(order: Order, command: Submit, now: datetime) -> Decision:
    if order.intent is Intent.SUBMIT:
        return Decision(order, None, command.actor)  # already on its way: the second caller waits with the first
    if not order.is_editable:
        raise NotAllowedError(_cannot(order, "submitted", "only a draft or an order parked before submission can be"))
    waiting = order._replace(due_at=now, intent=Intent.SUBMIT, due_actor=command.actor, attempts=0, lookups=0)
    return Decision(waiting, None, command.actor)


def _cancel(order: Order, command: Cancel, now: datetime) -> Decision:
    if not order.can_cancel:
        raise NotAllowedError(_cannot(order, "cancelled", f"only {', '.join(sorted(CANCELLABLE))} can be"))
    row = {
        "cancelReasonEnum": command.reason,
        "cancelledBy": command.actor.name,
        "cancelledDate": instants.text(now),
    }
    if command.additional_reason is not None:
        row["cancelAdditionalReason"] = command.additional_reason
    if command.actor.uid is not None:
        row["cancelledUserUid"] = command.actor.uid
    cancelled = order._replace(cancellations=(*order.cancellations, row))
    return _move(cancelled, Act.CANCEL, Status.CANCELLED, now, command.actor)


def _move(
    order: Order,
    act: Act,
    target: Status,
    now: datetime,
    actor: Actor,
    *,
    code: str | None = None,
    information: str | None = None,
) -> Decision:
    """The only place that assigns a status: by the table, with a new version, no longer waiting."""
    move = transition(act, order.status, target)
    is_new = (move.target, move.detailed, code) != (order.status, order.detailed_status, order.code)
    moved = order._replace(
        version=order.version + 1,
        status=move.target,
        detailed_status=move.detailed,
        code=code,
        information=information,
        status_changed_at=now if is_new else order.status_changed_at,
        due_at=None,
        intent=None,
        due_actor=None,
        attempts=order.attempts if act is Act.PARK else 0,  # a parked order shows how often it was tried
        lookups=0,
        modified=actor,
        modified_date=now,
    )
    return Decision(moved, move.event, actor)


def _cannot(order: Order, done: str, rule: str) -> str:
    if order.intent is Intent.SUBMIT:
        return f"The order is being submitted and cannot be {done}; {rule}."
    return f"The order is {order.status} and cannot be {done}; {rule}."


# A person reads this text; a thousand pointers would only hide the first.
INFORMATION_CHARACTERS = 1_000


def _bounded(information: str) -> str:
    return (
        information if len(information) <= INFORMATION_CHARACTERS else information[: INFORMATION_CHARACTERS - 1] + "…"
    )
