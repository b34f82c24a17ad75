"""The table of transitions: complete, without contradictions, and saying of every status how it is reached."""

import itertools

import pytest

from hardware_orders.orders.status import (
    CANCELLABLE,
    TRANSITIONS,
    Act,
    Code,
    DetailedStatus,
    EventType,
    Intent,
    Status,
    transition,
)

# What the progress reported by the downstream system will bring; until then no row of the table leads there.
OF_FULFILMENT = {Status.INPROGRESS, Status.COMPLETED}
TOLD_LATER = {EventType.PROGRESSED, EventType.COMPLETED, EventType.DISCARDED, EventType.STALLED}

REACHED_AS = {
    Status.RECEIVED: {None},
    Status.DRAFT: {DetailedStatus.DRAFT},
    Status.SUBMITTED: {DetailedStatus.SUBMITTED},
    Status.ONHOLD: {DetailedStatus.REQUIRES_ATTENTION},
    Status.CANCELLED: {DetailedStatus.CANCELED_BYUSER},
}


def test_a_move_has_one_row() -> None:
    moves = [(row.act, row.source, row.target) for row in TRANSITIONS]
    assert len(moves) == len(set(moves))


def test_every_status_is_reached_or_comes_with_fulfilment() -> None:
    reached: set[Status | None] = {None}
    while more := {row.target for row in TRANSITIONS if row.source in reached} - reached:
        reached |= more
    assert reached - {None} == set(Status) - OF_FULFILMENT


def test_every_event_is_told_by_a_row_or_comes_later() -> None:
    assert {row.event for row in TRANSITIONS} == set(EventType) - TOLD_LATER


def test_every_act_has_a_row_and_only_receiving_begins() -> None:
    assert {row.act for row in TRANSITIONS} == set(Act)
    assert {row.act for row in TRANSITIONS if row.source is None} == {Act.RECEIVE}
    assert {row.source for row in TRANSITIONS if row.act is Act.RECEIVE} == {None}


def test_nothing_leads_out_of_an_end() -> None:
    assert not [row for row in TRANSITIONS if row.source in (Status.CANCELLED, Status.COMPLETED)]


def test_a_status_is_always_reached_as_the_same_detailed_status() -> None:
    reached: dict[Status, set[DetailedStatus | None]] = {}
    for row in TRANSITIONS:
        reached.setdefault(row.target, set()).add(row.detailed)
    assert reached == REACHED_AS


def test_every_move_that_ends_the_same_way_by_the_same_act_is_told_the_same() -> None:
    told = {(row.act, row.target, row.event) for row in TRANSITIONS}
    assert len(told) == len({(act, target) for act, target, _ in told})


def test_what_can_be_settled_can_be_parked() -> None:
    assert {row.source for row in TRANSITIONS if row.act is Act.PARK} == {
        row.source for row in TRANSITIONS if row.act is Act.SETTLE
    }


def test_nothing_is_submitted_but_by_settling() -> None:
    assert {row.act for row in TRANSITIONS if row.target is Status.SUBMITTED} == {Act.SETTLE}


def test_cancellable_is_what_the_table_says() -> None:
    assert {Status.RECEIVED, Status.DRAFT, Status.SUBMITTED, Status.ONHOLD} == CANCELLABLE


def test_the_table_answers_for_its_rows_and_for_nothing_else() -> None:
    rows = {(row.act, row.source, row.target): row for row in TRANSITIONS}
    for move in itertools.product(Act, [None, *Status], Status):
        if move in rows:
            assert transition(*move) is rows[move]
        else:
            with pytest.raises(KeyError):
                transition(*move)


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
