"""Accepting: store the order, ring, and wait for it to be settled as long as the caller wants and it can be."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from hardware_orders.delivery.wake import Herald
from hardware_orders.intake.bell import Bell
from hardware_orders.intake.group_commit import Accepted, GroupCommit, Request
from hardware_orders.intake.single_orders import SingleOrders
from hardware_orders.intake.waiting import Waiting
from hardware_orders.orders.order import Order


@dataclass(frozen=True, slots=True)
class Intake:
    """What an API process accepts orders with."""

    group_commit: GroupCommit
    bell: Bell
    waiting: Waiting
    herald: Herald
    single_orders: SingleOrders
    _announcements: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def can_wait(self) -> bool:
        """False while a wait would be in vain: the broker is away, or no reply can reach this process."""
        return self.bell.is_open and self.waiting.is_connected

    async def accept(self, request: Request, seconds: float) -> Accepted:
        """Store a new order and wait up to `seconds` for it to be settled; not at all when that would be in vain.

        The order is still waiting when it was not settled in time. Raises what `GroupCommit.accept` raises.
        """
        self.single_orders.came()
        if not (seconds and self.can_wait):
            return await self.group_commit.accept(request)
        waiter = self.waiting.register(request.command.order_id)
        try:
            accepted = await self.group_commit.accept(request)
        except BaseException:
            self.waiting.forget(waiter)
            raise
        if accepted.is_repeat:
            self.waiting.forget(waiter)
            return await self._join(accepted, seconds)
        settled = await self.waiting.settled(waiter, seconds)
        return Accepted(settled or accepted.order, is_repeat=False)

    async def _join(self, first: Accepted, seconds: float) -> Accepted:
        """Wait with an earlier request, which may have been made to another process."""

        async def unchanged() -> Order:
            return first.order

        return Accepted(await self.change(unchanged, first.order.order_id, seconds), is_repeat=True)

    async def change(self, apply: Callable[[], Awaitable[Order]], order_id: str, seconds: float) -> Order:
        """Change an order; when it waits afterwards, ring and wait up to `seconds` for it to be settled."""
        self.single_orders.came()
        if not (seconds and self.can_wait):
            order = await apply()
            self._tell(order)
            return order
        waiter = self.waiting.register(order_id)
        try:
            order = await apply()
        except BaseException:
            self.waiting.forget(waiter)
            raise
        self._tell(order)
        if not order.is_waiting:
            self.waiting.forget(waiter)
            return order
        return await self.waiting.settled(waiter, seconds) or order

    def _tell(self, order: Order) -> None:
        """After a commit: ring for what waits; what does not is an event that the relay may publish at once."""
        if order.is_waiting:
            trace = order.due_actor.trace if order.due_actor else None
            self.bell.ring([order.order_id], trace.traceparent if trace else None)
        elif self.waiting.is_connected:
            task = asyncio.create_task(run_in_threadpool(self.herald.announce, wake_relay=True))
            self._announcements.add(task)  # the loop itself keeps no task alive
            task.add_done_callback(self._announcements.discard)
