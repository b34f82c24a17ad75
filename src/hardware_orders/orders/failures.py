"""Attempts to settle an order that failed, as its row keeps them: some few, for a person who looks why it waits.

An order that settles at the first attempt has none, and nothing is written for it. Pure.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from hardware_orders import canonical, instants

# The newest. An outage, however long, is one of them, since equal ones in a row are counted.
KEPT_MOST = 20
# A sentence or two: of a portfolio file that is wrong, the reason tells where.
REASON_CHARACTERS = 300


class Cause(StrEnum):
    """Why an attempt came to nothing."""

    LOOKUP = "LOOKUP"  # the portfolio could not be looked up; the reason is the source's
    FAULT = "FAULT"  # the run raised; the reason is the exception's type, and the worker's log has the rest
    UNENDED = "UNENDED"  # the run was begun and not heard of again, as when its process was killed


class Failure(NamedTuple):
    """Attempts in a row that failed alike. `reason` may name the service's files and machines, and nothing of the order."""

    first_at: datetime
    last_at: datetime
    times: int
    cause: Cause
    reason: str


Failures = tuple[Failure, ...]


def added(failures: Failures, at: datetime, cause: Cause, reason: str = "") -> Failures:
    """With one more attempt, which failed at this instant."""
    reason = reason[:REASON_CHARACTERS]
    if failures and (failures[-1].cause, failures[-1].reason) == (cause, reason):
        last = failures[-1]
        return (*failures[:-1], last._replace(last_at=max(at, last.last_at), times=last.times + 1))
    return (*failures, Failure(at, at, 1, cause, reason))[-KEPT_MOST:]


def as_text(failures: Failures) -> str | None:
    """For the row; null without any."""
    return canonical.text([_as_json(failure) for failure in failures]) if failures else None


def _as_json(failure: Failure) -> dict[str, Any]:
    first_at, last_at = instants.text(failure.first_at), instants.text(failure.last_at)
    return failure._asdict() | {"first_at": first_at, "last_at": last_at}


def from_text(text: str | None) -> Failures:
    """The inverse of `as_text`."""
    return tuple(map(_failure, orjson.loads(text))) if text else ()


def _failure(row: Mapping[str, Any]) -> Failure:
    first_at, last_at = instants.parse(row["first_at"]), instants.parse(row["last_at"])
    return Failure(first_at, last_at, row["times"], Cause(row["cause"]), row["reason"])
