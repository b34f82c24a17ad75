"""Instants as text: one spelling, RFC 3339 in UTC with microseconds, so that equal ones are equal texts and sort."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)  # a batch writes one instant thousands of times
def text(instant: datetime) -> str:
    """`2026-11-23T09:05:00.000000Z` for an aware instant."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse(value: str) -> datetime:
    """The instant of an RFC 3339 text with a zone. Raises ValueError for anything else."""
    instant = datetime.fromisoformat(value.upper())  # RFC 3339 allows "t" and "z"
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return instant.astimezone(UTC)
