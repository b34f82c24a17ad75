"""The delivery date that a portfolio works out for an order that names none. Pure: the instant is handed in."""

from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hardware_orders.portfolio.messages import CUT_OFF_PATTERN

SATURDAY = 5  # date.weekday()
ONE_DAY = timedelta(days=1)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # ZoneInfo opens a file of that name: a folder is an OSError
        raise ValueError("is not a time zone known here; use an IANA name such as Europe/Paris") from None
    return name


class RequestedDate(BaseModel):
    """`{leadTimeDays, businessDays, cutOff "HH:MM", timeZone}`: the date is computed, not stored.

    Business days are Monday to Friday. An order that comes after the cut-off, or on a day that is no business day,
    counts from the next (business) day, so that a later order never gets an earlier date.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    # A year: a longer lead time is a slip of the keyboard.
    lead_time_days: Annotated[int, Field(ge=0, le=366)]
    business_days: bool = False
    cut_off: Annotated[str, Field(pattern=CUT_OFF_PATTERN)] | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)]

    def compute(self, now: datetime) -> tuple[str, str]:
        """The date for an order that came at `now` (with a zone), as local midnight in RFC 3339, and the rule in words."""
        zone = ZoneInfo(self.time_zone)
        local = now.astimezone(zone)
        first = self._counted_from(local)
        due = first
        for _ in range(self.lead_time_days):
            due = self._next(due)
        # Where the clocks skip midnight this is written with the offset before the change: still the day's first instant.
        return datetime.combine(due, time(), zone).isoformat(), self._in_words(first)

    def _counted_from(self, local: datetime) -> date:
        today = local.date()
        is_late = self.cut_off is not None and local.time() > time.fromisoformat(self.cut_off)
        is_closed = self.business_days and today.weekday() >= SATURDAY
        return self._next(today) if is_late or is_closed else today

    def _next(self, day: date) -> date:
        day += ONE_DAY
        while self.business_days and day.weekday() >= SATURDAY:
            day += ONE_DAY
        return day

    def _in_words(self, first: date) -> str:
        unit = ("business " if self.business_days else "") + ("day" if self.lead_time_days == 1 else "days")
        cut_off = f", cut-off {self.cut_off}" if self.cut_off else ","
        return f"{self.lead_time_days} {unit} after {first.isoformat()}{cut_off} {self.time_zone}"
