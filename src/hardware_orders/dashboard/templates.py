"""The templates and what they write values with. What is not marked otherwise is escaped; a name that is not there fails."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from hardware_orders import __version__, instants
from hardware_orders.dashboard import static_files

if TYPE_CHECKING:
    from jinja2 import Environment

UNKNOWN = "–"  # noqa: RUF001  # a dash, and no minus

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
# What is better said in milliseconds.
_MILLISECONDS_BELOW = 1.0
_TENTHS_BELOW = 10.0


@cache
def environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  # nobody may look at the dashboard

    made = Environment(
        loader=PackageLoader("hardware_orders.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"static": static_files.address, "service_version": __version__}
    made.filters |= {
        "duration": duration,
        "instant": instant,
        "number": number,
        "path": path,
        "pretty": pretty,
        "word": word,
    }
    return made


def number(value: float | None) -> str:
    """`12,345`; fractions only of what is small; a dash for what is not known."""
    if value is None:
        return UNKNOWN
    if isinstance(value, float) and abs(value) < _TENTHS_BELOW and value != int(value):
        return f"{value:,.1f}"
    return f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """`12 ms`, `3.4 s`, `2 min 05 s`, `3 h 10 min`, `4 d 2 h`; a dash for what is not known."""
    if seconds is None:
        return UNKNOWN
    if seconds < _MILLISECONDS_BELOW:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    large, small, template = next(
        (large, small, template) for below, large, small, template in _UNITS if below is None or whole < below
    )
    return template.format(whole // large, whole % large // small)


_UNITS: tuple[tuple[int | None, int, int, str], ...] = (
    (_HOUR, _MINUTE, 1, "{} min {:02} s"),
    (_DAY, _HOUR, _MINUTE, "{} h {:02} min"),
    (None, _DAY, _HOUR, "{} d {} h"),
)


def instant(value: datetime | None) -> Markup:
    """Date and time in UTC to the second, and to the microsecond for programs."""
    if value is None:
        return escape(UNKNOWN)
    utc = value.astimezone(UTC)
    template = Markup('<time datetime="{}">{}</time>')
    return template.format(instants.text(utc), utc.strftime("%Y-%m-%d %H:%M:%S"))


def pretty(value: Any) -> Markup:
    """A value as indented JSON."""
    return escape(json.dumps(value, ensure_ascii=False, indent=2))


def path(text: str) -> Markup:
    """A JSON Pointer or a URL, which is broken before a slash where there is no room for it."""
    return Markup("<wbr>/").join(text.split("/"))


def word(value: str | None) -> str:
    """`PORTFOLIO_CHANGED` as `portfolio changed`. Some statuses of the contract run two words together."""
    whole = (value or "without a code").replace("BYUSER", "BY_USER").replace("INPROGRESS", "IN_PROGRESS")
    return whole.replace("_", " ").lower()
