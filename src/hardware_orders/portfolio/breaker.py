"""Whether the Portfolio Service is away, as all processes see it together (docs/adr/0019).

After a call that failed calls are made one at a time over all processes, with a pause between them, until one succeeds.
"""

import time

import structlog

from hardware_orders.portfolio.shared import LEASE_SECONDS, Shared

log = structlog.get_logger()

# Four calls a second at most after the first failure, and soon one: what is away is not run over, and a single answer
# that went wrong holds nobody up for long.
PAUSE_FIRST_SECONDS = 0.25
PAUSE_MOST_SECONDS = 1.0


def pause(failures: int) -> float:
    """How long nobody asks after so many calls that failed one after the other, in seconds."""
    return min(PAUSE_FIRST_SECONDS * 2.0 ** min(failures - 1, 10), PAUSE_MOST_SECONDS)


class Breaker:
    """The view of one process, brought up to date whenever it asks Redis. For one event loop."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._failures = 0
        self._may_probe_at = 0.0
        self._is_shared = False
        self.reason = ""
        """Why the last call failed, here or elsewhere."""

    @property
    def is_open(self) -> bool:
        """True from a call that failed to one that succeeds."""
        return self._failures > 0

    def saw(self, failures: int, reason: str) -> None:
        """What Redis says. It knows better, but of failures that it could not be told of."""
        if not failures and not self._is_shared:
            return
        if self.is_open and not failures:
            log.info("portfolio_service_back")
        self._failures, self._is_shared = failures, bool(failures)
        self.reason = reason or self.reason

    async def may_probe(self) -> bool:
        """Whether this process asks now, though the breaker is open. What comes of it is told by the two below."""
        if time.monotonic() < self._may_probe_at or await self._shared.take_probe() is False:
            return False
        self._may_probe_at = time.monotonic() + LEASE_SECONDS  # which is the lease where there is no Redis
        return True

    async def failed(self, reason: str) -> None:
        if not self.is_open:
            log.warning("portfolio_service_away", reason=reason)
        self.reason = reason
        self._failures += 1  # before anything is awaited: whoever is about to call looks at it
        seconds = pause(self._failures)
        self._may_probe_at = time.monotonic() + seconds
        counted = await self._shared.say_away(reason, seconds)
        self._is_shared = counted is not None
        self._failures = counted or self._failures

    async def succeeded(self) -> None:
        if self.is_open:
            log.info("portfolio_service_back")
            self._failures, self._may_probe_at = 0, 0.0
            await self._shared.say_back()
