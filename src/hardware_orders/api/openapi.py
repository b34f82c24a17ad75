"""What the OpenAPI document says of each operation: routes read their requests by hand, so this is said by hand."""

import json
from typing import Any

from hardware_orders.contract.body import cancellation_schema, order_schema

_ORDER_ID = {
    "name": "orderId",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "The order's id, as the service gave it.",
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "RFC 7240: `wait=N` waits up to N seconds (at most 30) for the settled order; `respond-async` does not.",
    "example": "respond-async",
}


def _boolean_header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": {"type": "boolean", "default": False}, "description": description}


def schemas() -> dict[str, Any]:
    """The schemas of request bodies and all they refer to, for the document's `components`."""
    found: dict[str, Any] = {}
    for schema in (order_schema(), cancellation_schema()):
        found |= schema.pop("$defs", {})
        found[schema["title"]] = schema
    moved: dict[str, Any] = json.loads(json.dumps(found).replace("#/$defs/", "#/components/schemas/"))
    return moved


def _body(schema: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/problem+json": {"schema": {"type": "object"}}}}


_SETTLED = {"description": "The order, settled.", "content": {"application/json": {"schema": {"type": "object"}}}}
_ACCEPTED = {"description": "The order is stored and will be settled; `Location` says where to look."}
_ERRORS = {
    400: _problem("A field, header or the JSON itself is invalid; `param` names the first."),
    401: _problem("No token, or not a good one."),
    403: _problem("The token lacks a role, or is for other customers."),
    503: _problem("Overloaded, or the database is away; `Retry-After` says when to try again."),
}
_NOT_FOUND = {404: _problem("No such order.")}
_CONFLICT = {409: _problem("The order's status does not allow it.")}


def _operation(name: str, responses: dict[int, Any], **extra: Any) -> dict[str, Any]:
    return {"operation_id": name, "responses": {**responses, **_ERRORS}, "openapi_extra": extra}


ADD_HARDWARE_ORDER = _operation(
    "addHardwareOrder",
    {
        200: _SETTLED,
        202: _ACCEPTED,
        409: _problem("The key's first request is not stored yet."),
        422: _problem("The key belongs to another request."),
    },
    parameters=[
        _boolean_header("saveDraft", "true saves the order as a draft; absent or false, it is submitted at once."),
        _boolean_header("X-Use-Simplified-Order-Flow", "true completes the order from the customer's portfolio."),
        _PREFER,
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "Makes the request safe to repeat: a repeat answers with the order that the first one made.",
        },
    ],
    requestBody=_body("HardwareOrder"),
)
REPLACE_HARDWARE_ORDER = _operation(
    "replaceHardwareOrder",
    {200: _SETTLED, 202: _ACCEPTED, **_NOT_FOUND, **_CONFLICT},
    parameters=[_ORDER_ID, _PREFER],
    requestBody=_body("HardwareOrder"),
)
GET_ORDER = _operation("getOrder", {200: _SETTLED, **_NOT_FOUND}, parameters=[_ORDER_ID])
SUBMIT_DRAFT = _operation(
    "submitDraft", {200: _SETTLED, 202: _ACCEPTED, **_NOT_FOUND, **_CONFLICT}, parameters=[_ORDER_ID, _PREFER]
)
CANCEL_ORDER = _operation(
    "cancelOrder",
    {200: _SETTLED, **_NOT_FOUND, **_CONFLICT},
    parameters=[_ORDER_ID],
    requestBody=_body("OrderCancelRequest"),
)
ORDER_EVENTS = _operation(
    "listOrderEvents",
    {200: {"description": "CloudEvents of this order, the oldest first."}, **_NOT_FOUND},
    parameters=[
        _ORDER_ID,
        {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0, "default": 0}},
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}},
    ],
)
