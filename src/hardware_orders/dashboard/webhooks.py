"""*Webhooks*: the endpoints that are told of events, how it goes, and what was sent to each; sent again by hand."""

from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import identifiers
from hardware_orders.api import turns
from hardware_orders.api.problems import Problem
from hardware_orders.dashboard import forms
from hardware_orders.dashboard.pages import Visit
from hardware_orders.dashboard.session import PATH
from hardware_orders.delivery.webhooks import attempts, by_hand, endpoints
from hardware_orders.delivery.webhooks.by_hand import Attempt
from hardware_orders.delivery.webhooks.endpoints import Endpoint, Reason

PAGE_ENDPOINTS = 200
PAGE_ATTEMPTS = 50


async def page(visit: Visit) -> Response:
    """The endpoints whose customers are all the visitor's."""
    found, last = await run_in_threadpool(_read_all, visit), await _last(visit)
    return visit.page("webhooks", found=found[:PAGE_ENDPOINTS], more=max(len(found) - PAGE_ENDPOINTS, 0), last=last)


def _read_all(visit: Visit) -> list[Endpoint]:
    entities = visit.principal.entities
    with visit.service.database.read_for(entities) as connection:
        return endpoints.visible(connection, entities)


async def _last(visit: Visit) -> int:
    """The log's last position, which belongs to nobody and which callers cannot read: as of the newest sample."""
    live = visit.board.live
    await live.refresh()
    return int(live.newest.data["last"]) if live.newest else 0


async def one(visit: Visit) -> Response:
    """An endpoint, and the newest attempts to send to it."""
    endpoint, rows = await run_in_threadpool(_read, visit)
    before = rows[PAGE_ATTEMPTS - 1]["id"] if len(rows) > PAGE_ATTEMPTS else None
    return visit.page(
        "webhook",
        endpoint=endpoint,
        rows=rows[:PAGE_ATTEMPTS],
        last=await _last(visit),
        before=before,
        is_first=not visit.field("before"),
        did=visit.field("did"),
        error=visit.field("error")[:64],
    )


def _read(visit: Visit) -> tuple[Endpoint, Sequence[dict[str, Any]]]:
    entities = visit.principal.entities
    before = forms.number(visit.fields, "before")
    with visit.service.database.read_for(entities) as connection:
        endpoint = endpoints.get(connection, _endpoint_id(visit), entities)
        rows = attempts.newest(connection, endpoint.endpoint_id, PAGE_ATTEMPTS + 1, before)
    return endpoint, rows


async def redeliver(visit: Visit) -> Response:
    """Sends an event once more, now, and says what became of it."""
    event_id = visit.field("event")
    if not identifiers.is_uuid(event_id):
        raise Problem(400, "An event's id is a UUID.")

    def recorded() -> tuple[Endpoint, Any]:
        entities = visit.principal.entities
        with visit.service.database.read_for(entities) as connection:
            endpoint = endpoints.get(connection, _endpoint_id(visit), entities)
            return endpoint, by_hand.recorded(connection, endpoint, event_id)

    endpoint, row = await run_in_threadpool(recorded)
    async with turns.turn(visit.service.webhooks.sends, "deliveries by hand"):
        sender = visit.service.webhooks.by_hand
        attempt = await run_in_threadpool(sender.redeliver, visit.principal.actor, endpoint, row)
    return _back(visit, endpoint.endpoint_id, attempt)


def _back(visit: Visit, endpoint_id: str, attempt: Attempt) -> Response:
    outcome = f"did=failed&error={attempt.result.error}" if attempt.result.error else "did=redelivered"
    return visit.to(f"{PATH}/webhooks/{endpoint_id}?{outcome}")


async def pause(visit: Visit) -> Response:
    """Sends nothing more to it until it is resumed."""
    return await _change(visit, Reason.BY_CALLER, "paused")


async def resume(visit: Visit) -> Response:
    """Goes on where it stood."""
    return await _change(visit, None, "resumed")


async def _change(visit: Visit, reason: Reason | None, did: str) -> Response:
    endpoint_id, principal = _endpoint_id(visit), visit.principal

    def changed() -> None:
        with visit.service.database.read_for(principal.entities) as connection:
            endpoints.get(connection, endpoint_id, principal.entities)
        columns = {"paused_reason": reason}
        endpoints.change(visit.service.database, principal.actor, endpoint_id, principal.entities, columns)

    await run_in_threadpool(changed)
    return visit.to(f"{PATH}/webhooks/{endpoint_id}?did={did}")


def _endpoint_id(visit: Visit) -> str:
    value: str = visit.request.path_params["endpointId"]
    if not identifiers.is_uuid(value):
        raise Problem(400, "An endpoint's id is a UUID.")
    return value
