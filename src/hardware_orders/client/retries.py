"""Trying again: only what passes by itself, with pauses that spread the callers, and within bounds.

Our own lines: stamina ends after its deadline instead of before it, and logs each retry by structlog, to standard
output where nobody has configured that. A program that uses the client, and `--json`, could bear neither.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from hardware_orders.client.errors import ClientError

# The longest pause before the second try; it doubles with each further one.
PAUSE_FIRST_SECONDS = 0.4
# Eight tries then last some ten seconds: the restart of a service.
PAUSE_MOST_SECONDS = 5.0

Answered = TypeVar("Answered")


class PassingError(Exception):
    """A try failed for a reason that may pass: `failure` is what to raise if it does not.

    `after` is how many seconds the service asked to be left alone. `may_be_done` is true when the request may have been
    carried out all the same.
    """

    def __init__(self, failure: ClientError, after: float, *, may_be_done: bool) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.after = after
        self.may_be_done = may_be_done


def answered(attempt: Callable[[float, bool], Answered], *, tries: int, seconds: float) -> Answered:
    """What `attempt` returns, called again as long as it raises PassingError, `tries` times and `seconds` at most.

    It is given the seconds that are left, and whether an earlier try may have been carried out.
    Raises the last failure when no try is left, or the pause before the next would not end in time.
    """
    end = time.monotonic() + seconds
    may_be_done = False
    made = 0
    while True:
        try:
            return attempt(end - time.monotonic(), may_be_done)
        except PassingError as passing:
            made += 1
            may_be_done |= passing.may_be_done
            # Spread over the whole of the pause, so that callers who failed together do not come back together.
            spread = random.uniform(0, min(PAUSE_MOST_SECONDS, PAUSE_FIRST_SECONDS * 2 ** (made - 1)))  # noqa: S311
            pause = passing.after + spread
            if made >= tries or time.monotonic() + pause >= end:
                raise passing.failure from None
        time.sleep(pause)
