"""Every command on every kind of order: what it makes of it to the last field, or that it is refused."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from hardware_orders.actor import SERVICE
from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.errors import FieldFixedError, NotAllowedError
from hardware_orders.orders.commands import Cancel, Command, Discard, Park, Receive, Replace, Settle, Submit
from hardware_orders.orders.decide import Decision, decide, receive
from hardware_orders.orders.order import NO_HASH, Order
from hardware_orders.orders.status import Code, EventType, Intent, State
from hardware_orders.portfolio.lookup import Unavailable
from tests.orders.samples import ADA, BEFORE, BOB, CUSTOMER, NOW, ORDER_ID, a_body, an_order, as_sent

NEW_BODY = a_body(orderReference="ORD-2", notes="new")
SETTLED: dict[str, Any] = {
    "due_at": None,
    "waiting_since": None,
    "intent": None,
    "due_actor": None,
    "attempts": 0,
    "lookups": 0,
}
REPLACE = Replace(as_sent(NEW_BODY), NEW_BODY, BOB)
SUBMIT = Submit(BOB)
DISCARD = Discard(BOB)
CANCEL = Cancel("ORDER_LATE", "Closed.", BOB)
PARK = Park(Code.POISON, "It was set aside.")

S, D, E, I = Status, DetailedStatus, EventType, Intent  # noqa: E741


class Kind(NamedTuple):
    """Which order: its status, what it waits for, its detailed status where samples has another, if submitted."""

    status: Status
    intent: Intent | None
    was_submitted: bool = False
    detailed: DetailedStatus | None = None


RECEIVED_DRAFT = Kind(S.RECEIVED, I.DRAFT)
RECEIVED_SUBMIT = Kind(S.RECEIVED, I.SUBMIT)
DRAFT = Kind(S.DRAFT, None)
DRAFT_DRAFT = Kind(S.DRAFT, I.DRAFT)
DRAFT_SUBMIT = Kind(S.DRAFT, I.SUBMIT)
PARKED = Kind(S.ONHOLD, None)
PARKED_DRAFT = Kind(S.ONHOLD, I.DRAFT)
PARKED_SUBMIT = Kind(S.ONHOLD, I.SUBMIT)
HELD = Kind(S.ONHOLD, None, was_submitted=True, detailed=D.ONHOLD)
SUBMITTED = Kind(S.SUBMITTED, None, was_submitted=True)
INPROGRESS = Kind(S.INPROGRESS, None, was_submitted=True)
SHIPPED = Kind(S.INPROGRESS, None, was_submitted=True, detailed=D.FULFILMENT_SHIPPED)
COMPLETED = Kind(S.COMPLETED, None, was_submitted=True)
CANCELLED = Kind(S.CANCELLED, None, detailed=D.CANCELED_BYUSER)

WAITING = (RECEIVED_DRAFT, RECEIVED_SUBMIT, DRAFT_DRAFT, DRAFT_SUBMIT, PARKED_DRAFT, PARKED_SUBMIT)
RESTING = (DRAFT, PARKED, HELD, SUBMITTED, INPROGRESS, SHIPPED, COMPLETED, CANCELLED)
KINDS = WAITING + RESTING
FLOWS = pytest.mark.parametrize("simplified", [False, True], ids=["whole", "simplified"])


def of_kind(kind: Kind, *, simplified: bool, **members: Any) -> Order:
    own: dict[str, Any] = {"submitted_at": BEFORE if kind.was_submitted else None}
    if kind.detailed:
        own["detailed_status"] = kind.detailed
    return an_order(kind.status, kind.intent, simplified=simplified, **own | members)


def standing(kind: Kind) -> str:
    """How a refusal says where such an order stands."""
    if kind.intent:
        return "The order is being submitted"
    return f"The order is {State.of(kind.status, kind.detailed)}"


def test_every_status_is_among_the_kinds() -> None:
    assert {kind.status for kind in KINDS} == set(Status)


# Settling


@pytest.mark.parametrize(
    ("kind", "status", "detailed", "event"),
    [
        (RECEIVED_DRAFT, S.DRAFT, D.DRAFT, E.DRAFTED),
        (RECEIVED_SUBMIT, S.SUBMITTED, D.SUBMITTED, E.SUBMITTED),
        (DRAFT_DRAFT, S.DRAFT, D.DRAFT, E.DRAFTED),
        (DRAFT_SUBMIT, S.SUBMITTED, D.SUBMITTED, E.SUBMITTED),
        (PARKED_DRAFT, S.DRAFT, D.DRAFT, E.DRAFTED),
        (PARKED_SUBMIT, S.SUBMITTED, D.SUBMITTED, E.SUBMITTED),
    ],
)
def test_settling_outside_the_simplified_flow_needs_no_portfolio(
    kind: Kind, status: Status, detailed: DetailedStatus, event: EventType
) -> None:
    order = of_kind(kind, simplified=False, code="POISON", information="Set aside.")
    expected = order._replace(
        version=4,
        status=status,
        detailed_status=detailed,
        code=None,
        information=None,
        status_changed_at=NOW,
        submitted_at=NOW if status is S.SUBMITTED else None,
        modified_date=NOW,
        **SETTLED,
    )
    for portfolio in (None, Unavailable("It is away.")):
        assert decide(order, Settle(portfolio), NOW) == Decision(expected, event, ADA)


@FLOWS
@pytest.mark.parametrize("command", [Settle(None), PARK], ids=["settle", "park"])
@pytest.mark.parametrize("kind", RESTING)
def test_what_does_not_wait_is_neither_settled_nor_parked(kind: Kind, command: Command, *, simplified: bool) -> None:
    with pytest.raises(NotAllowedError):
        decide(of_kind(kind, simplified=simplified), command, NOW)


@FLOWS
@pytest.mark.parametrize("kind", WAITING)
def test_parking_sets_aside_in_the_services_name_and_keeps_the_count_of_attempts(
    kind: Kind, *, simplified: bool
) -> None:
    order = of_kind(kind, simplified=simplified)
    expected = order._replace(
        version=4,
        status=S.ONHOLD,
        detailed_status=D.REQUIRES_ATTENTION,
        code="POISON",
        information="It was set aside.",
        status_changed_at=NOW,
        modified=SERVICE,
        modified_date=NOW,
        **SETTLED | {"attempts": 2},
    )
    assert decide(order, PARK, NOW) == Decision(expected, E.HELD, SERVICE)


# Replacing


@pytest.mark.parametrize(
    ("kind", "status", "detailed"),
    [
        (RECEIVED_DRAFT, S.RECEIVED, None),
        (DRAFT, S.DRAFT, D.DRAFT),
        (DRAFT_DRAFT, S.DRAFT, D.DRAFT),
        (PARKED, S.DRAFT, D.DRAFT),
        (PARKED_DRAFT, S.DRAFT, D.DRAFT),
    ],
)
@FLOWS
def test_replacing_what_was_not_submitted(
    kind: Kind,
    status: Status,
    detailed: DetailedStatus | None,
    *,
    simplified: bool,
) -> None:
    old = {"portfolio_uid": "p", "portfolio_version": 7, "derived_at": BEFORE} if simplified else {}
    order = of_kind(kind, simplified=simplified, **old)
    waits = simplified or kind.intent is not None
    expected = order._replace(
        version=4,
        status=status,
        detailed_status=detailed,
        status_changed_at=NOW if kind.status is S.ONHOLD else order.status_changed_at,
        sent=REPLACE.sent,
        body=NEW_BODY,
        derived=() if simplified else None,
        derived_at=None,
        portfolio_uid=None,
        portfolio_version=None,
        due_at=NOW if waits else None,
        waiting_since=NOW if waits else None,
        intent=I.DRAFT if waits else None,
        due_actor=BOB if waits else None,
        attempts=0,
        lookups=0,
        modified=BOB,
        modified_date=NOW,
    )
    assert decide(order, REPLACE, NOW) == Decision(expected, E.REPLACED, BOB)


@FLOWS
@pytest.mark.parametrize(
    "kind", [RECEIVED_SUBMIT, DRAFT_SUBMIT, PARKED_SUBMIT, HELD, SUBMITTED, INPROGRESS, COMPLETED, CANCELLED]
)
def test_what_is_submitted_or_on_its_way_is_not_replaced(kind: Kind, *, simplified: bool) -> None:
    with pytest.raises(NotAllowedError, match=f"^{standing(kind)} and cannot be replaced; only an order that has"):
        decide(of_kind(kind, simplified=simplified), REPLACE, NOW)


def test_the_customer_stays_and_the_status_is_looked_at_first() -> None:
    other = a_body(customerEntityUid=CUSTOMER.replace("a", "b"))
    command = Replace(as_sent(other), other, BOB)
    with pytest.raises(FieldFixedError) as refused:
        decide(of_kind(DRAFT, simplified=False), command, NOW)
    assert refused.value.param == "customerEntityUid"
    with pytest.raises(NotAllowedError):
        decide(of_kind(SUBMITTED, simplified=False), command, NOW)


# Submitting


@FLOWS
@pytest.mark.parametrize("kind", [RECEIVED_DRAFT, DRAFT, DRAFT_DRAFT, PARKED, PARKED_DRAFT])
def test_submitting_only_begins_to_wait(kind: Kind, *, simplified: bool) -> None:
    order = of_kind(kind, simplified=simplified)
    expected = order._replace(due_at=NOW, waiting_since=NOW, intent=I.SUBMIT, due_actor=BOB, attempts=0, lookups=0)
    assert decide(order, SUBMIT, NOW) == Decision(expected, None, BOB)


@FLOWS
@pytest.mark.parametrize("kind", [RECEIVED_SUBMIT, DRAFT_SUBMIT, PARKED_SUBMIT])
def test_submitting_again_changes_nothing(kind: Kind, *, simplified: bool) -> None:
    order = of_kind(kind, simplified=simplified)
    decision = decide(order, SUBMIT, NOW)
    assert decision.order is order
    assert decision.event is None


@FLOWS
@pytest.mark.parametrize("kind", [HELD, SUBMITTED, INPROGRESS, COMPLETED, CANCELLED])
def test_what_was_submitted_or_is_over_is_not_submitted(kind: Kind, *, simplified: bool) -> None:
    with pytest.raises(NotAllowedError, match=f"^{standing(kind)} and cannot be submitted; only a draft"):
        decide(of_kind(kind, simplified=simplified), SUBMIT, NOW)


# Discarding


@FLOWS
@pytest.mark.parametrize("kind", [RECEIVED_DRAFT, DRAFT, DRAFT_DRAFT, PARKED, PARKED_DRAFT])
def test_discarding_ends_the_wait_and_gives_no_reason(kind: Kind, *, simplified: bool) -> None:
    order = of_kind(kind, simplified=simplified, code="MISSING_FIELDS", information="…")
    expected = order._replace(
        version=4,
        status=S.CANCELLED,
        detailed_status=D.CANCELED_BYUSER,
        code=None,
        information=None,
        status_changed_at=NOW,
        modified=BOB,
        modified_date=NOW,
        discarded_at=NOW,
        **SETTLED,
    )
    assert decide(order, DISCARD, NOW) == Decision(expected, E.DISCARDED, BOB)


@FLOWS
@pytest.mark.parametrize(
    "kind", [RECEIVED_SUBMIT, DRAFT_SUBMIT, PARKED_SUBMIT, HELD, SUBMITTED, INPROGRESS, COMPLETED, CANCELLED]
)
def test_what_is_submitted_or_on_its_way_is_not_discarded(kind: Kind, *, simplified: bool) -> None:
    with pytest.raises(NotAllowedError, match=f"^{standing(kind)} and cannot be discarded; only an order"):
        decide(of_kind(kind, simplified=simplified), DISCARD, NOW)


# Cancelling


@FLOWS
@pytest.mark.parametrize("kind", [*WAITING, DRAFT, PARKED, SUBMITTED, INPROGRESS, HELD])
def test_cancelling_ends_the_wait_and_notes_the_reason(kind: Kind, *, simplified: bool) -> None:
    is_request = kind in (INPROGRESS, HELD)  # fulfilment works on it, and decides
    earlier = {"cancelReasonEnum": "OTHER"}
    order = of_kind(kind, simplified=simplified, code="MISSING_FIELDS", information="…", cancellations=(earlier,))
    row = {
        "cancelReasonEnum": "ORDER_LATE",
        "cancelAdditionalReason": "Closed.",
        "cancelledBy": "Bob",
        "cancelledUserUid": "u-bob",
        "cancelledDate": "2026-11-23T08:20:00.000000Z",
    }
    expected = order._replace(
        version=4,
        status=S.INPROGRESS if is_request else S.CANCELLED,
        detailed_status=D.CANCEL_REQUESTED if is_request else D.CANCELED_BYUSER,
        code=None,
        information=None,
        status_changed_at=NOW,
        modified=BOB,
        modified_date=NOW,
        cancellations=(earlier, row),
        **SETTLED,
    )
    assert decide(order, CANCEL, NOW) == Decision(expected, E.PROGRESSED if is_request else E.CANCELLED, BOB)
    assert order.can_cancel
    assert not expected.can_cancel


def test_a_cancellation_without_further_reason_and_by_the_service() -> None:
    cancelled = decide(of_kind(DRAFT, simplified=False), Cancel("OTHER", None, SERVICE), NOW).order
    assert cancelled.cancellations == (
        {
            "cancelReasonEnum": "OTHER",
            "cancelledBy": "Hardware Orders",
            "cancelledDate": "2026-11-23T08:20:00.000000Z",
        },
    )


@FLOWS
@pytest.mark.parametrize("kind", [SHIPPED, COMPLETED, CANCELLED])
def test_what_is_shipped_or_over_is_not_cancelled(kind: Kind, *, simplified: bool) -> None:
    order = of_kind(kind, simplified=simplified)
    assert not order.can_cancel
    with pytest.raises(NotAllowedError, match="cannot be cancelled; only what is neither shipped, nor over, nor being"):
        decide(order, CANCEL, NOW)


# Receiving, and the clock


@FLOWS
@pytest.mark.parametrize("intent", [I.DRAFT, I.SUBMIT])
def test_receiving_decides_nothing(intent: Intent, *, simplified: bool) -> None:
    sent = as_sent(NEW_BODY)
    decision = receive(Receive(ORDER_ID, sent, NEW_BODY, intent, simplified, BOB), NOW)
    assert decision == Decision(
        Order(
            order_id=ORDER_ID,
            version=1,
            status=S.RECEIVED,
            detailed_status=None,
            code=None,
            information=None,
            status_changed_at=NOW,
            sent=sent,
            body=NEW_BODY,
            derived=() if simplified else None,
            derived_at=None,
            missing=(),
            simplified=simplified,
            portfolio_uid=None,
            portfolio_version=None,
            portfolio_changes=(),
            due_at=NOW,
            intent=intent,
            due_actor=BOB,
            attempts=0,
            lookups=0,
            created=BOB,
            created_date=NOW,
            modified=BOB,
            modified_date=NOW,
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
        ),
        E.RECEIVED,
        BOB,
    )


@pytest.mark.parametrize(
    ("kind", "command"), [(RECEIVED_SUBMIT, Settle(None)), (DRAFT, REPLACE), (DRAFT, CANCEL), (RECEIVED_SUBMIT, PARK)]
)
def test_a_clock_that_went_back_is_held_at_the_last_change(kind: Kind, command: Command) -> None:
    order = of_kind(kind, simplified=False)
    changed = decide(order, command, BEFORE - timedelta(hours=1)).order
    assert changed.modified_date == BEFORE


def test_settling_without_an_actor_is_the_services_doing() -> None:
    order = of_kind(RECEIVED_SUBMIT, simplified=False, due_actor=None)
    decision = decide(order, Settle(None), NOW)
    assert decision.actor == decision.order.modified == SERVICE
