"""The bell: tells workers, after the commit, that orders wait. Best effort, bounded, and never on a request's path.

The first order rings at once; those that follow within the gap ring together. While the broker is away nobody
waits for an answer, and what was not rung is rung once it is back, or by the sweep.
"""

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from hardware_orders.broker import Ringer

log = structlog.get_logger()

# Without a gap, 1,000 orders a second were 300 messages a second, and the worker fell behind by seconds.
RING_GAP_SECONDS = 0.005
# The busier, the longer: a message costs the worker as much as a dozen orders, and nobody notices 25 ms under load.
RING_GAP_SECONDS_PER_ORDER = 0.0004
RING_GAP_MOST_SECONDS = 0.025
# A message of this many orders is one transaction of a few hundred milliseconds in the worker.
RING_MOST_ORDERS = 500
# How often a broker that is away is tried again.
RETRY_SECONDS = 1.0
# What is remembered while the broker is away; the sweep rings for the rest.
REMEMBERED_ORDERS = 10_000


class Bell:
    """One thread that rings for all requests of this process. `ring` may be called from any thread."""

    def __init__(self, ringer: Ringer, *, reply_to: str, on_away: Callable[[], None]) -> None:
        """`on_away` is called, on the bell's thread, when the broker turns out to be away."""
        self._ringer = ringer
        self._reply_to = reply_to
        self._on_away = on_away
        self._waiting: dict[str, bool] = {}  # order id: does somebody here await the reply
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

    def ring(self, orders: Mapping[str, bool]) -> None:
        """Ring soon for these order ids, each with whether somebody here awaits the reply.

        Never blocks and never fails: the orders are committed already.
        """
        with self._changed:
            for order_id, is_awaited in orders.items():
                if order_id in self._waiting or len(self._waiting) < REMEMBERED_ORDERS:
                    self._waiting[order_id] = is_awaited or self._waiting.get(order_id, False)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_stopping)
                if not self._waiting:
                    return self._ringer.close()
                batch = dict(list(self._waiting.items())[:RING_MOST_ORDERS])
                for order_id in batch:
                    del self._waiting[order_id]
            if self._rang(batch):
                time.sleep(min(RING_GAP_SECONDS + RING_GAP_SECONDS_PER_ORDER * len(batch), RING_GAP_MOST_SECONDS))
            elif self._is_stopping:
                return self._ringer.close()
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopping, timeout=RETRY_SECONDS)

    def _rang(self, batch: dict[str, bool]) -> bool:
        try:
            self._ringer.ring(list(batch), reply_to=self._reply_to if any(batch.values()) else None)
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
