"""`/webhooks`: endpoints that are told what happens to the caller's orders (docs/webhooks.md)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hardware_orders import identifiers, instants
from hardware_orders.api import answers, openapi, turns, webhook_body
from hardware_orders.api.authentication import Principal, Role
from hardware_orders.api.context import Context, context
from hardware_orders.api.problems import invalid_field
from hardware_orders.api.query import Query
from hardware_orders.api.webhook_body import WebhookEndpointChange, WebhookEndpointRequest, WebhookReplay
from hardware_orders.delivery.cloudevent import TYPE_PREFIX
from hardware_orders.delivery.webhooks import attempts, by_hand, endpoints
from hardware_orders.delivery.webhooks.by_hand import Attempt
from hardware_orders.delivery.webhooks.endpoints import Endpoint

router = APIRouter(tags=["Webhooks"])


@router.post("/webhooks", **openapi.ADD_WEBHOOK)
async def add_webhook(request: Request) -> Response:
    """Makes an endpoint that is told what happens from now on. Its secret is shown this once."""
    service, principal = _asking(request)
    body = await webhook_body.read(request, WebhookEndpointRequest)
    wanted = webhook_body.columns(principal, body, service.webhooks.allowed, is_new=True)
    endpoint_id, secret = await run_in_threadpool(
        endpoints.create, service.database, service.webhooks.secrets, principal.actor, wanted
    )
    shown = await run_in_threadpool(_found, service, principal, endpoint_id)
    answer = {**_endpoint(shown), "secret": secret}
    return answers.json_answer(answer, 201, {"Location": f"/webhooks/{endpoint_id}"})


@router.get("/webhooks", **openapi.LIST_WEBHOOKS)
def list_webhooks(request: Request) -> Response:
    """The endpoints whose customers the caller acts for, the oldest first."""
    service, principal = _asking(request)
    query = Query(request, ("cursor", "limit"))
    after = query.uuid("cursor") or ""
    limit = query.number("limit", openapi.WEBHOOKS_DEFAULT, 1, openapi.WEBHOOKS_MOST)
    with service.database.read_for(principal.entities) as connection:
        found = endpoints.visible(connection, principal.entities)
    page = [endpoint for endpoint in found if endpoint.endpoint_id > after]
    items = [_endpoint(endpoint) for endpoint in page[:limit]]
    return answers.json_answer({"items": items, "nextCursor": items[-1]["endpointId"] if page[limit:] else None})


@router.get("/webhooks/{endpointId}", **openapi.GET_WEBHOOK)
def get_webhook(request: Request) -> Response:
    """An endpoint, with how far it has come, and why nothing is sent to it if nothing is."""
    service, principal = _asking(request)
    return answers.json_answer(_endpoint(_found(service, principal, _endpoint_id(request))))


@router.patch("/webhooks/{endpointId}", **openapi.CHANGE_WEBHOOK)
async def change_webhook(request: Request) -> Response:
    """Changes an endpoint, pauses it or resumes it; resumed, it goes on where it stood."""
    service, principal = _asking(request)
    endpoint_id = _endpoint_id(request)
    body = await webhook_body.read(request, WebhookEndpointChange)
    changed = webhook_body.columns(principal, body, service.webhooks.allowed, is_new=False)
    return await _changed(service, principal, endpoint_id, partial(endpoints.change, changed=changed))


@router.delete("/webhooks/{endpointId}", **openapi.REMOVE_WEBHOOK)
def remove_webhook(request: Request) -> Response:
    """Removes an endpoint for good; nothing more is sent to it."""
    service, principal = _asking(request)
    endpoint_id = _endpoint_id(request)
    _found(service, principal, endpoint_id)
    endpoints.remove(*_by(service, principal, endpoint_id))
    return Response(status_code=204, headers=answers.NO_STORE)


@router.post("/webhooks/{endpointId}/secret", **openapi.RENEW_WEBHOOK_SECRET)
def renew_webhook_secret(request: Request) -> Response:
    """Gives an endpoint a new secret, shown this once. For a day the one before signs as well."""
    service, principal = _asking(request)
    endpoint_id = _endpoint_id(request)
    _found(service, principal, endpoint_id)
    secret, until = endpoints.renew_secret(
        service.database, service.webhooks.secrets, principal.actor, endpoint_id, principal.entities
    )
    return answers.json_answer({"secret": secret, "previousSecretUntil": instants.text(until)})


@router.post("/webhooks/{endpointId}/replay", **openapi.REPLAY_WEBHOOK)
async def replay_webhook(request: Request) -> Response:
    """Sends every event behind a position again, or passes over those up to it."""
    service, principal = _asking(request)
    endpoint_id = _endpoint_id(request)
    after = (await webhook_body.read(request, WebhookReplay))["after"]
    return await _changed(service, principal, endpoint_id, partial(endpoints.replay, after=after))


@router.post("/webhooks/{endpointId}/test", **openapi.TEST_WEBHOOK)
async def test_webhook(request: Request) -> Response:
    """Sends a test event now, also while the endpoint is paused, and tells what became of it."""
    service, principal = _asking(request)
    endpoint = await run_in_threadpool(_found, service, principal, _endpoint_id(request))
    async with turns.turn(service.webhooks.sends, "deliveries by hand"):
        attempt = await run_in_threadpool(service.webhooks.by_hand.test, principal.actor, endpoint)
    return answers.json_answer(_made(attempt))


@router.post("/webhooks/{endpointId}/deliveries/{eventId}/redeliver", **openapi.REDELIVER)
async def redeliver(request: Request) -> Response:
    """Sends an event once more that was sent to this endpoint before, and tells what became of it."""
    service, principal = _asking(request)
    endpoint_id, event_id = _endpoint_id(request), _uuid(request, "eventId")

    def recorded() -> tuple[Endpoint, Any]:
        with service.database.read_for(principal.entities) as connection:
            endpoint = endpoints.get(connection, endpoint_id, principal.entities)
            return endpoint, by_hand.recorded(connection, endpoint, event_id)

    endpoint, row = await run_in_threadpool(recorded)
    async with turns.turn(service.webhooks.sends, "deliveries by hand"):
        attempt = await run_in_threadpool(service.webhooks.by_hand.redeliver, principal.actor, endpoint, row)
    return answers.json_answer(_made(attempt))


@router.get("/webhooks/{endpointId}/deliveries", **openapi.LIST_DELIVERIES)
def list_deliveries(request: Request) -> Response:
    """What became of each attempt to send to an endpoint, the newest first."""
    service, principal = _asking(request)
    query = Query(request, ("cursor", "limit"))
    before = query.number("cursor", openapi.ATTEMPT_MOST, 1, openapi.ATTEMPT_MOST)
    limit = query.number("limit", openapi.WEBHOOKS_DEFAULT, 1, openapi.WEBHOOKS_MOST)
    endpoint_id = _endpoint_id(request)
    with service.database.read_for(principal.entities) as connection:
        endpoints.get(connection, endpoint_id, principal.entities)
        rows = attempts.newest(connection, endpoint_id, limit + 1, before)
    items = [_attempt(row) for row in rows[:limit]]
    return answers.json_answer({"items": items, "nextCursor": str(rows[limit - 1]["id"]) if rows[limit:] else None})


def _asking(request: Request) -> tuple[Context, Principal]:
    service = context(request)
    return service, service.authenticator.principal(request, Role.WEBHOOKS_WRITE)


def _by(service: Context, principal: Principal, endpoint_id: str) -> tuple[Any, ...]:
    return service.database, principal.actor, endpoint_id, principal.entities


def _endpoint_id(request: Request) -> str:
    return _uuid(request, "endpointId")


def _uuid(request: Request, name: str) -> str:
    value: str = request.path_params[name]
    if not identifiers.is_uuid(value):
        raise invalid_field(name, "bad_uuid", "must be a UUID in canonical form: lower case with hyphens")
    return value


def _found(service: Context, principal: Principal, endpoint_id: str) -> Endpoint:
    with service.database.read_for(principal.entities) as connection:
        return endpoints.get(connection, endpoint_id, principal.entities)


async def _changed(service: Context, principal: Principal, endpoint_id: str, act: Callable[..., None]) -> Response:
    """The endpoint as the act leaves it; what the caller does not see, it does not change."""

    def changed() -> Endpoint:
        _found(service, principal, endpoint_id)
        act(*_by(service, principal, endpoint_id))
        return _found(service, principal, endpoint_id)

    return answers.json_answer(_endpoint(await run_in_threadpool(changed)))


def _endpoint(shown: Endpoint) -> dict[str, Any]:
    found = {
        "endpointId": shown.endpoint_id,
        "url": shown.url,
        "description": shown.description,
        "eventTypes": [TYPE_PREFIX + kind for kind in shown.event_types or ()],
        "customerEntityUids": shown.customers,
        "enabled": shown.paused_at is None,
        "pausedReason": shown.paused_reason,
        "pausedAt": shown.paused_at and instants.text(shown.paused_at),
        "position": shown.position,
        "failedAttempts": shown.attempts,
        "failingSince": shown.failing_since and instants.text(shown.failing_since),
        "nextAttemptAt": instants.text(shown.due_at) if shown.attempts and not shown.paused_at else None,
        "previousSecretUntil": shown.previous_secret_until and instants.text(shown.previous_secret_until),
        "createdAt": instants.text(shown.created_at),
        "changedAt": instants.text(shown.changed_at),
    }
    return _without_null(found)


def _made(attempt: Attempt) -> dict[str, Any]:
    result = attempt.result
    row = {"status": result.status, "error": result.error, "answer": result.answer, "duration_ms": result.duration_ms}
    return _attempt({**attempt.sent._asdict(), **row, "kind": attempt.kind.value, "attempted_at": attempt.at})


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    found = {
        "eventId": row["event_id"],
        "eventType": row["event_type"],
        "position": row["position"],
        "kind": row["kind"],
        "attemptedAt": instants.text(row["attempted_at"]),
        "durationMs": row["duration_ms"],
        "delivered": row["error"] is None,
        "status": row["status"],
        "error": row["error"],
        "answer": row["answer"],
    }
    return _without_null(found)


def _without_null(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
