"""Every row of the table by the function that decides, and fulfilment's reports to the last field."""

import itertools
from typing import Any

import pytest

from hardware_orders.errors import NotAllowedError
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
)
from hardware_orders.orders.decide import Decision, decide, receive
from hardware_orders.orders.order import Order
from hardware_orders.orders.status import (
    CANCEL_REQUESTED,
    COMPLETED,
    DECLINED,
    DRAFT,
    PARKED,
    PICKED,
    RECEIVED,
    REPORTED,
    SHIPPED,
    SUBMITTED,
    TRANSITIONS,
    Act,
    Code,
    EventType,
    Intent,
    State,
    Transition,
    targets,
)
from hardware_orders.portfolio.lookup import UnknownCustomer
from tests.orders.samples import ADA, BEFORE, BOB, NOW, ORDER_ID, a_body, an_order, as_sent

STATES = sorted({row.target for row in TRANSITIONS}, key=str)
BODY = a_body(notes="new")


def standing(state: State, intent: Intent | None = None, **members: Any) -> Order:
    return an_order(state.status, intent, detailed_status=state.detailed, **members)


def report(state: State, code: str | None = None, information: str | None = None, **members: Any) -> Progress:
    given = {"tracking_reference": None, "order_number": None} | members
    return Progress(state, code, information, actor=BOB, **given)


def settling(source: State, target: State) -> Decision:
    intent = Intent.DRAFT if target == DRAFT else Intent.SUBMIT
    if target == PARKED:
        return decide(standing(source, intent, simplified=True), Settle(UnknownCustomer()), NOW)
    return decide(standing(source, intent), Settle(None), NOW)


def moved(row: Transition) -> Decision:
    """What the row's act makes of an order that stands at its source."""
    if row.source is None:
        return receive(Receive(ORDER_ID, as_sent(BODY), BODY, Intent.DRAFT, simplified=False, actor=BOB), NOW)
    if row.act is Act.SETTLE:
        return settling(row.source, row.target)
    commands: dict[Act, Command] = {
        Act.REPLACE: Replace(as_sent(BODY), BODY, BOB),
        Act.DISCARD: Discard(BOB),
        Act.CANCEL: Cancel("OTHER", None, BOB),
        Act.PARK: Park(Code.POISON, "It was set aside."),
        Act.STALL: Stall(),
        Act.PROGRESS: report(row.target, "C", "New."),
        Act.ERASE: Erase(BOB),
    }
    waits = row.act in {Act.PARK, Act.STALL} or row.source == RECEIVED
    return decide(standing(row.source, Intent.DRAFT if waits else None), commands[row.act], NOW)


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: f"{row.act}: {row.source} to {row.target}")
def test_every_row_of_the_table_happens(row: Transition) -> None:
    decision = moved(row)
    assert (decision.order.state, decision.event) == (row.target, row.event)


def test_what_has_no_row_is_refused_and_told_what_has() -> None:
    for source, target in itertools.product(STATES, STATES):
        allowed = targets(Act.PROGRESS, source)
        if target in allowed:
            continue
        with pytest.raises(NotAllowedError) as refused:
            decide(standing(source), report(target, "C"), NOW)
        rule = f"only these can be: {', '.join(map(str, allowed))}" if allowed else "nothing can be reported of it"
        assert str(refused.value) == f"The order is {source} and cannot be reported as {target}; {rule}."


def test_words_that_do_not_belong_together_are_no_state_of_the_table() -> None:
    with pytest.raises(
        NotAllowedError, match="cannot be reported as COMPLETED / FULFILMENT_PICKED; only these can be:"
    ):
        decide(standing(SUBMITTED), report(State.of("COMPLETED", "FULFILMENT_PICKED")), NOW)


