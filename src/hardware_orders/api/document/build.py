"""Puts the OpenAPI 3.1 document together: what the routes say of themselves, and the components they refer to."""

import re
from collections.abc import Iterable
from typing import Any

from fastapi.routing import APIRoute

from hardware_orders.api.document import examples, parameters, responses, schemas

SUMMARY = "Takes orders for payment terminals, completes them from the customer's portfolio, and settles them."
DESCRIPTION = """\
A client sends an order; the service stores it, completes what was left out from the customer's portfolio, and decides
whether it is a draft, submitted or on hold. Every step is told as an event.

- **A 2xx means that the order is stored.** 200 has it settled; 202 has it `RECEIVED`, when settling took longer than the
  client wants to wait (`Prefer`). It is settled all the same, and read at `Location`.
- **Repeating is safe** with an `Idempotency-Key`: a repeat is answered with the order that the first request made.
- **Every error is `application/problem+json`** (RFC 9457). `detail` says how to mend it, `errors` names the fields.
- **No answer is kept** by what is between, unless it says how long (`Cache-Control: no-store`). Each has
  `X-Content-Type-Options: nosniff`, `Referrer-Policy: no-referrer` and `Strict-Transport-Security`.
- **Members are absent, never `null`**, where there is nothing to say, and members of a request that the reference does not
  name are refused. In answers, new ones may appear.
- **Instants** are RFC 3339 date-times with a zone, in the years 2000 to 2199. Ids are UUIDs in lower case.
  Whole numbers are written as such: `2`, not `2.0`.
"""
TAGS = [
    {"name": "Hardware Orders", "description": "Making an order, and replacing it before it is submitted."},
    {"name": "Events", "description": "Following what becomes of all orders."},
    {"name": "Orders", "description": "Finding and reading orders, submitting, discarding and cancelling them."},
    {"name": "Batches", "description": "Thousands of orders in one request, and what became of each."},
    {"name": "Webhooks", "description": "Endpoints that are told what happens to orders, signed and in order."},
    {"name": "Fulfilment", "description": "Reports of what becomes of orders after their submission."},
    {"name": "Administration", "description": "What the operators of the service do about orders of any customer."},
]
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JWT access token (RFC 9068) with `sub`, `entity_id` (the customers it acts for, or `*`) and "
        "`roles`, or an API key. Each operation names the roles of which it needs one.",
    }
}


def document(routes: Iterable[APIRoute], *, title: str, version: str) -> dict[str, Any]:
    """The document of these routes; those with `include_in_schema=False` are no part of it."""
    paths: dict[str, Any] = {}
    for route in routes:
        if route.include_in_schema:
            for method in sorted(route.methods or ()):
                paths.setdefault(route.path, {})[method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "summary": SUMMARY, "description": DESCRIPTION},
        "servers": [{"url": "/", "description": "Where this document was found."}],
        "tags": TAGS,
        "paths": paths,
        "components": {
            "schemas": schemas.schemas(),
            "parameters": parameters.PARAMETERS,
            "headers": parameters.HEADERS,
            "responses": responses.RESPONSES,
            "examples": examples.examples(),
            "links": responses.LINKS,
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _operation(route: APIRoute) -> dict[str, Any]:
    name = route.operation_id or route.name
    return {
        "operationId": name,
        "summary": _words(name),
        "description": route.description,
        "tags": route.tags,
        **(route.openapi_extra or {}),
        "responses": {str(status): response for status, response in route.responses.items()},
    }


def _words(name: str) -> str:
    """`addHardwareOrder` as a title: Add hardware order."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize()
