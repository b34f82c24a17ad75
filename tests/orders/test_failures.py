"""Failed attempts, as they are kept with an order."""

from datetime import timedelta

from hardware_orders.orders import failures
from hardware_orders.orders.failures import KEPT_MOST, REASON_CHARACTERS, Cause, Failure
from tests.orders.samples import BEFORE, NOW


def test_equal_ones_in_a_row_are_counted_from_the_first_to_the_last() -> None:
    kept: failures.Failures = ()
    for minutes, reason in enumerate(["It is away.", "It is away.", "It answered 503.", "It is away."]):
        kept = failures.added(kept, NOW + timedelta(minutes=minutes), Cause.LOOKUP, reason)
    first, second, third, fourth = (NOW + timedelta(minutes=minutes) for minutes in range(4))
    assert kept == (
        Failure(first, second, 2, Cause.LOOKUP, "It is away."),
        Failure(third, third, 1, Cause.LOOKUP, "It answered 503."),
        Failure(fourth, fourth, 1, Cause.LOOKUP, "It is away."),
    )


def test_the_newest_are_kept_and_reasons_are_cut() -> None:
    kept: failures.Failures = ()
    for number in range(KEPT_MOST + 5):
        kept = failures.added(kept, NOW, Cause.FAULT, f"{number:03}" + "x" * REASON_CHARACTERS)
    assert [failure.reason[:3] for failure in kept] == [f"{number:03}" for number in range(5, KEPT_MOST + 5)]
    assert {len(failure.reason) for failure in kept} == {REASON_CHARACTERS}


def test_a_clock_that_went_back_does_not_turn_the_last_before_the_first() -> None:
    (kept,) = failures.added(failures.added((), NOW, Cause.UNENDED), BEFORE, Cause.UNENDED)
    assert (kept.first_at, kept.last_at, kept.times) == (NOW, NOW, 2)


def test_as_text_and_back_they_are_the_same() -> None:
    kept = failures.added(failures.added((), BEFORE, Cause.LOOKUP, "“Away”\n"), NOW, Cause.UNENDED)
    assert failures.from_text(failures.as_text(kept)) == kept
    assert (failures.as_text(()), failures.from_text(None)) == (None, ())
