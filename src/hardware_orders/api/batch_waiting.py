"""Waiting until batches have settled: asyncio only, and one look at the database for all that are waited for."""

import asyncio
import time
from collections.abc import Callable, Collection

import structlog
from starlette.concurrency import run_in_threadpool

log = structlog.get_logger()

# How long a caller may be told late, and how often the database is asked, however many wait.
LOOK_SECONDS = 0.25
# A look at large batches takes longer; looks are never more than a quarter of a connection's time.
REST = 3.0


class BatchWaiting:
    """All waits of this process for batches. Used on the event loop only."""

    def __init__(self, settled: Callable[[Collection[str]], Collection[str]]) -> None:
        """`settled` tells which of these batches have settled; it is called in a thread."""
        self._settled = settled
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._is_released = False

    async def settled(self, batch_id: str, seconds: float) -> None:
        """Return once the batch has settled, after `seconds`, or when the service stops: whoever asked looks for itself."""
        if self._is_released:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(batch_id, set()).add(waiter)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait([waiter], timeout=seconds)
        finally:
            waiters = self._waiters[batch_id]
            waiters.discard(waiter)
            if not waiters:
                del self._waiters[batch_id]

    def release(self) -> None:
        """The service stops: nobody waits any more."""
        self._is_released = True
        self._tell(tuple(self._waiters))

    async def _look(self) -> None:
        """Look for as long as anybody waits."""
        while self._waiters:
            began_at = time.monotonic()
            try:
                self._tell(await run_in_threadpool(self._settled, tuple(self._waiters)))
            except Exception as error:  # noqa: BLE001  # a database that is away: they wait on, each within its bound
                log.warning("batches_not_read", error=type(error).__name__)
            await asyncio.sleep(max(LOOK_SECONDS, REST * (time.monotonic() - began_at)))
        self._looking = None

    def _tell(self, batch_ids: Collection[str]) -> None:
        for batch_id in batch_ids:
            for waiter in self._waiters.get(batch_id, ()):
                if not waiter.done():
                    waiter.set_result(None)
