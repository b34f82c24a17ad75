"""The delivery date that a portfolio works out for an order that names none. Pure: the instant is handed in."""

from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from hardware_orders.portfolio.holiday import HOLIDAYS_PATTERN, check_place, names_of_year
from hardware_orders.portfolio.messages import CUT_OFF_PATTERN

SATURDAY = 5  # date.weekday()
ONE_DAY = timedelta(days=1)
# A rule is read by people; whoever wants the rest looks into a calendar.
HOLIDAYS_NAMED = 4
# A rule gives two dates a day, before and after its cut-off. More rules than that are worked out again.
DATES_KEPT = 1_024


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # ZoneInfo opens a file of that name: a folder is an OSError
        raise ValueError("is not a time zone known here; use an IANA name such as Europe/Paris") from None
    return name


def _known_place(place: str) -> str:
    check_place(place)
    return place


class RequestedDate(BaseModel):
    """`{leadTimeDays, businessDays, holidays, cutOff "HH:MM", timeZone}`: the date is computed, not stored.

    Business days are Monday to Friday, without the public holidays of `holidays` (`DE`, `DE-BY`). An order that comes
    after the cut-off, or on a day that is no business day, counts from the next (business) day, so that a later order
    never gets an earlier date.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)

    # A year: a longer lead time is a slip of the keyboard.
    lead_time_days: Annotated[int, Field(ge=0, le=366)] = Field(description="How many days after the order.")
    business_days: bool = Field(default=False, description="True to count Monday to Friday only.")
    holidays: Annotated[str, Field(pattern=HOLIDAYS_PATTERN), AfterValidator(_known_place)] | None = Field(
        default=None, description="Whose public holidays are no business days: a country or subdivision of ISO 3166."
    )
    cut_off: Annotated[str, Field(pattern=CUT_OFF_PATTERN)] | None = Field(
        default=None, description="HH:MM; an order that comes later counts from the next day."
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        description="Of the cut-off and of the date, by its IANA name, such as Europe/Paris."
    )

    @model_validator(mode="after")
    def _holidays_are_no_business_days(self) -> Self:
        if self.holidays and not self.business_days:
            raise ValueError("holidays only count among business days; set businessDays to true, or remove holidays")
        return self

    def compute(self, now: datetime) -> tuple[str, str]:
        """The date for an order that came at `now` (with a zone), as local midnight in RFC 3339; the rule in words."""
        local = now.astimezone(self.zone)
        return self._of_day(local.date(), is_late=self.latest is not None and local.time() > self.latest)

    @lru_cache(maxsize=DATES_KEPT)  # noqa: B019 - what it keeps alive are as many rules, of a few fields each
    def _of_day(self, today: date, *, is_late: bool) -> tuple[str, str]:
        skipped: list[str] = []
        is_next = is_late or self._is_closed(today, skipped)
        first = self._next(today, skipped) if is_next else today
        due = first
        for _ in range(self.lead_time_days):
            due = self._next(due, skipped)
        # Where the clocks skip midnight this is written with the offset before the change: the day's first instant.
        return datetime.combine(due, time(), self.zone).isoformat(), self._in_words(first, skipped)

    def _next(self, day: date, skipped: list[str]) -> date:
        day += ONE_DAY
        while self._is_closed(day, skipped):
            day += ONE_DAY
        return day

    def _is_closed(self, day: date, skipped: list[str]) -> bool:
        if not self.business_days:
            return False
        if day.weekday() >= SATURDAY:
            return True
        if self.holidays is None:
            return False
        name = names_of_year(self.holidays, day.year).get(day)
        if name is not None:
            skipped.append(f"{day.isoformat()} ({name})")
        return name is not None

    def _in_words(self, first: date, skipped: list[str]) -> str:
        unit = ("business " if self.business_days else "") + ("day" if self.lead_time_days == 1 else "days")
        cut_off = f", cut-off {self.cut_off}" if self.cut_off else ","
        words = f"{self.lead_time_days} {unit} after {first.isoformat()}{cut_off} {self.time_zone}"
        if skipped:
            words += f", without {', '.join(skipped[:HOLIDAYS_NAMED])}"
        if len(skipped) > HOLIDAYS_NAMED:
            words += f" and {len(skipped) - HOLIDAYS_NAMED} more"
        return f"{words} in {self.holidays}" if skipped else words

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @cached_property
    def latest(self) -> time | None:
        return None if self.cut_off is None else time.fromisoformat(self.cut_off)
