"""Public holidays, by country and subdivision, as the library `holidays` knows them.

The library takes a fifth of a second to import and a country's first year as long again, so it is imported by the first
portfolio that names one, and a year is worked out once.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

# ISO 3166-1 alpha-2, or ISO 3166-2 for a subdivision.
HOLIDAYS_PATTERN = "^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
# Each is a dozen dates. More places than a process has portfolios of are worked out again, and nothing else.
YEARS_KEPT = 512
# Not the machine's own language, which would make two processes write two rules.
_LANGUAGE = "en_US"


def check_place(place: str) -> None:
    """Raise ValueError, with the remedy, unless the holidays of `DE` or `DE-BY` are known."""
    import holidays  # noqa: PLC0415 - see above

    country, _, subdivision = place.partition("-")
    known = holidays.list_supported_countries()
    if country not in known:
        raise ValueError(f"no public holidays are known of {country}; use an ISO 3166-1 alpha-2 code such as DE")
    if subdivision and subdivision not in known[country]:
        some = ", ".join(f"{country}-{one}" for one in known[country][:5]) or "none"
        raise ValueError(f"{place} is no subdivision with holidays of its own; use {country}, or one of these: {some}")
    names_of_year(place, date.today().year)  # noqa: DTZ011 - warms up, before any transaction waits for it


@lru_cache(maxsize=YEARS_KEPT)
def names_of_year(place: str, year: int) -> Mapping[date, str]:
    """The public holidays of a place that `check_place` knows, with their names."""
    import holidays  # noqa: PLC0415 - see above

    country, _, subdivision = place.partition("-")
    calendar = holidays.country_holidays(country, subdiv=subdivision or None, language=_LANGUAGE)
    if not calendar.start_year <= year <= calendar.end_year:
        return {}  # asked all the same, the library warns on standard error
    return dict(
        holidays.country_holidays(country, subdiv=subdivision or None, years=year, expand=False, language=_LANGUAGE)
    )
