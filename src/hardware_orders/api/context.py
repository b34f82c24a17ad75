"""What the routes work with, made once by `create_app` and reached through the request."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from hardware_orders import identifiers
from hardware_orders.api.authentication import Authenticator, Principal
from hardware_orders.api.batch_waiting import BatchWaiting
from hardware_orders.api.headers import Preference
from hardware_orders.api.problems import invalid_field
from hardware_orders.database import Database
from hardware_orders.delivery.tail import Tail
from hardware_orders.delivery.webhooks.by_hand import ByHand
from hardware_orders.delivery.webhooks.endpoint_secrets import Secrets
from hardware_orders.intake.accept import Intake
from hardware_orders.orders import change
from hardware_orders.orders.commands import Command
from hardware_orders.orders.order import Order
from hardware_orders.portfolio.lookup import Source
from hardware_orders.settings import Network

# Of the database's ten connections: however many search, orders are still stored, read and changed.
SEARCHES_MOST = 4
# Each holds at most one line of 4 MiB, so that all of them hold as much as the bodies of other requests may.
UPLOADS_MOST = 16
# Each holds a connection of its caller's and some memory, as long as 30 s; their looks at the database are one.
BATCH_WAITS_MOST = 500
# Each holds a thread while a receiver makes up its mind, ten seconds at most.
SENDS_BY_HAND_MOST = 4
# As many as the Portfolio Service is asked about at a time: each holds a thread until it has answered.
LOOKUPS_MOST = 4
# Of all uploads one part is stored at a time: what single orders meet is the same, however many batches there are.
PARTS_MOST = 1
# Of the database's ten connections: however many catch up with the events.
FEED_PAGES_MOST = 3


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What webhook endpoints are made with, and what sends to them on a caller's behalf."""

    secrets: Secrets
    allowed: tuple[Network, ...]
    by_hand: ByHand
    sends: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SENDS_BY_HAND_MOST))


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of an API process. `wait_seconds` is the default bound of the wait for the settled order."""

    database: Database
    intake: Intake
    authenticator: Authenticator
    wait_seconds: float
    tail: Tail
    webhooks: Webhooks
    portfolios: Source
    batch_waiting: BatchWaiting
    searches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SEARCHES_MOST))
    batch_waits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BATCH_WAITS_MOST))
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_MOST))
    lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKUPS_MOST))
    parts: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PARTS_MOST))
    feed_pages: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FEED_PAGES_MOST))

    async def change(
        self,
        order_id: str,
        principal: Principal,
        command: Command,
        expected: Collection[int] | None,
        *,
        seconds: float = 0,
    ) -> Order:
        """Change an order of this caller's; when it waits afterwards, wait up to `seconds` for it to be settled.

        `expected` are the versions of `If-Match`; None means any. Raises what `change.change` raises.
        """

        async def changed() -> Order:
            return await run_in_threadpool(
                change.change, self.database, order_id, principal.entities, command, expected
            )

        return await self.intake.change(changed, order_id, seconds)

    def applied(self, preference: Preference) -> str | None:
        """For `Preference-Applied`: nobody waits while a wait would be in vain."""
        return preference.applied if self.intake.can_wait or not preference.seconds else None


def context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def order_id(request: Request) -> str:
    """The path's order id. Raises Problem 400 when it is not a UUID in canonical form."""
    value: str = request.path_params["orderId"]
    if not identifiers.is_uuid(value):
        raise invalid_field("orderId", "bad_uuid", "must be a UUID in canonical form: lower case with hyphens")
    return value
