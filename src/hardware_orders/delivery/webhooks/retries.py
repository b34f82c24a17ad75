"""When a delivery that failed is tried again, and when no more."""

import random
from datetime import timedelta

# Seconds after the first failure, the second, and so on: a receiver that restarts misses nothing for long, one that is
# repaired within a working day is found soon after, and one that is gone costs four requests a day.
DELAYS_SECONDS = (5, 30, 2 * 60, 10 * 60, 30 * 60, 3_600, 2 * 3_600, 4 * 3_600, 6 * 3_600)
# Receivers that failed together should not all be asked again together.
JITTER = 0.2
# A weekend and a day: after that nobody is mending it, and the endpoint is paused until somebody has.
GIVE_UP_AFTER = timedelta(days=3)
# What a receiver may ask for (`Retry-After`); more would outlast its repair.
RETRY_AFTER_MOST_SECONDS = 6 * 3_600


def delay(attempts: int, retry_after: float | None) -> timedelta:
    """How long to wait after so many failed attempts in a row; a receiver's own wish counts, within its bound."""
    if retry_after is not None:
        return timedelta(seconds=min(max(retry_after, 1), RETRY_AFTER_MOST_SECONDS))
    seconds = DELAYS_SECONDS[min(attempts, len(DELAYS_SECONDS)) - 1]
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311  # spreads load
