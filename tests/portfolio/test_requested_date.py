"""The computed date: what it counts from, what it counts, and how it is written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_orders.portfolio.requested_date import RequestedDate

FIVE_DAYS = {"leadTimeDays": 5, "businessDays": True, "cutOff": "15:00", "timeZone": "Europe/Paris"}


def compute(now: str, **members: object) -> tuple[str, str]:
    return RequestedDate.model_validate(FIVE_DAYS | members).compute(datetime.fromisoformat(now))


@pytest.mark.parametrize(
    ("now", "value", "counted_from"),
    [
        ("2026-11-23T10:00:00+01:00", "2026-11-30T00:00:00+01:00", "2026-11-23"),  # Monday
        ("2026-11-23T15:00:00+01:00", "2026-11-30T00:00:00+01:00", "2026-11-23"),  # on the stroke is in time
        ("2026-11-23T15:00:01+01:00", "2026-12-01T00:00:00+01:00", "2026-11-24"),
        ("2026-11-23T14:30:00Z", "2026-12-01T00:00:00+01:00", "2026-11-24"),  # the local time counts
        ("2026-11-22T23:30:00Z", "2026-11-30T00:00:00+01:00", "2026-11-23"),  # and the local date
        ("2026-11-27T16:00:00+01:00", "2026-12-07T00:00:00+01:00", "2026-11-30"),  # Friday, late
        ("2026-11-28T09:00:00+01:00", "2026-12-07T00:00:00+01:00", "2026-11-30"),  # Saturday
        ("2026-03-24T09:00:00+01:00", "2026-03-31T00:00:00+02:00", "2026-03-24"),  # over the change of clocks
    ],
)
def test_business_days(now: str, value: str, counted_from: str) -> None:
    assert compute(now) == (value, f"5 business days after {counted_from}, cut-off 15:00 Europe/Paris")


@pytest.mark.parametrize(
    ("now", "place", "value", "skipped"),
    [
        ("2026-12-23T09:00:00+01:00", "FR", "2026-12-31T00:00:00+01:00", "2026-12-25 (Christmas Day)"),
        ("2026-12-25T09:00:00+01:00", "FR", "2027-01-05T00:00:00+01:00", None),  # counts from the 28th, skips New Year
        ("2027-01-05T09:00:00+01:00", "DE", "2027-01-12T00:00:00+01:00", ""),
        ("2027-01-05T09:00:00+01:00", "DE-BY", "2027-01-13T00:00:00+01:00", "2027-01-06 (Epiphany)"),
    ],
)
def test_public_holidays_are_no_business_days(now: str, place: str, value: str, skipped: str | None) -> None:
    date, rule = compute(now, holidays=place)
    assert date == value
    if skipped is None:
        skipped = "2026-12-25 (Christmas Day), 2027-01-01 (New Year's Day)"
    assert rule.endswith(f", without {skipped} in {place}" if skipped else "Europe/Paris")


def test_a_rule_names_a_few_holidays_only() -> None:
    _, rule = compute("2026-12-23T09:00:00+01:00", holidays="FR", leadTimeDays=200)
    assert rule.endswith(" more in FR")
    assert len(rule) < 300


def test_calendar_days_count_the_weekend() -> None:
    assert compute("2026-11-28T16:00:00+01:00", businessDays=False) == (
        "2026-12-04T00:00:00+01:00",
        "5 days after 2026-11-29, cut-off 15:00 Europe/Paris",
    )


def test_one_day_without_a_cut_off() -> None:
    assert compute("2026-11-27T23:59:00+01:00", cutOff=None, leadTimeDays=1) == (
        "2026-11-30T00:00:00+01:00",
        "1 business day after 2026-11-27, Europe/Paris",
    )


def test_no_lead_time_still_gives_a_business_day() -> None:
    assert compute("2026-11-28T09:00:00+01:00", leadTimeDays=0)[0] == "2026-11-30T00:00:00+01:00"


def test_a_midnight_that_the_clocks_skip_is_the_days_first_instant() -> None:
    value, _ = compute("2026-04-23T09:00:00+02:00", leadTimeDays=1, businessDays=False, timeZone="Africa/Cairo")
    assert datetime.fromisoformat(value) == datetime(2026, 4, 23, 22, 0, tzinfo=UTC)


@settings(deadline=None)
@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - zone follows
    later=st.timedeltas(timedelta(0), timedelta(days=9)),
    days=st.integers(0, 30),
    business_days=st.booleans(),
)
def test_a_later_order_never_gets_an_earlier_date(
    now: datetime, later: timedelta, days: int, *, business_days: bool
) -> None:
    rule = RequestedDate.model_validate(FIVE_DAYS | {"leadTimeDays": days, "businessDays": business_days})
    first, second = (datetime.fromisoformat(rule.compute(instant)[0]) for instant in (now, now + later))
    assert first <= second
    assert not business_days or first.weekday() < 5
