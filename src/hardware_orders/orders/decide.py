"""The one function that decides what becomes of an order: (order, command, now) to a decision.

Pure: no I/O, no clock, no session. Flows read, lock, call `decide` and write what it says; they assign no status.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

import orjson

from hardware_orders import instants
from hardware_orders.actor import SERVICE, Actor
from hardware_orders.errors import FieldFixedError, NotAllowedError
from hardware_orders.orders import choice, defaults, failures, personal
from hardware_orders.orders.commands import (
    Cancel,
    Command,
    Discard,
    Erase,
    Park,
    Progress,
    Receive,
    Replace,
    Settle,
    Stall,
    Submit,
)
from hardware_orders.orders.failures import Cause
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import (
    CANCELED_BYUSER,
    DRAFT,
    FINAL,
    PARKED,
    RECEIVED,
    REPORTED,
    SUBMITTED,
    Act,
    Code,
    EventType,
    Intent,
    State,
    targets,
    transition,
)
from hardware_orders.portfolio.layer import DerivedField
from hardware_orders.portfolio.lookup import Unavailable
from hardware_orders.portfolio.portfolio import Portfolio

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
    move = transition(Act.RECEIVE, None, RECEIVED)
    order = Order(
        order_id=command.order_id,
        version=1,
        status=move.target.status,
        detailed_status=move.target.detailed,
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
        portfolio_changes=(),
        due_at=now + command.patience,
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
        tracking_reference=None,
        order_number=None,
        discarded_at=None,
        erased_at=None,
        waiting_since=None,
        stalled_at=None,
        failures=(),
        last_hash=NO_HASH,
    )
    return Decision(order, move.event, command.actor)


def decide(order: Order, command: Command, now: datetime) -> Decision:  # noqa: PLR0911  # one for each command
    """What becomes of the order. Raises NotAllowedError when its status does not allow the command.

    `now` is the database's clock. An order's events never go back in time: a clock that did is held at the last one.
    """
    now = max(now, order.modified_date)
    match command:
        case Settle() | Park() | Stall():
            return _work(order, command, now)
        case Replace():
            return _replace(order, command, now)
        case Submit():
            return _submit(order, command, now)
        case Discard():
            return _discard(order, command, now)
        case Cancel():
            return _cancel(order, command, now)
        case Progress():
            return _progress(order, command, now)
        case Erase():
            return _erase(order, command, now)
        case _:
            assert_never(command)


def _work(order: Order, command: Settle | Park | Stall, now: datetime) -> Decision:
    """The service's turn, on an order that waits for it."""
    if not order.is_waiting:
        raise NotAllowedError(f"The order is {order.state} and waits for nothing.")
    if isinstance(command, Settle):
        return _settle(order, command, now)
    if isinstance(command, Stall):
        return _stall(order, now)
    # `due_actor` asked for the work that failed; the service is who gave it up, within the same trace.
    actor = replace(SERVICE, trace=order.due_actor.trace) if order.due_actor else SERVICE
    return _move(order, Act.PARK, PARKED, now, actor, code=command.code, information=command.information)


def _settle(order: Order, command: Settle, now: datetime) -> Decision:
    actor = order.due_actor or SERVICE
    if not order.needs_portfolio:
        return _settled(order, now, actor)
    if isinstance(command.portfolio, Unavailable):
        return Decision(_postpone(order, now, command.portfolio.reason), None, actor)
    sent = orjson.loads(order.sent)
    portfolio = choice.portfolio_for(sent, command.portfolio)
    if isinstance(portfolio, Code):
        information = choice.CANNOT_DERIVE[portfolio]
        return _move(order, Act.SETTLE, PARKED, now, actor, code=portfolio, information=information)
    return _derive(order, sent, portfolio, now, actor)


