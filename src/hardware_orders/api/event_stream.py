"""The feed as `text/event-stream` (HTML, 9.2): what there is from the log, then what comes, from the one tail.

An event's `id` is its position, its `event` the CloudEvent's type and its `data` the CloudEvent. A reader that comes
again sends the last `id` as `Last-Event-ID` and misses nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from functools import partial

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hardware_orders.api import answers
from hardware_orders.api.authentication import REMEMBERED_SECONDS
from hardware_orders.api.context import Context
from hardware_orders.api.document.responses import EVENT_STREAM
from hardware_orders.api.principal import Principal
from hardware_orders.database import AWAY, Database
from hardware_orders.delivery import cloudevent
from hardware_orders.delivery.tail import Follower, Item, Tail
from hardware_orders.orders import feed
from hardware_orders.orders.feed import Wanted

log = structlog.get_logger()

# Proxies commonly end what is silent for a minute.
HEARTBEAT_SECONDS = 15.0
# After which a reader comes again when its stream has ended.
RETRY_MS = 2_000
# How long a token, or the right of an API key, may have ended before the stream does: as for every request.
CHECK_SECONDS = REMEMBERED_SECONDS
# The first look of the tail at a database that answers takes milliseconds.
LIVE_SECONDS = 5.0


def tail(database: Database, events_url: str) -> Tail:
    """The tail of this process's feed, which reads the events of all customers."""

    def read(after: int) -> tuple[list[Item], int]:
        page = feed.page(database, Wanted(), after)
        items = [
            Item(
                row.position, row.customer_entity_uid, row.type, chunk(row.position, row.type, cloudevent.as_text(row))
            )
            for row in page.rows
        ]
        return items, page.next_after

    return Tail(events_url, read=read, newest=partial(feed.newest, database))


def chunk(position: int, event_type: str, text: str) -> bytes:
    """One event. A CloudEvent has no line end in it."""
    return f"id: {position}\nevent: {cloudevent.TYPE_PREFIX}{event_type}\ndata: {text}\n\n".encode()


class EventStream(Response):
    """The events after a position, None for those from now on, until the reader, the token or the process ends."""

    def __init__(
        self, request: Request, service: Context, principal: Principal, wanted: Wanted, after: int | None
    ) -> None:
        super().__init__(headers=answers.NO_STORE, media_type=EVENT_STREAM)
        self._request = request
        self._service = service
        self._principal = principal
        self._wanted = wanted
        self._after = after
        self._checked_at = asyncio.get_running_loop().time()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises TooManyReadersError, before anything is sent, when the process has all the readers that it takes."""
        with self._service.tail.following(self._wanted.seen) as follower:
            stream = StreamingResponse(self._chunks(follower), headers=answers.NO_STORE, media_type=EVENT_STREAM)
            await stream(scope, receive, send)

    async def _chunks(self, follower: Follower) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        try:
            async for part in self._parts(follower):
                yield part
        except (*AWAY, TimeoutError) as error:
            log.warning("event_stream_ended", error=type(error).__name__)

    async def _parts(self, follower: Follower) -> AsyncIterator[bytes]:
        live = self._service.tail
        while not live.is_ended:
            async with asyncio.timeout(LIVE_SECONDS):
                told_from = await live.restart(follower)
            # A position of the future is another database's, whose successor this one may be.
            after = told_from if self._after is None else min(self._after, told_from)
            while after < told_from:
                after, part = await self._caught_up(after)
                yield part or _mark(after)
                if live.is_ended or not await self._may_go_on():
                    return
            self._after = after
            yield _mark(after)
            async for part in self._as_they_come(follower, live):
                yield part
            if not await self._may_go_on():
                return

    async def _caught_up(self, after: int) -> tuple[int, bytes]:
        """What the log has next, and the position up to which that is all; only so many read at the same time."""
        async with self._service.feed_pages:
            page = await run_in_threadpool(feed.page, self._service.database, self._wanted, after)
        rows = (chunk(row.position, row.type, cloudevent.as_text(row)) for row in page.rows)
        return page.next_after, b"".join(rows)

    async def _as_they_come(self, follower: Follower, live: Tail) -> AsyncIterator[bytes]:
        """Until the reader has fallen behind what is held, or must not go on."""
        while await self._may_go_on():
            is_new = await live.wait(follower, HEARTBEAT_SECONDS)
            if live.is_ended or (taken := live.take(follower)) is None:
                return
            items, through = taken
            part = b"".join(self._own(items))
            self._after = max(self._after or 0, through)
            if part or not is_new:
                yield part or _mark(self._after)

    def _own(self, items: Iterable[Item]) -> Iterable[bytes]:
        after, types = self._after or 0, self._wanted.types
        return (item.chunk for item in items if item.position > after and (types is None or item.type in types))

    async def _may_go_on(self) -> bool:
        """Whether the credentials are still good for the same caller; looked at as often as for other requests."""
        now = asyncio.get_running_loop().time()
        if now - self._checked_at < CHECK_SECONDS:
            return True
        self._checked_at = now
        return await self._service.authenticator.is_still(self._request, self._principal)


def _mark(position: int) -> bytes:
    """A heartbeat, by which the reader learns how far it has been looked: to its `Last-Event-ID`, and to nobody else."""
    return f": {position}\nid: {position}\n\n".encode()
