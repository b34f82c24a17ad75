"""Whether single orders come: somebody waits for each of them, so batches make room while they do (docs/adr/0018)."""

import math
import time

# Whoever sends more seldom than this meets a batch seldom, too.
SEEN_SECONDS = 0.5


class SingleOrders:
    """Requests of this process about one order. Told on the event loop, asked by any thread."""

    def __init__(self) -> None:
        self._came_at = -math.inf

    def came(self) -> None:
        self._came_at = time.monotonic()

    @property
    def are_coming(self) -> bool:
        """True when one has come a moment ago."""
        return time.monotonic() - self._came_at < SEEN_SECONDS
