"""The table of transitions: complete, without contradictions, and saying of every status how it is reached."""

import itertools

import pytest

from hardware_orders.contract.enums import DetailedStatus, Status
from hardware_orders.orders.status import (
    BOOKED,
    CANCEL_ERROR,
    CANCEL_INPROGRESS,
    CANCEL_REQUESTED,
    CANCELED_BYUSER,
    CANCELLABLE,
    CANCELLED,
    COMPLETED,
    DECLINED,
    DRAFT,
    EDITABLE,
    FINAL,
    HELD,
    NOT_OURS,
    PARKED,
    PICKED,
    PREPARING,
    RECEIVED,
    SHIPPED,
    SUBMITTED,
    TRANSITIONS,
    Act,
    Code,
    EventType,
    Intent,
    State,
    sources,
    targets,
    transition,
)

BEFORE_SUBMISSION = {RECEIVED, DRAFT, PARKED}
ENDS = {COMPLETED, CANCELLED, DECLINED, CANCELED_BYUSER}


def reached() -> set[State]:
    """Every state that a walk of the table comes to, from nothing."""
    seen: set[State | None] = {None}
    while more := {row.target for row in TRANSITIONS if row.source in seen} - seen:
        seen |= more
    return {state for state in seen if state}


def test_a_move_has_one_row() -> None:
    moves = [(row.act, row.source, row.target) for row in TRANSITIONS]
    assert len(moves) == len(set(moves))


def test_every_status_is_reached() -> None:
    assert {state.status for state in reached()} == set(Status)


def test_every_detailed_status_is_reached_or_not_ours() -> None:
    found = {state.detailed for state in reached()} - {None}
    assert found | NOT_OURS.keys() == set(DetailedStatus)
    assert not found & NOT_OURS.keys()
    assert all(reason.endswith(".") for reason in NOT_OURS.values())


def test_a_detailed_status_belongs_to_one_status() -> None:
    details = [state.detailed for state in reached()]
    assert len(details) == len(set(details))
    assert {state for state in reached() if state.detailed is None} == {RECEIVED}


def test_every_status_but_received_has_a_plain_state() -> None:
    assert {State.of(status, None) for status in Status} <= reached()
    assert State.of("RECEIVED", None) == RECEIVED


def test_every_row_leaves_from_where_another_leads() -> None:
    assert {row.source for row in TRANSITIONS} - {None} <= reached()


def test_every_event_is_told_by_a_row_or_comes_later() -> None:
    assert {row.event for row in TRANSITIONS} == set(EventType)


def test_every_act_has_a_row_and_only_receiving_begins() -> None:
    assert {row.act for row in TRANSITIONS} == set(Act)
    assert {row.act for row in TRANSITIONS if row.source is None} == {Act.RECEIVE}
    assert {row.source for row in TRANSITIONS if row.act is Act.RECEIVE} == {None}


def test_nothing_leads_out_of_an_end_and_everything_else_leads_to_one() -> None:
    leaving = [row for row in TRANSITIONS if row.act is not Act.ERASE]
    assert {state for state in reached() if not any(row.source == state for row in leaving)} == ENDS == {*FINAL}
    assert {(row.source, row.target) for row in TRANSITIONS if row.act is Act.ERASE} == {(end, end) for end in ENDS}
    towards: set[State | None] = {*ENDS}
    while more := {row.source for row in TRANSITIONS if row.target in towards} - towards:
        towards |= more
    assert towards == {None, *reached()}


def test_every_move_that_ends_the_same_way_by_the_same_act_is_told_the_same() -> None:
    told = {(row.act, row.target, row.event) for row in TRANSITIONS}
    assert len(told) == len({(act, target) for act, target, _ in told})


@pytest.mark.parametrize("act", [Act.SETTLE, Act.PARK, Act.REPLACE, Act.DISCARD])
def test_what_has_not_been_submitted_is_settled_parked_replaced_and_discarded(act: Act) -> None:
    assert sources(act) == BEFORE_SUBMISSION


