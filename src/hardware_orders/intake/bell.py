"""The bell: tells workers, after the commit, that orders wait. Best effort, bounded, and never on a request's path.

The first order rings at once; those that come until the bell has been answered ring together. While the broker is away nobody
waits for an answer, and what was not rung is rung once it is back, or by the sweep.
"""

import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice

import structlog

from hardware_orders.broker import Ringer

log = structlog.get_logger()

# Without a gap, 1,000 orders a second were 300 messages a second, and the worker fell behind by seconds.
RING_GAP_SECONDS = 0.005
# Bells that are queued already cannot be merged, so the next one is held until the last was answered; but no longer
# than this, for a worker that was lost does not answer, and several workers can do several at a time.
RING_HELD_SECONDS = 0.05
# A message of this many orders is one transaction of a few hundred milliseconds in the worker.
RING_MOST_ORDERS = 500
# How often a broker that is away is tried again.
RETRY_SECONDS = 1.0
# What is remembered while the broker is away; the sweep rings for the rest.
REMEMBERED_ORDERS = 10_000


class Bell:
    """One thread that rings for all requests of this process. `ring` may be called from any thread."""

    def __init__(
        self, ringer: Ringer, *, reply_to: str, answered: threading.Event, on_away: Callable[[], None]
    ) -> None:
        """`answered` is set by whoever hears replies on `reply_to`.

        `on_away` is called, on the bell's thread, when the broker turns out to be away.
        """
        self._ringer = ringer
        self._reply_to = reply_to
        self._answered = answered
        self._on_away = on_away
        self._waiting: dict[str, None] = {}  # order ids, in the order of their coming
        self._changed = threading.Condition()
        self._is_stopping = False
        self.is_open = True
        """False while the broker is away: the breaker that keeps callers from waiting in vain."""
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ring once more for what is left, then end. Bounded by the ringer's own limit."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(timeout=3)

    def ring(self, order_ids: Iterable[str]) -> None:
        """Ring soon for these orders. Never blocks and never fails: they are committed already."""
        with self._changed:
            for order_id in order_ids:
                if len(self._waiting) < REMEMBERED_ORDERS:
                    self._waiting[order_id] = None
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_stopping)
                if not self._waiting:
                    return self._ringer.close()
                batch = list(islice(self._waiting, RING_MOST_ORDERS))
                for order_id in batch:
                    del self._waiting[order_id]
            if self._rang(batch):
                time.sleep(RING_GAP_SECONDS)
                self._answered.wait(RING_HELD_SECONDS)
            elif self._is_stopping:
                return self._ringer.close()
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopping, timeout=RETRY_SECONDS)

    def _rang(self, batch: list[str]) -> bool:
        self._answered.clear()
        try:
            self._ringer.ring(batch, reply_to=self._reply_to)
        except Exception as error:  # noqa: BLE001  # whatever a broker's client raises means the same: away
            if self.is_open:
                log.warning("broker_away", error=type(error).__name__)
            self.is_open = False
            self._on_away()
            self.ring(batch)
            return False
        if not self.is_open:
            log.info("broker_back")
        self.is_open = True
        return True
