"""How often signing in may fail."""

import time
from collections import deque

from hardware_orders.api.problems import Problem

# Of one process: what is pasted has 256 bits of randomness, so this is against noise and load, not against guessing.
ATTEMPTS_MOST = 30
ATTEMPTS_SECONDS = 60.0


class Attempts:
    """So many in a minute, whoever makes them: behind a proxy all of them have its address."""

    def __init__(self) -> None:
        self._failed_at: deque[float] = deque(maxlen=ATTEMPTS_MOST)

    def require_room(self) -> None:
        """Raise Problem 429 when too many have failed."""
        if len(self._failed_at) == ATTEMPTS_MOST and time.monotonic() - self._failed_at[0] < ATTEMPTS_SECONDS:
            raise Problem(429, "Too many attempts to sign in have failed; try again in a minute.")

    def failed(self) -> None:
        self._failed_at.append(time.monotonic())
