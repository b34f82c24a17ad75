"""What the Portfolio Service said last of one customer: as it is remembered here, and shared with other processes."""

from dataclasses import dataclass, replace
from typing import Any

import orjson

from hardware_orders.portfolio.lookup import Found, UnknownCustomer
from hardware_orders.portfolio.portfolio import WrongPortfolioError, parse_portfolios

# Portfolios that last changed a day ago still complete orders better than nobody does.
STALE_SECONDS = 86_400.0
# A service that calls its answers fresh for days would keep a mended portfolio from the orders.
FRESH_MOST_SECONDS = 3_600.0
# Hosts' clocks differ; an entry from further in the future is none.
CLOCKS_DIFFER_SECONDS = 60.0
# Entity tags are some ten characters; one that is sent back with each question stays short.
ETAG_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer about one customer. Times are Unix seconds.

    `document` is the answer's JSON as it came; it is empty of a customer whom the service does not know.
    """

    outcome: Found | UnknownCustomer
    document: bytes
    etag: str | None
    checked_at: float
    fresh_until: float

    def is_fresh(self, now: float) -> bool:
        return now < self.fresh_until

    def is_stale_but_usable(self, now: float) -> bool:
        """True while it may be served in place of a service that is away. A customer may have become known since."""
        return isinstance(self.outcome, Found) and now < self.checked_at + STALE_SECONDS

    def checked_again(self, at: float, fresh_seconds: float) -> "Entry":
        return replace(self, checked_at=at, fresh_until=at + fresh_seconds)

    def as_json(self) -> bytes:
        document = orjson.Fragment(self.document) if self.document else None
        return orjson.dumps(
            {
                "document": document,
                "etag": self.etag,
                "checkedAt": self.checked_at,
                "freshUntil": self.fresh_until,
            }
        )


def found_of(customer_entity_uid: str, document: bytes) -> Found:
    """The portfolios of an answer's JSON. Raises ValueError with a predicate that repeats nothing of the answer."""
    try:
        portfolios = parse_portfolios(orjson.loads(document))
    except orjson.JSONDecodeError:
        raise ValueError("answered with what is no JSON") from None
    except WrongPortfolioError as error:
        place = f": {error.place}" if error.place else ""
        raise ValueError(f"answered with portfolios that break the rules for them{place}") from None
    if not portfolios:
        raise ValueError("answered with no portfolio, and not with 404 either")
    if any(portfolio.customer_entity_uid != customer_entity_uid for portfolio in portfolios):
        raise ValueError("answered with portfolios of another customer")
    return Found(tuple(portfolios))


def from_json(customer_entity_uid: str, stored: bytes, now: float) -> Entry | None:
    """An entry that another process shared; None of what is none: whoever writes there is trusted no further."""
    try:
        members: Any = orjson.loads(stored)
        document = b"" if members["document"] is None else orjson.dumps(members["document"])
        outcome = found_of(customer_entity_uid, document) if document else UnknownCustomer()
        entry = Entry(
            outcome, document, usable_etag(members["etag"]), float(members["checkedAt"]), float(members["freshUntil"])
        )
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    is_possible = entry.checked_at < now + CLOCKS_DIFFER_SECONDS
    return entry if is_possible and entry.fresh_until <= entry.checked_at + FRESH_MOST_SECONDS else None


def usable_etag(etag: object) -> str | None:
    """The tag where it can be sent back in a header as it is."""
    if isinstance(etag, str) and 0 < len(etag) <= ETAG_CHARACTERS and etag.isascii() and etag.isprintable():
        return etag
    return None
