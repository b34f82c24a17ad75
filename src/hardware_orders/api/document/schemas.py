"""The schemas of all bodies: those of the contract as it publishes them, and those that only answers have.

What a client sends is closed, and so is its part of an order that is answered. What the service adds is open: a client
must bear members that it does not know.
"""

import json
import re
from typing import Any

from hardware_orders.api import webhook_body
from hardware_orders.api.document import (
    batch_schemas,
    event_schemas,
    order_schemas,
    problem_schemas,
    reference,
    transition_schemas,
    webhook_schemas,
)
from hardware_orders.contract.body import cancellation_schema, order_schema, progress_schema

# An object in which any member may be absent: to be derived yet, or found missing.
PARTIAL = "Partial"
# Named, so that clients that are generated have one name for it.
_REQUEST = {
    "description": "The order. Without the simplified flow nested objects need all their required members.",
    "anyOf": [reference.schema("HardwareOrder"), reference.schema(PARTIAL + "HardwareOrder")],
}
_INSIDE = "#/$defs/"  # of a schema on its own


def schemas() -> dict[str, Any]:
    """All schemas by name, with references that hold inside the document's `components`."""
    bodies = _named(order_schema()) | _named(cancellation_schema()) | _named(progress_schema())
    for schema in webhook_body.schemas():
        bodies |= _named(schema)
    partial = _partial(bodies, _named(order_schema(complete=False)))
    answers = {
        **order_schemas.schemas(partial[PARTIAL + "HardwareOrder"]["properties"]),
        **event_schemas.schemas(),
        **batch_schemas.schemas(),
        **transition_schemas.schemas(),
        **webhook_schemas.schemas(),
        **problem_schemas.schemas(),
    }
    # The union comes behind its parts: to a generator that translates schema by schema, it is no more than their names.
    named = {**dict(sorted({**bodies, **partial, **answers}.items())), "HardwareOrderRequest": _REQUEST}
    found = json.dumps(named)
    moved: dict[str, Any] = json.loads(found.replace(_INSIDE, "#/components/schemas/"))
    return moved


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    definitions: dict[str, Any] = schema.pop("$defs")
    return {**definitions, schema.pop("title"): schema}


def _partial(complete: dict[str, Any], incomplete: dict[str, Any]) -> dict[str, Any]:
    """The objects of an incomplete order that differ from the complete one's, under names of their own."""
    differ = {name for name, schema in incomplete.items() if schema != complete[name]}
    while more := {name for name in incomplete.keys() - differ if _references(incomplete[name]) & differ}:
        differ |= more
    text = json.dumps({name: _described(name, incomplete[name]) for name in differ})
    for name in differ:
        text = text.replace(f'"{_INSIDE}{name}"', f'"{_INSIDE}{PARTIAL}{name}"')
    return {PARTIAL + name: schema for name, schema in json.loads(text).items()}


def _described(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        **schema,
        "description": f"{schema['description']} As {name}, of an incomplete order: nested objects may lack any member.",
    }


def _references(schema: dict[str, Any]) -> set[str]:
    return set(re.findall(rf'"{re.escape(_INSIDE)}(\w+)"', json.dumps(schema)))
