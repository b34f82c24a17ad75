"""GET `/events`: the feed of all events that the caller may see, as JSON, as NDJSON, or live (docs/events.md)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from hardware_orders.api import answers, bodies, event_stream, headers, openapi, turns
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.context import Context, context
from hardware_orders.api.document.responses import EVENT_STREAM
from hardware_orders.api.problems import invalid_field
from hardware_orders.api.query import DIGITS_MOST, Query
from hardware_orders.delivery import cloudevent
from hardware_orders.orders import feed
from hardware_orders.orders.feed import Page, Wanted
from hardware_orders.orders.status import EventType

router = APIRouter(tags=["Events"])

LAST_EVENT_ID = "Last-Event-ID"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for events; `after` is None where it did not say."""

    request: Request
    service: Context
    principal: Principal
    wanted: Wanted
    after: int | None
    limit: int

    async def page(self, after: int) -> Page:
        """The next part of the feed; raises Problem 503 while too many are being read."""
        async with turns.turn(self.service.feed_pages, "reads of the feed"):
            return await run_in_threadpool(feed.page, self.service.database, self.wanted, after, self.limit)


@router.get("/events", **openapi.LIST_EVENTS)
async def list_events(request: Request) -> Response:
    """All events that the caller may see, in one order; by `Accept` a page of them, every one up to now, or live."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.EVENTS_READ)
    accepted = request.headers.get("accept", "")
    # HEAD is answered as the page that it could have been: what never ends has no end to its head either.
    is_live = EVENT_STREAM in accepted and request.method == "GET"
    is_whole = bodies.NDJSON in accepted and request.method == "GET"
    query = Query(request, ("after", "limit", "type", "customerEntityUid"))
    if "limit" in query and (is_live or is_whole):
        raise invalid_field("limit", "not_of_a_stream", "is for pages of JSON; remove it, or accept application/json")
    after = query.number("after", 0, 0, openapi.POSITION_MOST) if "after" in query else None
    limit = query.number("limit", openapi.EVENTS_DEFAULT, 1, openapi.EVENTS_MOST)
    uids = query.uuids("customerEntityUid")
    types = query.words("type", EventType, prefix=cloudevent.TYPE_PREFIX)
    wanted = Wanted(principal.entities, None if uids is None else frozenset(uids), types)
    if is_live or is_whole:
        limit = openapi.EVENTS_MOST
    sent = request.headers.getlist(LAST_EVENT_ID)
    resumed = _position(sent) if sent else None  # looked at whatever is accepted: a wrong one is never passed over
    asked = Asked(request, service, principal, wanted, after, limit)
    if is_live:
        return await _live(asked, after if resumed is None else resumed)
    return await _whole(asked) if is_whole else await _page(asked)


async def _page(asked: Asked) -> Response:
    preference = headers.preference(asked.request, 0)
    page = await asked.page(asked.after or 0)
    said = {}
    if preference.seconds and not page.rows and page.is_last:
        said = {"Preference-Applied": f"wait={preference.seconds:g}"}
        page = await _awaited(asked, page, preference.seconds)
    told = ",".join(cloudevent.as_text(row) for row in page.rows)
    content = f'{{"events":[{told}],"nextAfter":{page.next_after}}}'
    return Response(content, headers={**answers.NO_STORE, **said}, media_type=answers.MEDIA_TYPE)


async def _awaited(asked: Asked, page: Page, seconds: float) -> Page:
    """The page once there is an event for it, or as it is after so many seconds."""
    tail = asked.service.tail
    with tail.following(asked.wanted.seen) as follower:
        if await tail.restart(follower) <= page.last and not await tail.wait(follower, seconds):
            return page
        return await asked.page(page.next_after)


async def _whole(asked: Asked) -> Response:
    """Every event up to now, a line each. A connection is used for a page at a time, however slowly the caller reads."""
    first = await asked.page(asked.after or 0)

    async def lines() -> AsyncIterator[bytes]:
        page = first
        while True:
            yield "".join(f"{cloudevent.as_text(row)}\n" for row in page.rows).encode()
            if page.next_after >= first.last:
                return
            async with asked.service.feed_pages:
                page = await run_in_threadpool(feed.page, asked.service.database, asked.wanted, page.next_after)

    return StreamingResponse(lines(), headers=answers.NO_STORE, media_type=bodies.NDJSON)


async def _live(asked: Asked, after: int | None) -> Response:
    if after is not None:
        await run_in_threadpool(feed.page, asked.service.database, asked.wanted, after, 1)  # is it still kept?
    return event_stream.EventStream(asked.request, asked.service, asked.principal, asked.wanted, after)


def _position(sent: list[str]) -> int:
    text = sent[0].strip()
    if len(sent) > 1 or not (
        text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST and int(text) <= openapi.POSITION_MOST
    ):
        raise invalid_field(LAST_EVENT_ID, "bad_position", "must be one position, as the `id` of an event has it")
    return int(text)