def test_nothing_is_submitted_but_by_settling() -> None:
    assert {row.act for row in TRANSITIONS if row.target == SUBMITTED} == {Act.SETTLE}


def test_what_was_submitted_never_comes_back_before_submission() -> None:
    rows = [row for row in TRANSITIONS if row.target in BEFORE_SUBMISSION and row.source]
    assert {row.source for row in rows} == BEFORE_SUBMISSION


def test_fulfilment_reports_of_everything_submitted_and_of_nothing_else() -> None:
    assert sources(Act.PROGRESS) == reached() - BEFORE_SUBMISSION - ENDS


def test_cancellable_is_what_the_table_says() -> None:
    assert {RECEIVED, DRAFT, PARKED, SUBMITTED, *PREPARING, BOOKED, PICKED, *HELD, CANCEL_ERROR} == CANCELLABLE
    assert BEFORE_SUBMISSION == EDITABLE


@pytest.mark.parametrize("state", sorted(CANCELLABLE, key=str))
def test_cancelling_is_final_before_fulfilment_began_and_a_request_afterwards(state: State) -> None:
    expected = CANCELED_BYUSER if state in BEFORE_SUBMISSION | {SUBMITTED} else CANCEL_REQUESTED
    assert targets(Act.CANCEL, state) == (expected,)


def test_a_request_to_cancel_is_answered_before_anything_else_is_reported() -> None:
    answers = {CANCEL_INPROGRESS, CANCEL_ERROR, CANCELLED}
    assert set(targets(Act.PROGRESS, CANCEL_REQUESTED)) == set(targets(Act.PROGRESS, CANCEL_INPROGRESS)) == answers
    # Nor can it be answered before it was made.
    asked = {CANCEL_REQUESTED, CANCEL_INPROGRESS, CANCEL_ERROR}
    for answer in (CANCEL_INPROGRESS, CANCEL_ERROR):
        assert {row.source for row in TRANSITIONS if row.target == answer} <= asked


def test_shipping_only_goes_forward() -> None:
    ladder = [BOOKED, PICKED, SHIPPED]
    for place, state in enumerate(ladder):
        assert [step for step in ladder if step in targets(Act.PROGRESS, state)] == ladder[place:]
        assert not set(PREPARING) & set(targets(Act.PROGRESS, state))


def test_the_table_answers_for_its_rows_and_for_nothing_else() -> None:
    rows = {(row.act, row.source, row.target): row for row in TRANSITIONS}
    for move in itertools.product(Act, [None, *reached()], reached()):
        if move in rows:
            assert transition(*move) is rows[move]
        else:
            with pytest.raises(KeyError):
                transition(*move)


@pytest.mark.parametrize(
    ("state", "shown"), [(RECEIVED, "RECEIVED"), (DRAFT, "DRAFT"), (PARKED, "ONHOLD / REQUIRES_ATTENTION")]
)
def test_a_state_is_shown_without_repeating_itself(state: State, shown: str) -> None:
    assert f"{state}" == shown


@pytest.mark.parametrize("names", [Status, DetailedStatus, Code, Intent])
def test_names_are_their_values(names: type[Status | DetailedStatus | Code | Intent]) -> None:
    assert [name.value for name in names] == [name.name for name in names]


def test_the_vendors_statuses_and_one_of_ours() -> None:
    assert {status.value for status in Status} == {
        *("DRAFT", "SUBMITTED", "INPROGRESS", "COMPLETED", "CANCELLED", "ONHOLD"),
        "RECEIVED",
    }
    assert len(DetailedStatus) == 24


def test_names_fit_their_columns() -> None:
    assert max(len(status) for status in Status) <= 16
    assert max(len(status) for status in DetailedStatus) <= 32
    assert max(len(event) for event in EventType) <= 32
    assert max(len(code) for code in Code) <= 64
    assert max(len(intent) for intent in Intent) <= 8
