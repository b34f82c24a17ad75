"""POST `/orders/hardware/batch`, and GET `/orders/hardware/batch/{batchId}`: many orders in one request (docs/batches.md)."""

from collections.abc import Iterator

import orjson
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from hardware_orders import identifiers, instants
from hardware_orders.api import answers, batch_upload, bodies, headers, openapi, turns
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.batch_line import Reader
from hardware_orders.api.batch_upload import Upload
from hardware_orders.api.context import Context, context
from hardware_orders.api.problems import invalid_field
from hardware_orders.api.query import Query
from hardware_orders.intake import batch_progress, batches
from hardware_orders.intake.batch_progress import Outcome, Page

router = APIRouter(tags=["Batches"])


@router.post("/orders/hardware/batch", **openapi.ADD_BATCH)
async def add_batch(request: Request) -> Response:
    """Takes in many orders as NDJSON, one a line. A line that is no good order fails alone."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_WRITE)
    save_draft = headers.boolean(request, "saveDraft")
    simplified = headers.boolean(request, "X-Use-Simplified-Order-Flow")
    key = headers.key_text(request)
    bodies.check_stream(request)
    async with turns.turn(service.uploads, "uploads"):
        body = bodies.stream(request)
        beginning = await batch_upload.begun(body)
        batch = await run_in_threadpool(batches.begin, service.database, principal.actor.uid or "", key)
        reader = Reader(principal, batch.batch_id, save_draft=save_draft, simplified=simplified)
        upload = Upload(service.database, service.intake, service.parts, batch, reader)
        await upload.read(beginning, body)
    shown = await run_in_threadpool(_shown, service, principal, batch.batch_id, 0)
    resumed = {} if batch.is_new else {"resumedFrom": upload.first_new}
    return answers.json_answer({**shown, **resumed}, 202, {"Location": f"/orders/hardware/batch/{batch.batch_id}"})


@router.get("/orders/hardware/batch/{batchId}", **openapi.GET_BATCH)
async def get_batch(request: Request) -> Response:
    """How far a batch has come, and what became of each line; readable from its first line on."""
    service = context(request)
    principal = service.authenticator.principal(request, Role.ORDERS_READ, Role.ORDERS_WRITE)
    query = Query(request, ("cursor", "limit", "outcome"))
    batch_id = request.path_params["batchId"]
    if not identifiers.is_uuid(batch_id):
        raise invalid_field("batchId", "bad_uuid", "must be a UUID in canonical form: lower case with hyphens")
    after = query.number("cursor", -1, 0, openapi.ITEM_INDEX_MOST)
    limit = query.number("limit", openapi.ITEMS_DEFAULT, 1, openapi.ITEMS_MOST)
    outcome = query.word("outcome", Outcome)
    preference = headers.preference(request, 0)
    said = {"Preference-Applied": preference.applied} if preference.applied else {}
    is_download = bodies.NDJSON in request.headers.get("accept", "")
    if preference.seconds or is_download:
        await _wait(service, principal, batch_id, preference.seconds)
    if is_download:
        rows = _all(service, principal, batch_id, outcome, after)
        return StreamingResponse(rows, headers=answers.NO_STORE | said, media_type=bodies.NDJSON)
    shown = await run_in_threadpool(_shown, service, principal, batch_id, limit, outcome=outcome, after=after)
    return answers.json_answer(shown, headers=said)


async def _wait(service: Context, principal: Principal, batch_id: str, seconds: float) -> None:
    """Wait up to `seconds` until the batch has settled. Raises NoSuchBatchError, and Problem 503 when too many wait."""
    caller = principal.actor.uid or ""
    _, settled_at = await run_in_threadpool(batch_progress.times, service.database, caller, batch_id)
    if seconds and settled_at is None:
        async with turns.turn(service.batch_waits, "waits for batches"):
            await service.batch_waiting.settled(batch_id, seconds)


def _shown(
    service: Context,
    principal: Principal,
    batch_id: str,
    limit: int,
    *,
    outcome: Outcome | None = None,
    after: int = -1,
) -> dict[str, object]:
    times = batch_progress.times(service.database, principal.actor.uid or "", batch_id)
    with service.database.read_for(principal.entities) as connection:
        found = batch_progress.progress(connection, principal.entities, batch_id, *times)
        page = Page([], None)
        if limit:
            page = batch_progress.page(
                connection, principal.entities, batch_id, outcome=outcome, after=after, limit=limit
            )
    return {
        "batchId": found.batch_id,
        "status": found.status,
        "accepted": found.accepted,
        "settled": found.settled,
        "failed": found.failed,
        "settledAt": None if found.settled_at is None else instants.text(found.settled_at),
        "items": page.items,
        "nextCursor": None if page.last is None else str(page.last),
    }


def _all(service: Context, principal: Principal, batch_id: str, outcome: Outcome | None, after: int) -> Iterator[bytes]:
    """Every item as a line. A connection is used for a page at a time, however slowly the caller reads."""
    place: int | None = after
    while place is not None:
        with service.database.read_for(principal.entities) as connection:
            page = batch_progress.page(
                connection, principal.entities, batch_id, outcome=outcome, after=place, limit=openapi.ITEMS_MOST
            )
        place = page.last
        yield b"".join(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in page.items)
