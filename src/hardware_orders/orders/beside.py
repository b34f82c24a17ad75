"""Settles orders whose portfolios have to be asked for, on a thread beside the worker's turn (docs/adr/0019).

The worker goes on with other bells meanwhile. What is in hand here is due in the database all the same: whatever is lost
or refused is rung for again by the sweep.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

# Orders in hand; the sweep rings again for those that were refused. It rings for no more than this in some seconds.
IN_HAND_MOST = 2_000
# Orders of one run: as many as one bell has.
TOGETHER_MOST = 500
# After a run that settled nothing, because the service is away: what comes meanwhile is put off together, in one
# transaction in place of one for each order. None of it can be settled sooner than the service is asked again.
PAUSE_SECONDS = 0.25
# One call and a transaction. A process that stops waits no longer: a child that is replaced leaves others alone meanwhile.
STOP_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Errand:
    """Orders of one bell, and what it said of them."""

    order_ids: tuple[str, ...]
    swept: bool
    reply_to: str | None


class Beside:
    """One thread, which begins with the first errand: after a fork, not before. `add` may be called from any thread."""

    def __init__(self, run: Callable[[Sequence[Errand]], int]) -> None:
        """`run` settles the orders of some errands together, all of them swept alike, and returns how many it could."""
        self._run_errands = run
        self._errands: deque[Errand] = deque()
        self._in_hand: set[str] = set()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    def add(self, order_ids: Sequence[str], *, swept: bool, reply_to: str | None) -> None:
        """Take these orders in hand, but those that are already, and those for which there is no room. Never blocks."""
        with self._changed:
            room = IN_HAND_MOST - len(self._in_hand)
            taken = tuple(order_id for order_id in order_ids if order_id not in self._in_hand)[:room]
            if not taken or self._is_stopping:
                return
            self._in_hand.update(taken)
            self._errands.append(Errand(taken, swept, reply_to))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="beside", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        """End after the run that is under way. The rest is due, and rung for again."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
            thread = self._thread
        if thread:
            thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while errands := self._next():
            settled = self._run(errands)
            with self._changed:
                self._in_hand.difference_update(order_id for errand in errands for order_id in errand.order_ids)
                if not settled:
                    self._changed.wait_for(lambda: self._is_stopping, PAUSE_SECONDS)

    def _run(self, errands: Sequence[Errand]) -> int:
        try:
            return self._run_errands(errands)
        except Exception as error:  # noqa: BLE001  # a database that is away, or a fault: the orders wait
            log.warning("orders_not_settled_beside", error=type(error).__name__)
            return 0

    def _next(self) -> list[Errand]:
        """Errands to run together; none at the end.

        Swept ones stay as they were rung for: an order that kills its process must not be counted for others.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._errands or self._is_stopping)
            if self._is_stopping:
                return []
            errands = [self._errands.popleft()]
            orders = len(errands[0].order_ids)
            while not errands[0].swept and self._errands and not self._errands[0].swept:
                orders += len(self._errands[0].order_ids)
                if orders > TOGETHER_MOST:
                    break
                errands.append(self._errands.popleft())
            return errands
