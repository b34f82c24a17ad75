"""A worker's turn: what a bell asks for, from its order ids to the answers of those who wait.

Orders whose portfolios are at hand, and all that need none, are settled in the turn. The others are settled beside it
(beside.py), by the same flow and with the same answers.
"""

import time
from collections.abc import Collection, Sequence

from hardware_orders import logging, tracing
from hardware_orders.database import Database
from hardware_orders.delivery.wake import Herald
from hardware_orders.orders import process
from hardware_orders.orders.beside import Beside, Errand
from hardware_orders.orders.order import Order
from hardware_orders.orders.process import Settled
from hardware_orders.portfolio.lookup import Lookup, Source


class Turn:
    """What a worker's process needs for its turns. One at a time; the thread beside them is its own."""

    def __init__(self, database: Database, portfolios: Source, herald: Herald, *, max_attempts: int) -> None:
        """`database` has two connections at least: for the turn, and for the thread beside it."""
        self._database = database
        self._portfolios = portfolios
        self._herald = herald
        self._max_attempts = max_attempts
        self._beside = Beside(self._settle_beside)

    def take(self, order_ids: Collection[str], *, swept: bool, reply_to: str | None) -> None:
        """Settle the orders of a bell, and tell relays and callers. Raises as `process.settle` does."""
        began = time.monotonic()
        settled = self._settle(self._portfolios.at_hand, order_ids, swept=swept)
        if settled.left:
            self._beside.add(settled.left, swept=swept, reply_to=reply_to)
        self._herald.announce(wake_relay=settled.events > 0, reply_to=reply_to, order_ids=settled.order_ids)
        _tell(settled, time.monotonic() - began)

    def stop(self) -> None:
        """End what is under way, within the bounds of its parts."""
        self._beside.stop()
        self._portfolios.close()

    def _settle_beside(self, errands: Sequence[Errand]) -> int:
        began = time.monotonic()
        order_ids = [order_id for errand in errands for order_id in errand.order_ids]
        settled = self._settle(self._portfolios, order_ids, swept=errands[0].swept)
        done = set(settled.order_ids)
        for errand in errands:
            replied = [order_id for order_id in errand.order_ids if order_id in done]
            self._herald.announce(wake_relay=settled.events > 0, reply_to=errand.reply_to, order_ids=replied)
        _tell(settled, time.monotonic() - began)
        return len(done)

    def _settle(self, lookup: Lookup, order_ids: Collection[str], *, swept: bool) -> Settled:
        return process.settle(self._database, lookup, order_ids, swept=swept, max_attempts=self._max_attempts)


def _tell(settled: Settled, seconds: float) -> None:
    """A line in the log for each order; where traces are recorded, a span of `seconds` within each order's own."""
    logging.order_steps("order_settled", map(_step, settled.orders))
    for order in settled.orders if tracing.is_on() else ():
        with tracing.span("settle", order.modified.trace, seconds=seconds, **_step(order)):
            pass


def _step(order: Order) -> dict[str, str | int]:
    step: dict[str, str | int] = {"order_id": order.order_id, "version": order.version, "status": order.status.value}
    return {**step, "code": order.code} if order.code else step