def test_a_report_to_the_last_field() -> None:
    order = standing(PICKED, code="OLD", information="Old.", tracking_reference="OLD-1", submitted_at=BEFORE)
    expected = order._replace(
        version=4,
        status=SHIPPED.status,
        detailed_status=SHIPPED.detailed,
        code="ON_TIME",
        information="By van.",
        status_changed_at=NOW,
        tracking_reference="1Z999",
        order_number=4711,
        modified=BOB,
        modified_date=NOW,
    )
    command = report(SHIPPED, "ON_TIME", "By van.", tracking_reference="1Z999", order_number=4711)
    assert decide(order, command, NOW) == Decision(expected, EventType.PROGRESSED, BOB)


def test_code_and_information_go_with_the_state_and_references_stay() -> None:
    order = standing(PICKED, code="C", information="I.", tracking_reference="1Z999", order_number=4711)
    after = decide(order, report(SHIPPED), NOW).order
    assert (after.code, after.information) == (None, None)
    assert (after.tracking_reference, after.order_number) == ("1Z999", 4711)


@pytest.mark.parametrize("state", sorted(REPORTED, key=str), ids=str)
def test_the_same_report_again_changes_nothing(state: State) -> None:
    order = standing(state, code="C", information="I.", tracking_reference="1Z999", order_number=4711)
    for members in ({}, {"tracking_reference": "1Z999"}, {"tracking_reference": "1Z999", "order_number": 4711}):
        decision = decide(order, report(state, "C", "I.", **members), NOW)
        assert decision.order is order
        assert decision.event is None


@pytest.mark.parametrize("state", sorted({*STATES} - REPORTED, key=str), ids=str)
def test_where_fulfilment_did_not_bring_it_an_order_cannot_be_reported_again(state: State) -> None:
    with pytest.raises(NotAllowedError):
        decide(standing(state), report(state), NOW)


@pytest.mark.parametrize(
    ("code", "information", "members", "is_another_status"),
    [
        ("D", "I.", {}, True),
        (None, "I.", {}, True),
        ("C", "J.", {}, False),
        ("C", "I.", {"tracking_reference": "2"}, False),
        ("C", "I.", {"order_number": 2}, False),
    ],
)
def test_another_report_of_the_same_state_is_an_event(
    code: str | None, information: str, members: dict[str, Any], *, is_another_status: bool
) -> None:
    known: dict[str, Any] = {"code": "C", "information": "I.", "tracking_reference": "1", "order_number": 1}
    order = standing(SHIPPED, **known)
    decision = decide(order, report(SHIPPED, code, information, **members), NOW)
    assert (decision.event, decision.order.version) == (EventType.PROGRESSED, 4)
    assert decision.order.status_changed_at == (NOW if is_another_status else order.status_changed_at)
    with pytest.raises(NotAllowedError, match="The order is COMPLETED and cannot be reported as COMPLETED; nothing"):
        decide(standing(COMPLETED, **known), report(COMPLETED, code, information, **members), NOW)


def test_a_request_to_cancel_and_its_refusal_stay_in_the_history() -> None:
    asked = decide(standing(PICKED), Cancel("ORDER_LATE", "Closed.", ADA), NOW).order
    assert asked.state == CANCEL_REQUESTED
    assert not asked.can_cancel
    refused = decide(asked, report(State.of("INPROGRESS", "CANCEL_ERROR"), "TOO_LATE"), NOW).order
    assert refused.can_cancel
    again = decide(refused, Cancel("OTHER", None, ADA), NOW).order
    ended = decide(again, report(State.of("CANCELLED", None)), NOW).order
    assert [row["cancelReasonEnum"] for row in ended.cancellations] == ["ORDER_LATE", "OTHER"]
    assert ended.cancellations[0] == asked.cancellations[0]


def test_what_fulfilment_ends_by_itself_has_its_reason_in_code_and_information() -> None:
    ended = decide(standing(SUBMITTED), report(DECLINED, "NO_STOCK", "Discontinued."), NOW).order
    assert (ended.code, ended.information, ended.cancellations) == ("NO_STOCK", "Discontinued.", ())