def _derive(order: Order, sent: Mapping[str, Any], portfolio: Portfolio, now: datetime, actor: Actor) -> Decision:
    # A submission that does not choose takes the draft as it was shown: dates count from then, a changed value stops it.
    shown_at = order.derived_at if order.intent is Intent.SUBMIT else None
    derivation = defaults.derive(sent, portfolio, shown_at or now)
    changed = _changed(order, derivation.derived) if shown_at else ()
    if changed:
        information = _bounded(f"{PORTFOLIO_CHANGED}: {', '.join(row['pointer'] for row in changed)}.")
        stopped = _move(order, Act.SETTLE, DRAFT, now, actor, code=Code.PORTFOLIO_CHANGED, information=information)
        return replace(stopped, order=stopped.order._replace(portfolio_changes=changed))
    derived = order._replace(
        body=derivation.body,
        derived=derivation.derived,
        derived_at=shown_at or now,
        missing=derivation.missing,
        portfolio_uid=portfolio.portfolio_uid,
        portfolio_version=portfolio.version,
    )
    return _settled(derived, now, actor)


PORTFOLIO_CHANGED = (
    "The portfolio has changed since the draft was saved. Submit it with X-Portfolio-Version: latest to take the new "
    "values, or pinned to keep those that it shows"
)


def _changed(draft: Order, derived: tuple[DerivedField, ...]) -> tuple[dict[str, Any], ...]:
    """What the portfolio would derive differently now. What the draft was told to lack may be added."""
    changed = defaults.drift(draft.derived or (), derived)
    return tuple(row for row in changed if not any(_is_within(row["pointer"], lack) for lack in draft.missing))


def _is_within(pointer: str, missing: str) -> bool:
    """True for the missing member itself, what lies in it, and an array that had to be derived for it."""
    return f"{pointer}/".startswith(f"{missing}/") or missing.startswith(f"{pointer}/")


def _settled(order: Order, now: datetime, actor: Actor) -> Decision:
    if order.missing:
        information = _bounded(f"Required, and not to be derived from the portfolio: {', '.join(order.missing)}.")
        target = PARKED if order.is_being_submitted else DRAFT
        return _move(order, Act.SETTLE, target, now, actor, code=Code.MISSING_FIELDS, information=information)
    if order.is_being_submitted:
        return _move(order._replace(submitted_at=now), Act.SETTLE, SUBMITTED, now, actor)
    return _move(order, Act.SETTLE, DRAFT, now, actor)


def _postpone(order: Order, now: datetime, reason: str) -> Order:
    """Ask again later. The run ended well, so it does not count as an attempt that killed its worker."""
    backoff = min(LOOKUP_BACKOFF_FIRST_SECONDS * 2 ** min(order.lookups, 10), LOOKUP_BACKOFF_MOST_SECONDS)
    # Half to the whole of the backoff, spread over the orders by their ids: a service that returns is not run over.
    spread = 0.5 + zlib.crc32(order.order_id.encode()) / 2**33
    return order._replace(
        due_at=now + timedelta(seconds=backoff * spread),
        attempts=0,
        lookups=order.lookups + 1,
        failures=failures.added(order.failures, now, Cause.LOOKUP, reason),
    )


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
    target = RECEIVED if order.state == RECEIVED else DRAFT
    decision = _move(replaced, Act.REPLACE, target, now, command.actor)
    if order.is_waiting or order.simplified:
        waiting = decision.order._replace(
            due_at=now, waiting_since=now, intent=Intent.DRAFT, due_actor=command.actor, attempts=0, lookups=0
        )
        return replace(decision, order=waiting)
    return decision


def _submit(order: Order, command: Submit, now: datetime) -> Decision:
    if order.is_being_submitted:  # the second caller waits with the first, and gets what the first one chose
        return Decision(order, None, command.actor)
    if not order.is_editable:
        raise NotAllowedError(_cannot(order, "submitted", "only a draft or an order parked before submission can be"))
    if command.intent is Intent.PINNED and order.simplified and order.derived_at is None:
        remedy = "submit it with X-Portfolio-Version: latest, or without that header"
        raise NotAllowedError(f"No portfolio has completed the order yet, so it has no values to keep; {remedy}.")
    waiting = order._replace(
        due_at=now, waiting_since=now, intent=command.intent, due_actor=command.actor, attempts=0, lookups=0
    )
    return Decision(waiting, None, command.actor)


