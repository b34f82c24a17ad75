"""The answers of operations: orders with their headers and links, and a problem for each way to fail."""

from typing import Any

from hardware_orders.api.bodies import BODY_MOST_BYTES, NDJSON
from hardware_orders.api.document import reference
from hardware_orders.api.problems import MEDIA_TYPE as PROBLEM

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
_HEADERS = {
    "ETag": "ETag",
    "Idempotent-Replayed": "IdempotentReplayed",
    "Location": "Location",
    "Preference-Applied": "PreferenceApplied",
    "RateLimit": "RateLimit",
    "RateLimit-Policy": "RateLimitPolicy",
    "Retry-After": "RetryAfter",
    "WWW-Authenticate": "WwwAuthenticate",
    "X-Request-Id": "RequestId",
}
# Of every answer, where the service limits rates.
_OF_ALL = ("RateLimit", "RateLimit-Policy")
# What can be done next with an order that was answered.
_NEXT = {
    "getOrder": "Reads the order.",
    "replaceHardwareOrder": "Replaces it, before it is submitted; it stays its customer's.",
    "submitDraft": "Submits it, while it is a draft.",
    "cancelOrder": "Cancels it, while its `canCancel` says so.",
    "listOrderEvents": "Tells what has become of it.",
}
LINKS: dict[str, Any] = {
    operation: {
        "operationId": operation,
        "description": description,
        "parameters": {"orderId": "$response.body#/orderId"},
    }
    for operation, description in _NEXT.items()
}
LINKS["replaceHardwareOrder"]["requestBody"] = {"customerEntityUid": "$response.body#/customerEntityUid"}


def no_content(description: str, *headers: str) -> dict[str, Any]:
    """An answer without a body."""
    return {"description": description, "headers": _named((*headers, *_OF_ALL))}


def an_answer(
    description: str, schema: str, *headers: str, example: str | None = None, links: bool = False
) -> dict[str, Any]:
    """A body of this schema; `headers` and `example` are names, `links` are those of an order."""
    content: dict[str, Any] = {"schema": reference.schema(schema)}
    if example:
        content["examples"] = {example: reference.example(example)}
    found = {**no_content(description, *headers), "content": {JSON: content}}
    if links:
        found["links"] = {name: reference.link(name) for name in LINKS}
    return found


def a_batch(description: str, headers: dict[str, Any], *, ndjson: bool = False) -> dict[str, Any]:
    """A batch as JSON; with `ndjson` its items alone as well, for a caller who accepts that."""
    found = an_answer(description, "OrderBatch", example="batch")
    found["headers"] |= headers
    if ndjson:
        found["content"][NDJSON] = {"schema": reference.schema("BatchItems")}
    return found


def events_by_accept(description: str) -> dict[str, Any]:
    """Events as JSON, as lines, or as a live stream."""
    found = an_answer(description, "OrderEvents", "Preference-Applied", example="events")
    found["content"][NDJSON] = {"schema": reference.schema("EventLines")}
    found["content"][EVENT_STREAM] = {"schema": reference.schema("EventStream")}
    return found


def settled(*headers: str, example: str = "submitted") -> dict[int, Any]:
    """200: what an operation answers that waits for the worker; 202 when the wait was too long, or not wanted."""
    said = ("ETag", "Preference-Applied", *headers)
    return {
        200: an_answer("The order, settled.", "Order", *said, example=example, links=True),
        202: an_answer(
            "The order is stored and will be settled; `Location` says where to look.",
            "Order",
            "Location",
            *said,
            example="received",
            links=True,
        ),
    }


def _named(headers: tuple[str, ...]) -> dict[str, Any]:
    return {name: reference.header(_HEADERS[name]) for name in headers}


def _problem(name: str, description: str, *headers: str) -> dict[str, Any]:
    content = {"schema": reference.schema("Problem"), "examples": {name: reference.example(name)}}
    return {**no_content(description, *headers), "content": {PROBLEM: content}}


# By status, then by the name of the component, which its example has too.
_PROBLEMS = {
    400: (
        "invalid",
        "The JSON, a field, a header or a parameter is invalid; `param` names the first, `errors` up to twenty.",
    ),
    401: ("unauthenticated", "No token, or one that is not valid here.", "WWW-Authenticate"),
    403: ("forbidden", "The token lacks a role, or does not allow orders for this customer."),
    404: ("notFound", "There is no such order, or none that the token may see."),
    408: ("tooSlow", "The request did not arrive in time."),
    409: ("conflict", "The order's status does not allow it."),
    410: ("gone", "Events that were asked for are no longer kept."),
    412: ("stale", "The order is not at a version that `If-Match` names."),
    413: ("tooLarge", f"The body is larger than {BODY_MOST_BYTES // 2**20} MiB."),
    415: ("unsupportedMediaType", "The body is not sent as `application/json` in UTF-8 without a coding."),
    422: ("keyReused", "The Idempotency-Key belongs to a different request."),
    429: ("tooMany", "More requests than the caller's rate allows.", "Retry-After"),
    431: ("headTooLarge", "Too many header fields, or too large ones."),
    500: ("fault", "The service made a mistake, which is logged.", "X-Request-Id"),
    503: ("unavailable", "The service is overloaded, or what it needs is away; send the request again.", "Retry-After"),
}
RESPONSES: dict[str, Any] = {name: _problem(name, *said) for name, *said in _PROBLEMS.values()}
# 409 of a key whose first request is being stored can be tried again, unlike that of an order's status.
RESPONSES["keyInFlight"] = _problem("keyInFlight", "The key's first request is not stored yet.", "Retry-After")
RESPONSES["portfolioChanged"] = _problem(
    "portfolioChanged",
    "The order's status does not allow it; or a newer portfolio would change what the draft shows, and `changes` says how.",
)
RESPONSES["webhookRefused"] = _problem("webhookRefused", "As things are, the service will not: `detail` says why.")
RESPONSES["notDerivable"] = _problem("notDerivable", "No portfolio completes the order: `errors` says why.")


def problems(*statuses: int) -> dict[int, Any]:
    """The problems of these statuses, as references."""
    return {status: reference.response(_PROBLEMS[status][0]) for status in statuses}


PORTFOLIO_CHANGED = {409: reference.response("portfolioChanged")}
WEBHOOK_REFUSED = {409: reference.response("webhookRefused")}
NOT_DERIVABLE = {409: reference.response("notDerivable")}
KEY_IN_FLIGHT = {409: reference.response("keyInFlight")}
