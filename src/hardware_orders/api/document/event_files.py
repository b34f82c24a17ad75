"""A JSON Schema (draft 2020-12) for each type of event, as files that refer to one with what they share.

The published ones are in docs/schemas/events; a test holds that a consumer of those can read what is told now.
"""

import json
import re
from typing import Any

from hardware_orders.delivery.cloudevent import TYPE_PREFIX
from hardware_orders.orders.status import EventType

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SHARED = "order-event.json"
SHARED_NAME = "OrderEvent"
_COMPONENTS = "#/components/schemas/"

MEANINGS = {
    EventType.RECEIVED: "The order was stored; nothing is decided yet.",
    EventType.DRAFTED: "The order was completed and kept as a draft, or its submission was stopped.",
    EventType.SUBMITTED: "The order was completed and submitted.",
    EventType.REPLACED: "A PUT replaced the order's body.",
    EventType.HELD: "The order was parked before its submission, or fulfilment holds it; `code` says why.",
    EventType.PROGRESSED: "Fulfilment reported progress, or the caller asked fulfilment to cancel the order.",
    EventType.COMPLETED: "Fulfilment delivered the order.",
    EventType.CANCELLED: "The order was cancelled by its caller, or by fulfilment.",
    EventType.DISCARDED: "The order was thrown away before its submission.",
    EventType.STALLED: "The order waits to be settled for longer than it should, and goes on waiting. Told once an order.",
    EventType.ERASED: "What was about a person was erased from the order, and from every earlier event of it. "
    "Whoever keeps those erases it there as well.",
}


def files(schemas: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By file name; `schemas` are the components of the OpenAPI document."""
    shared = {"$schema": DRAFT, "title": "What all events share", "$defs": closure(schemas)}
    inside: dict[str, Any] = json.loads(json.dumps(shared).replace(_COMPONENTS, "#/$defs/"))
    by_type = {
        f"{kind}.json": {"$schema": DRAFT, **of_type(kind, f"{SHARED}#/$defs/{SHARED_NAME}")} for kind in EventType
    }
    return {SHARED: inside, **by_type}


def of_type(kind: EventType, shared: str) -> dict[str, Any]:
    """The schema of one type's events; `shared` is where the schema of all events is found. What is told is numbered."""
    numbered = {"type": "object", "properties": {"position": {"type": "integer"}}}
    return {
        "title": kind.value,
        "description": MEANINGS[kind],
        "allOf": [{"$ref": shared}],
        "type": "object",
        "properties": {"type": {"const": TYPE_PREFIX + kind}, "data": numbered},
        "required": ["type", "sequence"],
    }


def closure(schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of all events and every one that it refers to, by name."""
    found: set[str] = set()
    more = {SHARED_NAME}
    while more:
        found |= more
        text = json.dumps([schemas[name] for name in more])
        more = set(re.findall(rf'"{_COMPONENTS}(\w+)"', text)) - found
    return {name: schemas[name] for name in sorted(found)}
