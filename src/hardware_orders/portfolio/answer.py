"""One answer of the Portfolio Service over HTTP, and what it says. Pure: status, headers and body in, a value out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from hardware_orders.portfolio.entry import FRESH_MOST_SECONDS, Entry, found_of, usable_etag
from hardware_orders.portfolio.lookup import Unavailable, UnknownCustomer

# What an answer that does not say it is fresh for.
FRESH_SECONDS = 60.0
# A new customer's first orders come minutes after it was set up, and may come a moment too early.
UNKNOWN_SECONDS = 10.0

_DIRECTIVE = re.compile(r"""(?:^|,)\s*([a-z-]+)(?:\s*=\s*"?(\d{1,10})"?)?\s*(?=,|$)""")


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def read(customer_entity_uid: str, answer: Answer, known: Entry | None, now: float) -> Entry | Unavailable:
    """What the answer says of this customer. `known` is what was asked to be compared, with an `etag`.

    Anything that is not exactly an answer to the question is an unavailable service. The reason repeats nothing of
    the body.
    """
    try:
        return _read(customer_entity_uid, answer, known, now)
    except ValueError as error:
        return away(str(error))


def _read(customer_entity_uid: str, answer: Answer, known: Entry | None, now: float) -> Entry:
    match answer.status:
        case HTTPStatus.NOT_FOUND:
            seconds = min(_fresh_seconds(answer.headers, UNKNOWN_SECONDS), UNKNOWN_SECONDS)
            return Entry(UnknownCustomer(), b"", None, now, now + seconds)
        case HTTPStatus.NOT_MODIFIED if known:
            return known.checked_again(now, _fresh_seconds(answer.headers, FRESH_SECONDS))
        case HTTPStatus.NOT_MODIFIED:
            raise ValueError("answered 304, though it was not asked whether anything has changed")
        case HTTPStatus.OK:
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise ValueError("answered in a content encoding that was not asked for")
            found = found_of(customer_entity_uid, answer.body)
            fresh_seconds = _fresh_seconds(answer.headers, FRESH_SECONDS)
            return Entry(found, answer.body, usable_etag(answer.headers.get("etag")), now, now + fresh_seconds)
        case redirection if 300 <= redirection < 400:  # noqa: PLR2004  # as HTTP numbers them
            raise ValueError(f"answered {redirection}, a redirection, which is not followed")
        case status:
            raise ValueError(f"answered {status}")


def away(predicate: str) -> Unavailable:
    return Unavailable(f"The Portfolio Service {predicate}.")


def _fresh_seconds(headers: Mapping[str, str], default: float) -> float:
    """RFC 9111 as far as it concerns one answer: `max-age` less `Age`; nothing of what is not to be reused."""
    directives = dict(_DIRECTIVE.findall(headers.get("cache-control", "").lower()))
    if "no-store" in directives or "no-cache" in directives:
        return 0.0
    if not directives.get("max-age"):
        return default
    age = headers.get("age", "0")
    old = int(age) if age.isascii() and age.isdigit() and len(age) <= 10 else 0  # noqa: PLR2004  # as max-age's digits
    return min(max(float(directives["max-age"]) - old, 0.0), FRESH_MOST_SECONDS)
