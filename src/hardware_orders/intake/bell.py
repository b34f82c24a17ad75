"""The bell: tells workers, after the commit, that orders wait. Best effort, bounded, and never on a request's path.

The first order rings at once; those that come until the bell has been answered ring together. The orders of batches ring
when no single order does, one message at a time, so that a single order stands behind few of them at the worker
(docs/adr/0018). While the broker is away nobody waits for an answer, and what was not rung is rung once it is back, or by
the sweep.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice

import structlog

from hardware_orders.broker import Ringer
from hardware_orders.intake.single_orders import SingleOrders

log = structlog.get_logger()

# Without a gap, 1,000 orders a second were 300 messages a second, and the worker fell behind by seconds.
RING_GAP_SECONDS = 0.005
# Bells that are queued already cannot be merged, so the next one is held until the last was answered; but no longer
# than this, for a worker that was lost does not answer, and several workers can do several at a time.
RING_HELD_SECONDS = 0.05
# A message of this many orders is one transaction of a few hundred milliseconds in the worker.
RING_MOST_ORDERS = 500
# Orders of batches in a message: some fifty milliseconds of a worker, which a single order that comes then stands behind.
LINES_MOST = 200
LINES_HELD_SECONDS = 0.1
# While single orders come: ten milliseconds, and then a rest of so many times as long as they took.
LINES_BESIDE = 20
REST = 3.0
# An answer that was long in coming is no measure, and batches go on, however slowly.
REST_MOST_SECONDS = 0.2
# How often a broker that is away is tried again.
RETRY_SECONDS = 1.0
# What is remembered while the broker is away, of single orders and of batches each; the sweep rings for the rest.
REMEMBERED_ORDERS = 10_000


# Order ids, each with the `traceparent` of its request if that named one.
Orders = dict[str, str | None]


class Bell:
    """One thread that rings for all requests of this process. Its methods may be called from any thread."""

    def __init__(
        self,
        ringer: Ringer,
        *,
        reply_to: str,
        on_away: Callable[[], None],
        single_orders: SingleOrders | None = None,
    ) -> None:
        """Whoever hears replies on `reply_to` calls `answered`.

        `on_away` is called, on the bell's thread, when the broker turns out to be away.
        """
        self._ringer = ringer
        self._reply_to = reply_to
        self._on_away = on_away
        self._single_orders = single_orders or SingleOrders()
        self._waiting: Orders = {}  # in the order of their coming
        self._held_until = 0.0
        self._lines: Orders = {}  # those of batches
        self._lines_held_until = 0.0
        self._lines_rung: frozenset[str] = frozenset()
        self._lines_rung_at = 0.0
        self._changed = threading.Condition()
        self._is_stopping = False
        self.is_open = True
        """False while the broker is away: the breaker that keeps callers from waiting in vain."""
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)

    @property
    def waiting_lines(self) -> int:
        """How many orders of batches have yet to be rung for."""
        return len(self._lines)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ring once more for what is left, then end. Bounded by the ringer's own limit."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(timeout=3)

    def ring(self, order_ids: Iterable[str], traceparent: str | None = None) -> None:
        """Ring soon for these orders. Never blocks and never fails: they are committed already."""
        self._remember(self._waiting, dict.fromkeys(order_ids, traceparent))

    def ring_lines(self, order_ids: Iterable[str], traceparent: str | None = None) -> None:
        """Ring for these orders of a batch when it is their turn."""
        self._remember(self._lines, dict.fromkeys(order_ids, traceparent))

    def answered(self, order_ids: Collection[str]) -> None:
        """A worker has settled these orders: the next ring need be held no longer."""
        with self._changed:
            if self._lines_rung.isdisjoint(order_ids):
                self._held_until = 0.0
            else:
                took = time.monotonic() - self._lines_rung_at
                rest = min(REST * took, REST_MOST_SECONDS) if self._single_orders.are_coming else 0.0
                self._lines_rung, self._lines_held_until = frozenset(), time.monotonic() + rest
            self._changed.notify()

    def _remember(self, waiting: Orders, orders: Mapping[str, str | None]) -> None:
        with self._changed:
            for order_id, traceparent in orders.items():
                if len(waiting) < REMEMBERED_ORDERS:
                    waiting[order_id] = traceparent
            self._changed.notify()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            waiting, orders = turn
            if self._rang(waiting, orders):
                if waiting is self._waiting:
                    time.sleep(RING_GAP_SECONDS)
            elif self._is_stopping:
                break
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._is_stopping, timeout=RETRY_SECONDS)
        self._ringer.close()

    def _next(self) -> tuple[Orders, Orders] | None:
        """Wait for a turn to ring, of single orders before those of batches. None when all is rung, and the end is near."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._waiting and (now >= self._held_until or self._is_stopping):
                    self._held_until = now + RING_HELD_SECONDS
                    return self._waiting, _taken(self._waiting, RING_MOST_ORDERS)
                if self._lines and (now >= self._lines_held_until or self._is_stopping):
                    return self._lines, self._take_lines(now)
                if self._is_stopping:
                    return None
                ends = [self._held_until] * bool(self._waiting) + [self._lines_held_until] * bool(self._lines)
                self._changed.wait(min(ends) - now if ends else None)

    def _take_lines(self, now: float) -> Orders:
        is_beside = self._single_orders.are_coming
        taken = _taken(self._lines, LINES_BESIDE if is_beside else LINES_MOST)
        self._lines_rung, self._lines_rung_at = frozenset(taken), now
        self._lines_held_until = now + (REST_MOST_SECONDS if is_beside else LINES_HELD_SECONDS)
        return taken

    def _rang(self, waiting: Orders, orders: Orders) -> bool:
        # A message has room for one trace; its orders are settled within their own, whatever it says.
        traceparent = next(filter(None, orders.values()), None)
        try:
            self._ringer.ring(list(orders), reply_to=self._reply_to, traceparent=traceparent)
        except Exception as error:  # noqa: BLE001  # whatever a broker's client raises means the same: away
            if self.is_open:
                log.warning("broker_away", error=type(error).__name__)
            self.is_open = False
            self._on_away()
            self._remember(waiting, orders)
            return False
        if not self.is_open:
            log.info("broker_back")
        self.is_open = True
        return True


def _taken(waiting: Orders, most: int) -> Orders:
    return {order_id: waiting.pop(order_id) for order_id in list(islice(waiting, most))}