def _discard(order: Order, command: Discard, now: datetime) -> Decision:
    if not order.is_editable:
        raise NotAllowedError(_cannot(order, "discarded", "only an order that has not been submitted can be"))
    return _move(order._replace(discarded_at=now), Act.DISCARD, CANCELED_BYUSER, now, command.actor)


def _cancel(order: Order, command: Cancel, now: datetime) -> Decision:
    if not order.can_cancel:
        raise NotAllowedError(
            _cannot(order, "cancelled", "only what is neither shipped, nor over, nor being cancelled can be")
        )
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
    (target,) = targets(Act.CANCEL, order.state)
    return _move(cancelled, Act.CANCEL, target, now, command.actor)


def _progress(order: Order, command: Progress, now: datetime) -> Decision:
    reported = order._replace(
        tracking_reference=command.tracking_reference or order.tracking_reference,
        order_number=command.order_number or order.order_number,
    )
    told = (command.state, command.code, command.information)
    if reported == order and told == (order.state, order.code, order.information) and order.state in REPORTED:
        return Decision(order, None, command.actor)  # said before: one act makes one event, however often it is sent
    allowed = targets(Act.PROGRESS, order.state)
    if command.state not in allowed:
        rule = f"only these can be: {', '.join(map(str, allowed))}" if allowed else "nothing can be reported of it"
        raise NotAllowedError(_cannot(order, f"reported as {command.state}", rule))
    return _move(
        reported, Act.PROGRESS, command.state, now, command.actor, code=command.code, information=command.information
    )


def _erase(order: Order, command: Erase, now: datetime) -> Decision:
    if order.erased_at is not None:
        return Decision(order, None, command.actor)
    if order.state not in FINAL:
        raise NotAllowedError(_cannot(order, "erased", "only an order that is over can be: cancel it first"))
    erased = personal.erased(order)._replace(erased_at=now)
    return _move(erased, Act.ERASE, order.state, now, command.actor, code=order.code)


def _stall(order: Order, now: datetime) -> Decision:
    if order.stalled_at is not None:
        return Decision(order, None, SERVICE)
    told = _move(order, Act.STALL, order.state, now, SERVICE, code=order.code, information=order.information)
    waiting = ("portfolio_changes", "due_at", "waiting_since", "intent", "due_actor", "attempts", "lookups")
    as_before = {name: getattr(order, name) for name in waiting}
    return replace(told, order=told.order._replace(stalled_at=now, **as_before))


def _move(
    order: Order,
    act: Act,
    target: State,
    now: datetime,
    actor: Actor,
    *,
    code: str | None = None,
    information: str | None = None,
) -> Decision:
    """The only place that assigns a status: by the table, with a new version, no longer waiting."""
    source = order.state
    move = transition(act, source, target)
    is_new = (target, code) != (source, order.code)
    moved = order._replace(
        version=order.version + 1,
        status=target.status,
        detailed_status=target.detailed,
        code=code,
        information=information,
        status_changed_at=now if is_new else order.status_changed_at,
        portfolio_changes=(),
        due_at=None,
        waiting_since=None,
        intent=None,
        due_actor=None,
        attempts=order.attempts if act is Act.PARK else 0,  # a parked order shows how often it was tried
        lookups=0,
        modified=actor,
        modified_date=now,
    )
    return Decision(moved, move.event, actor)


def _cannot(order: Order, done: str, rule: str) -> str:
    if order.is_being_submitted:
        return f"The order is being submitted and cannot be {done}; {rule}."
    return f"The order is {order.state} and cannot be {done}; {rule}."


# A person reads this text; a thousand pointers would only hide the first.
INFORMATION_CHARACTERS = 1_000


def _bounded(information: str) -> str:
    return (
        information if len(information) <= INFORMATION_CHARACTERS else information[: INFORMATION_CHARACTERS - 1] + "…"
    )
